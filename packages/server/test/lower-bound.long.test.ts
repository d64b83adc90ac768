import { expect, test } from 'vitest';
import { train } from '../dist/index.js';

// MARINA-P, Theorem 3.1: T = d = 10, L = δ⁰ = 1, ε = δ⁰L/(2Tℓ₁Δ⁰). ‖∇f(x)‖² ≤ ε needs the last coordinate of the chain.
const epsilon = 1 / (2 * 10 * 152 * 12);

test.each(['rand-k', 'same-rand-k'])('lower-bound: rounds to ε grow linearly in ω + 1 with %s', async (compressor) => {
  const rounds = async (k: number) => {
    const seeds = ['0', '1', '2'].map(async (seed) => {
      const { rounds, stopReason } = await train({
        problem: 'lower-bound:t=10',
        method: 'marina-p',
        downlink: `${compressor}:k=${k}`,
        workers: 4,
        transport: 'loopback',
        wire: 'f64',
        seed,
        target: epsilon,
        evalEvery: 1,
        rounds: 50_000,
      }).result;
      expect(stopReason).toBe('target');
      return rounds / 3;
    });
    return (await Promise.all(seeds)).reduce((sum, v) => sum + v, 0);
  };
  // ω + 1 = d/K
  const unit = await rounds(10);
  for (const [k, factor] of [
    [5, 2],
    [2, 5],
    [1, 10],
  ]) {
    const ratio = (await rounds(k)) / unit;
    expect(Math.abs(ratio / factor - 1), `ω + 1 = ${factor}: ${ratio} times the rounds`).toBeLessThan(0.1);
  }
});
