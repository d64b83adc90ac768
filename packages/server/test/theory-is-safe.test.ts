import { methods } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import type { TrainOptions } from '../dist/index.js';
import { parseOptions } from '../dist/run/options.js';
import { planRun } from '../dist/run/plan.js';
import { openInProcess } from './in-process.js';

// What goes wrong where a step size knows less of the uplinks than they share: with ω/n in place of A, ‖∇f‖² of MARINA and DCGD
// grows by factors of 6e4 to 3e91 on the first problem with same-rand-k and core, in 400 rounds. (With 100 workers and d = 50 by 1e23 and
// more, with the same uplinks and no others; that takes two and a half times as long.)

const UPLINKS = [
  'rand-k:k=1',
  'same-rand-k:k=1',
  'perm-k',
  'core:m=1',
  'same-rand-k:k=2+natural',
  'perm-k+natural',
  'bernoulli:p=0.05',
  'natural',
  'qsgd:levels=1',
  'l2-quantization',
  'natural-dithering:levels=2',
  'rand-k:k=2+natural',
  'same-rand-k:k=3+rand-k:k=1',
  'rand-k:k=3+perm-k',
  'top-k:k=1',
  'scaled(same-rand-k:k=1)',
];

const samples = 60;
const MANY = 40;
const PROBLEMS: Readonly<Record<string, TrainOptions>> = {
  'one Hessian, 40 workers': { problem: 'heterogeneous-quadratic:d=20', workers: MANY, init: 'normal:1' },
  'Hessians from 0 to twice the mean': {
    problem: 'heterogeneous-quadratic:d=20,la2=100,lb2=100',
    workers: 4,
    init: 'normal:1',
  },
  'non-convex classification': {
    problem: 'nonconvex-logistic',
    data: {
      x: Float64Array.from({ length: 4 * samples }, (_, j) => Math.sin(j) + (j % 4 === 3 ? j % 2 : 0)),
      shape: [samples, 4],
      y: Float64Array.from({ length: samples }, (_, j) => ((j * j) % 5 < 2 ? 1 : -1)),
    },
    split: 'contiguous',
    workers: 6,
  },
};

const compressing = Object.values(methods).filter(({ uplink }) => uplink !== undefined);

describe.each(Object.entries(PROBLEMS))('theory’s step size on %s', (_name, problem) => {
  const fit = compressing.filter(({ batches }) => batches !== true || problem.data !== undefined);
  test.each(fit.map(({ name }) => name))(
    '%s: an uplink is refused in one line, or ‖∇f‖² stays bounded',
    async (method) => {
      const grown: string[] = [];
      let accepted = 0;
      // a round of so many workers takes long enough: those that went wrong, and three that are contractive
      const contractive = ['natural', 'top-k:k=1', 'scaled(same-rand-k:k=1)'];
      for (const uplink of problem.workers === MANY ? [...UPLINKS.slice(0, 6), ...contractive] : UPLINKS) {
        const options: TrainOptions = { ...problem, method, uplink, wire: 'f64', stepSize: 'theory' };
        const refusal = await refusalOf(options);
        if (refusal !== undefined) {
          expect(refusal).toMatch(/^UsageError: [^\n]+$/);
          expect(refusal).toMatch(
            /theory does not cover this run of method|needs an? (unbiased|contractive) compressor/,
          );
          continue;
        }
        accepted++;
        const training = await openInProcess(options);
        const { gradNormSq: before } = await training.server.evaluate();
        for (let round = 0; round < 400; round++) await training.round();
        const { gradNormSq: after } = await training.server.evaluate();
        if (!(after <= 10 * before)) grown.push(`${uplink}: ${before} to ${after}`);
      }
      expect(grown).toEqual([]);
      expect(accepted).toBeGreaterThan(0);
    },
  );
});

/** What planning the run is refused with. */
async function refusalOf(options: TrainOptions): Promise<string | undefined> {
  try {
    await planRun(parseOptions(options));
  } catch (error) {
    return String(error);
  }
  return undefined;
}

test.each<[string, string, string]>([
  ['pp-marina', 'same-rand-k:k=1', 'A = 49 and B = 0'],
  ['pp-marina', 'perm-k', 'A = 1 and B = 1'],
])('%s refuses theory’s step size with %s, and takes a number', async (method, uplink, told) => {
  const options: TrainOptions = { problem: 'heterogeneous-quadratic:d=50', workers: 50, method, uplink };
  expect(await refusalOf(options)).toBe(
    `UsageError: stepSize must be a number here, for theory does not cover this run of method pp-marina: Theorem 4.1 assumes that the workers' messages are independent, which have A = ω/n = 0.98 and B = 0 (docs/methods.md), and these have ${told}`,
  );
  expect((await planRun(parseOptions({ ...options, stepSize: 0.01 }))).stepSize).toEqual({ value: 0.01 });
});

test.each<[string, TrainOptions, string]>([
  ['diana:alpha=1', {}, 'alpha=1 is more than 1/(1 + ω) = 0.05'],
  ['dasha:a=0.5', {}, 'a=0.5 is more than 1/(2ω + 1) = 0.02564'],
  ['ef21-p-diana:beta=1', {}, 'beta=1 is more than 1/(1 + ω) = 0.05'],
  ['dore:alpha=0.1', {}, 'alpha=0.1 is more than 1/(1 + ω_D) = 0.05'],
  ['dore:beta=1', { downlink: 'rand-k:k=1' }, 'beta=1 is more than 1/(1 + ω_P) = 0.05'],
  ['dore:eta=1', { downlink: 'rand-k:k=1' }, 'eta=1 is more than min{1, 1/√(10 ω_P)} = 0.07255'],
  ['mcm:alpha=1', { downlink: 'rand-k:k=1' }, 'alpha=1 is more than 1/(1 + ω_P) = 0.05'],
  ['rand-mcm:alpha=1', { downlink: 'rand-k:k=1' }, 'alpha=1 is more than 1/(1 + ω_P) = 0.05'],
])('%s is beyond the proof: theory’s step size is refused, a number is taken', async (method, links, told) => {
  const problem = 'heterogeneous-quadratic:d=20';
  const options: TrainOptions = { problem, workers: 4, method, uplink: 'rand-k:k=1', ...links };
  expect(await refusalOf({ ...options, stepSize: 'theory' })).toBe(
    `UsageError: stepSize must be a number here, for theory does not cover this run of method ${method.split(':')[0]}: ${told}, the most that its proof allows`,
  );
  expect((await planRun(parseOptions({ ...options, stepSize: 0.01 }))).stepSize).toEqual({ value: 0.01 });
});

test.each(['diana:alpha=0.05', 'dasha:a=0.0256410256', 'dore:beta=0.05', 'mcm:alpha=0.01'])(
  '%s is within the proof',
  async (method) => {
    const links = { uplink: 'rand-k:k=1', ...(/dore|mcm/.test(method) ? { downlink: 'rand-k:k=1' } : {}) };
    const problem = 'heterogeneous-quadratic:d=20';
    expect(await refusalOf({ problem, workers: 4, method, stepSize: 'theory', ...links })).toBeUndefined();
  },
);
