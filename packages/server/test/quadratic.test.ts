import { expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';

// MARINA-P's F.1, d = 1000. Reference: an independent single-process program, 5 seeds, tuned step sizes.
const common: TrainOptions = {
  problem: 'quadratic',
  transport: 'loopback',
  wire: 'f64',
  evalEvery: 1,
  targetRelative: 1e-4,
  rounds: 5000,
};

/** Mean over seeds of a worker's coordinates, both ways, to ‖∇f‖² ≤ 10⁻⁴ ‖∇f(x⁰)‖². */
async function coordinates(workers: number, seeds: string[], options: TrainOptions): Promise<number> {
  const runs = await Promise.all(seeds.map((seed) => train({ ...common, ...options, workers, seed }).result));
  expect(runs.map(({ stopReason }) => stopReason)).toEqual(runs.map(() => 'target-relative'));
  return (
    runs.reduce((sum, run) => sum + (run.uplink.coordinates + run.downlink.coordinates) / workers, 0) / runs.length
  );
}

test('CORE with m = 10: 18.5k coordinates, and no fewer with more workers', async () => {
  // γ = m/(d + m + 1) is the best for the identity: E‖x − γ g̃‖² = (1 − 2γ + γ²(d + m + 1)/m)‖x‖²
  const core = { method: 'core:m=10', stepSize: 10 / 1011, evalEvery: 10 };
  for (const [workers, seeds] of [
    [10, ['0', '1']],
    [50, ['0']],
  ] as const) {
    const found = await coordinates(workers, [...seeds], core);
    expect(Math.abs(found / 18_500 - 1), `n = ${workers}: ${found}`).toBeLessThan(0.06);
  }
});

test('gradient descent is there after one step', async () => {
  expect(await coordinates(10, ['0'], { method: 'gd' })).toBe(2000);
});
