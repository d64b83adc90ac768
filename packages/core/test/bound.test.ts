import { expect, test } from 'vitest';
import { boundWithMu, smoothnessFrom, uniformBound } from '../dist/index.js';

const smoothness = smoothnessFrom([2, 2]);

test.each([
  // 2 · 3/(0.5 · 0.1) = 120
  { stepSize: 0.5, delta: 3, target: 0.1, rounds: 120 },
  // 2/(0.3 · 0.7) = 9.52…
  { stepSize: 0.3, delta: 1, target: 0.7, rounds: 10 },
  { stepSize: 0.3, delta: 0, target: 0.7, rounds: 0 },
  // 2 · 0.1/(0.1 · 0.02) is a hundred and a bit in floating point
  { stepSize: 0.1, delta: 0.1, target: 0.02, rounds: 100 },
])('T = ⌈2δ⁰/(γε)⌉: γ = $stepSize, δ⁰ = $delta, ε = $target', ({ rounds, ...input }) => {
  expect(uniformBound(input).rounds).toBe(rounds);
  expect(boundWithMu(input, smoothness, {}).rounds).toBe(rounds);
});

test.each([
  // 2 · 2 · 4/0.01 = 1,600; ln 1600/−ln 0.9 = 70.02…
  { stepSize: 0.1, mu: 1, delta: 4, target: 0.01, rounds: 71 },
  // ln 1600/−ln 0.5 = 10.64…
  { stepSize: 0.5, mu: 1, delta: 4, target: 0.01, rounds: 11 },
  // x⁰ is good enough: 2 L δ⁰ < ε
  { stepSize: 0.5, mu: 1, delta: 0.001, target: 0.01, rounds: 0 },
])(
  'under PŁ T = ⌈ln(2 L_f δ⁰/ε)/−ln(1 − γμ)⌉, L_f = 2: $stepSize, $mu, $delta, $target',
  ({ rounds, mu, ...input }) => {
    const bound = boundWithMu(input, smoothness, { mu });
    expect(bound.rounds).toBe(rounds);
    expect(bound.quantity).not.toBe(uniformBound(input).quantity);
  },
);
