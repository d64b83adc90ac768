import { describe, expect, test } from 'vitest';
import type { Metrics } from '../dist/index.js';
import { openInProcess } from './in-process.js';

// The instance of MARINA-P's Theorems 3.1 and G.4, L = δ⁰ = 1, at ω + 1 = T/K = 10. γL = 1000 is as good as any
// (packages/lab/test/lower-bound.long.test.ts tries five).
const T = 50;
const K = 5;
const epsilon = 1 / (2 * T * 152 * 12);

interface Case {
  readonly method: string;
  readonly downlink: string;
  readonly workers: number;
}

/** The rows of a run to ‖∇f‖² ≤ ε, the last its first that is there. */
async function rowsTo(
  { method, downlink, workers }: Case,
  seed: number,
  dealt = true,
  rounds = 8000,
): Promise<Metrics[]> {
  const rows: Metrics[] = [];
  const training = await openInProcess({
    problem: `lower-bound:t=${T}${dealt ? '' : ',dealt=false'}`,
    method,
    downlink,
    workers,
    wire: 'f64',
    stepSize: 1000,
    seed: String(seed),
    target: epsilon,
    evalEvery: 1,
    rounds,
  });
  const { stopReason } = await training.run({ onMetrics: (row) => void rows.push(row) });
  expect(stopReason).toBe('target');
  return rows;
}

/** Mean rounds over eight seeds. */
async function meanRounds(one: Case, dealt = true): Promise<number> {
  let sum = 0;
  for (let seed = 0; seed < 8; seed++) sum += ((await rowsTo(one, seed, dealt)).at(-1) as Metrics).round;
  return sum / 8;
}

const randK: Case = { method: 'marina-p', downlink: `rand-k:k=${K}`, workers: 4 };
const permK: Case = { method: 'marina-p', downlink: 'perm-k', workers: T / K };
const share = K / T;

describe('the lower bound, 1 + (T − 1)/q rounds, when the blocks are dealt out', () => {
  // chance that a round brings a coordinate to the one worker that needs it, dense rounds included, and mean and standard
  // deviation over 40 seeds of packages/lab/test/lower_bound.py
  const dense = share + (1 - share) * share;
  test.each([
    ['RandK', randK, dense, 318.9, 39.8],
    ['SameRandK', { ...randK, downlink: `same-rand-k:k=${K}` }, dense, 261, 28.9],
    ['PermK', permK, dense, 326, 32],
    ['EF21-P', { method: 'ef21-p', downlink: `scaled(rand-k:k=${K})`, workers: 4 }, share, 493.7, 78.7],
  ])('%s needs 0.8 to 1.5 times as many, and as many as an independent program', async (_, one, q, mean, sd) => {
    const rounds = await meanRounds(one);
    const bound = 1 + (T - 1) / q;
    expect(rounds / bound).toBeGreaterThan(0.8);
    expect(rounds / bound).toBeLessThan(1.5);
    expect(Math.abs(rounds - mean)).toBeLessThan(3 * sd * Math.sqrt(1 / 8 + 1 / 40));
  });

  test('more workers do not help RandK', async () => {
    expect(await meanRounds({ ...randK, workers: 16 })).toBeGreaterThan(0.8 * (1 + (T - 1) / dense));
  });
});

describe('the control, all of f at every worker', () => {
  test('PermK discovers a coordinate in every round', async () => {
    expect(await meanRounds(permK, false)).toBe(T);
  });

  test('RandK gains by more workers: q = p + (1 − p)(1 − (1 − K/d)ⁿ)', async () => {
    const n = 16;
    const q = share + (1 - share) * (1 - (1 - share) ** n);
    const rounds = await meanRounds({ ...randK, workers: n }, false);
    expect(Math.abs(rounds / (1 + (T - 1) / q) - 1)).toBeLessThan(0.1);
  });
});

test.each([
  ['RandK', randK],
  ['PermK', permK],
])('%s: at most one coordinate a round, and ‖∇f‖² > 2ε without the last', async (_, one) => {
  const rows = await rowsTo(one, 0);
  // a mean over workers of the same number, up to rounding
  const prog = rows.map(({ metrics }) => Math.round(metrics?.prog as number));
  expect(prog[0]).toBe(0);
  expect(prog[1]).toBe(1);
  for (let k = 1; k < prog.length; k++) {
    expect(prog[k] - prog[k - 1]).toBeGreaterThanOrEqual(0);
    expect(prog[k] - prog[k - 1]).toBeLessThanOrEqual(1);
    if (prog[k] < T) expect((rows[k] as Metrics).gradNormSq).toBeGreaterThan(2 * epsilon);
  }
  expect(prog.at(-1)).toBe(T);
});
