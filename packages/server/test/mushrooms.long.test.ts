import { describe, expect, test } from 'vitest';
import { fixture, offReference, type Spread } from '../../core/test/reference-data.js';
import { type Metrics, type TrainOptions, train } from '../dist/index.js';
import { rowsOf } from './in-process.js';

// MARINA's problem (11) on mushrooms, contiguous split, x⁰ = 0: values of independent single-process programs.
const data = fixture('mushrooms.xz');
const common: TrainOptions = { problem: 'nonconvex-logistic', data, workers: 5, threads: 2, evalEvery: 1 };

describe('nonconvex-logistic on mushrooms, n = 5', () => {
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
    [
      10,
      { rounds: { mean: 90.6, sd: 0.5 }, bits: { mean: 59_974, sd: 1784 } },
      { rounds: { mean: 447.2, sd: 1.3 }, bits: { mean: 267_034, sd: 16_037 } },
    ],
    [
      5,
      { rounds: { mean: 173.2, sd: 2.2 }, bits: { mean: 62_272, sd: 5121 } },
      { rounds: { mean: 853, sd: 2.6 }, bits: { mean: 276_102, sd: 24_225 } },
    ],
  ])('MARINA, RandK K = %i, theory step size: rounds and uplink bits to 1e-2 and 1e-3', async (k, first, second) => {
    const runs: Metrics[][] = [];
    for (const seed of ['0', '1', '2', '3', '4']) {
      runs.push(await rowsOf(train({ ...common, method: 'marina', uplink: `rand-k:k=${k}`, seed, target: 1e-3 })));
    }
    // five seeds here as there
    const agrees = (values: number[], expected: Spread) => {
      const { mean, off, allowed } = offReference(values, expected, 5);
      expect(off, `mean ${mean}`).toBeLessThan(allowed);
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
