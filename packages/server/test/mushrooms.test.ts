import { describe, expect, test } from 'vitest';
import { fixture, offReference, reference } from '../../core/test/reference-data.js';
import { type Metrics, type TrainOptions, train } from '../dist/index.js';
import { rowsOf } from './in-process.js';

// MARINA's problem (11) on an excerpt of mushrooms, contiguous split, x⁰ = 0: values of an independent program for the same rows.
const common: TrainOptions = {
  problem: 'nonconvex-logistic',
  data: fixture('mushrooms-508.libsvm'),
  threads: 2,
  evalEvery: 1,
};

describe('nonconvex-logistic on 508 rows of mushrooms', () => {
  const descents = reference.gradientDescent.filter(({ file }) => file === 'mushrooms-508.libsvm');
  test.each(descents)('gradient descent, n = $workers: values and rounds, exactly', async (expected) => {
    const { workers, steps, targets } = expected;
    const rows = await rowsOf(train({ ...common, workers, method: 'gd', wire: 'f64', rounds: steps }));
    for (const [k, row] of [rows[0], rows[steps]].entries()) {
      expect(Math.abs(row.loss / expected.loss[k] - 1)).toBeLessThan(1e-10);
      expect(Math.abs(row.gradNormSq / expected.gradNormSq[k] - 1)).toBeLessThan(1e-10);
    }
    expect(targets.map((target) => rows.findIndex((row) => row.gradNormSq <= target))).toEqual(expected.rounds);
  });

  test.each(reference.stochastic)(
    '$method, RandK K = $k, theory step size: rounds and uplink bits',
    async (expected) => {
      const { method, workers, k, targets } = expected;
      const runs: Metrics[][] = [];
      for (const seed of method === 'diana' ? ['0', '1'] : ['0', '1', '2']) {
        const run = train({
          ...common,
          transport: 'loopback',
          method,
          workers,
          uplink: `rand-k:k=${k}`,
          seed,
          target: targets.at(-1),
          rounds: 5000,
        });
        runs.push(await rowsOf(run));
        expect(Math.abs((await run.result).stepSize / expected.stepSize - 1)).toBeLessThan(1e-12);
      }
      for (const [t, target] of targets.entries()) {
        const reached = runs.map((rows) => rows.find((row) => row.gradNormSq <= target) as Metrics);
        const measured = {
          rounds: reached.map((row) => row.round),
          bits: reached.map((row) => row.uplink.paperBits / workers),
        };
        for (const what of ['rounds', 'bits'] as const) {
          const { mean, off, allowed } = offReference(measured[what], expected[what][t], expected.seeds);
          expect(off, `${mean} ${what} to ${target}`).toBeLessThan(allowed);
        }
      }
    },
  );
});
