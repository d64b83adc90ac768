import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Metrics, type TrainOptions, train } from '../dist/index.js';
import { rowsOf } from './in-process.js';

// MARINA's problem (11) on mushrooms, contiguous split, x⁰ = 0: values of independent single-process programs.
const data = fileURLToPath(new URL('../../../../shared/data/mushrooms.xz', import.meta.url));
const present = existsSync(data);
if (!present) console.warn('mushrooms.xz is not in ../shared/data: its reference values are not tested');

const common: TrainOptions = { problem: 'nonconvex-logistic', data, workers: 5, threads: 2, evalEvery: 1 };

describe.skipIf(!present)('nonconvex-logistic on mushrooms, n = 5', () => {
  test('gradient descent, exactly', async () => {
    const rows = await rowsOf(train({ ...common, method: 'gd', wire: 'f64', rounds: 360 }));
    expect(rows[0].loss).toBe(0.25);
    expect(Math.abs(rows[0].gradNormSq / 0.07998103986689802 - 1)).toBeLessThan(1e-12);
    expect(Math.abs(rows[100].loss / 0.04141558914955221 - 1)).toBeLessThan(1e-12);
    expect(Math.abs(rows[100].gradNormSq / 0.0006976542712861852 - 1)).toBeLessThan(1e-11);
    const firstBelow = (target: number) => rows.findIndex((row) => row.gradNormSq <= target);
    expect([1e-2, 1e-3, 1e-4].map(firstBelow)).toEqual([16, 80, 349]);
  });

  test('DIANA, RandK K = 10, theory step size: 3,490 rounds to 1e-2', async () => {
    const runs = await Promise.all(
      ['0', '1', '2'].map(
        (seed) => train({ ...common, method: 'diana', uplink: 'rand-k:k=10', seed, target: 1e-2, rounds: 5000 }).result,
      ),
    );
    for (const run of runs) {
      expect(run.stepSize).toBeCloseTo(0.00137135, 8);
      expect(run.stopReason).toBe('target');
    }
    const mean = runs.reduce((sum, run) => sum + run.rounds, 0) / runs.length;
    // the reference is one run
    expect(Math.abs(mean / 3490 - 1), `mean ${mean}`).toBeLessThan(0.02);
  });

  test.each([
    [10, { rounds: [90.6, 0.5], bits: [59_974, 1784] }, { rounds: [447.2, 1.3], bits: [267_034, 16_037] }],
    [5, { rounds: [173.2, 2.2], bits: [62_272, 5121] }, { rounds: [853, 2.6], bits: [276_102, 24_225] }],
  ])('MARINA, RandK K = %i, theory step size: rounds and uplink bits to 1e-2 and 1e-3', async (k, first, second) => {
    const runs: Metrics[][] = [];
    for (const seed of ['0', '1', '2', '3', '4']) {
      runs.push(await rowsOf(train({ ...common, method: 'marina', uplink: `rand-k:k=${k}`, seed, target: 1e-3 })));
    }
    const agrees = (values: number[], [reference, referenceSd]: number[]) => {
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
      // both are means of five seeds
      const standardError = Math.sqrt((variance + referenceSd ** 2) / 5);
      expect(Math.abs(mean - reference), `mean ${mean}`).toBeLessThan(3 * standardError + 0.02 * reference);
    };
    for (const [target, { rounds, bits }] of [[1e-2, first] as const, [1e-3, second] as const]) {
      const reached = runs.map((rows) => rows.find((row) => row.gradNormSq <= target) as Metrics);
      agrees(
        reached.map((row) => row.round),
        rounds,
      );
      agrees(
        reached.map((row) => row.uplink.paperBits / 5),
        bits,
      );
    }
  });
});
