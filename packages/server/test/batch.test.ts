import { Kernels, KeyedRandom, Rng, SubsetSampler } from '@flotilla/core';
import { afterEach, describe, expect, test } from 'vitest';
import { explain, parseOptions, type TrainOptions, train } from '../dist/index.js';
import { planRun } from '../dist/run/plan.js';
import { hosted, iterates, relativeDistance } from '../dist/testing/in-process.js';
import { Training } from '../dist/training.js';
import { row, samples } from './method-suites.js';

const common: TrainOptions = { ...samples, wire: 'f64', stepSize: 0.5, rounds: 40, transport: 'loopback' };
const hashOf = async (options: TrainOptions) => (await train({ ...common, ...options }).result).xHash;

const open: Training[] = [];
afterEach(async () => {
  for (const training of open.splice(0)) await training.close();
});

/** A training with any γ ≥ 0. */
async function start(options: TrainOptions, stepSize: number): Promise<Training> {
  const parsed = parseOptions({ ...common, ...options });
  const plan = { ...(await planRun(parsed)), stepSize: { value: stepSize } };
  const training = await Training.open(parsed, { plan });
  open.push(training);
  return training;
}

describe('a batch of the whole shard is no batch', () => {
  test.each(['gd', 'diana', 'marina:p=0.3', 'pp-marina:p=0.3,sampled=3', 'm3:p=0.3', 'ef21', 'core', 'marina-p:p=0.3'])(
    '%s: the same x, bit for bit',
    async (method) => {
      const exact = await hashOf({ method });
      expect(await hashOf({ method, batch: 12 })).toBe(exact);
      expect(await hashOf({ method, batch: 11 })).not.toBe(exact);
    },
  );

  test('DASHA-MVR is DASHA then, whatever its momentum', async () => {
    const exact = await iterates({ ...common, method: 'dasha' }, 40);
    const whole = await iterates({ ...common, method: 'dasha:momentum=0.2', batch: 12 }, 40);
    expect(relativeDistance(whole, exact)).toBeLessThan(1e-12);
    const part = await iterates({ ...common, method: 'dasha:momentum=0.2', batch: 11 }, 40);
    expect(relativeDistance(part, exact)).toBeGreaterThan(1e-6);
  });
});

describe('with a batch', () => {
  test('MARINA is VR-MARINA', async () => {
    const [marina, vr] = ['marina:p=0.2', 'vr-marina:p=0.2'];
    const own = await hashOf({ method: marina, batch: 3 });
    expect(await hashOf({ method: `${vr},batch=3` })).toBe(own);
    // whose b′ it sets
    expect(await hashOf({ method: vr, batch: 3 })).toBe(own);
    expect(await hashOf({ method: marina, batch: 3, seed: '1' })).not.toBe(own);
  });

  test.each([
    ['vr-diana', 'vr-diana:batch=5', { batch: 5 }],
    ['vr-marina:online=true', 'vr-marina:online=true,batch=5,large-batch=9', { batch: 5, batchDense: 9 }],
  ])('%s takes it for its own', async (method, spelledOut, batches) => {
    expect(await hashOf({ method, ...batches })).toBe(await hashOf({ method: spelledOut }));
  });

  test('gradient descent is SGD by plain loops', async () => {
    const own = await iterates({ ...common, method: 'gd', workers: 1, batch: 7 }, 30);
    const { gradient, batchOf } = oneWorker(7);
    let x = new Array<number>(8).fill(0);
    const loops = own.map((_, k) => {
      const g = gradient(x, batchOf(k + 1));
      x = x.map((v, j) => v - 0.5 * g[j]);
      return Float64Array.from(x);
    });
    expect(relativeDistance(own, loops)).toBeLessThan(1e-11);
  });

  test('DASHA with one worker and no compression is MVR by plain loops', async () => {
    const method = 'dasha:momentum=0.3';
    const own = await iterates({ ...common, method, uplink: 'identity', workers: 1, batch: 7 }, 30);
    const { gradient, batchOf, all } = oneWorker(7);
    // h⁺ = G(x⁺) + (1 − b)(h − G(x)), x⁺ = x − γ h, h⁰ = ∇f(x⁰)
    let x = new Array<number>(8).fill(0);
    let h = gradient(x, all);
    const loops = own.map((_, k) => {
      const next = x.map((v, j) => v - 0.5 * h[j]);
      const [after, before] = [gradient(next, batchOf(k + 1)), gradient(x, batchOf(k + 1))];
      h = after.map((v, j) => v + 0.7 * (h[j] - before[j]));
      x = next;
      return Float64Array.from(x);
    });
    expect(relativeDistance(own, loops)).toBeLessThan(1e-11);
  });

  test('gradients cost their share: two of a batch a round of differences, one of its own in a dense one', async () => {
    const { workers } = samples;
    const calls = async (options: TrainOptions) => (await train({ ...common, ...options }).result).gradientCalls;
    expect(await calls({ method: 'gd', batch: 3 })).toBeCloseTo((workers * 40 * 3) / 12);
    expect(await calls({ method: 'marina:p=1', batch: 3, batchDense: 6 })).toBeCloseTo((workers * 41 * 6) / 12);
    // a coin of probability 1e-9 never falls
    for (const method of ['marina:p=1e-9', 'm3:p=1e-9', 'dasha:momentum=0.1']) {
      expect(await calls({ method, batch: 3 })).toBeCloseTo(workers * (1 + (40 * 2 * 3) / 12));
    }
  });
});

/** f of one worker that has all 60 samples, by plain loops; only the batches are the run's. */
function oneWorker(size: number) {
  const rows = Array.from({ length: 60 }, (_, s) => [
    1,
    ...row(s)
      .split(' ')
      .map((entry) => Number(entry.split(':')[1])),
  ]);
  const lambda = 1e-6 * 0.15405 * Math.max(...rows.map((a) => a.reduce((sum, v) => sum + v * v, 0)));
  const random = new KeyedRandom('0');
  const sampler = new SubsetSampler(size);
  return {
    all: rows.map((_, s) => s),
    batchOf(round: number) {
      sampler.draw(random.stream(new Rng(), 'batch', round, 0), 60, size);
      return [...sampler.index];
    },
    gradient: (x: readonly number[], batch: readonly number[]) =>
      x.map((xj, j) => {
        let sum = 0;
        for (const s of batch) {
          const a = rows[s];
          const y = s % 3 === 0 ? 1 : -1;
          const miss = 1 / (1 + Math.exp(y * a.reduce((t, v, k) => t + v * x[k], 0)));
          sum += -2 * y * miss * miss * (1 - miss) * a[j];
        }
        return sum / batch.length + lambda * xj;
      }),
  };
}

// What the methods that send differences owe to taking both gradients of one on the same samples. Never a dense round.

const differences = ['marina:p=1e-9', 'pp-marina:p=1e-9,sampled=2', 'm3:p-uplink=1e-9,p-downlink=0.5,beta=0.5'];

/** Where each worker takes its gradients. */
const pointsOf = ({ fleet }: Training): Float64Array[] =>
  Array.from({ length: samples.workers }, (_, worker) => {
    const { x, z } = hosted(fleet, worker) as { x?: Float64Array | { x: Float64Array }; z?: { x: Float64Array } };
    const point = z ?? (x as Float64Array | { x: Float64Array });
    return (point instanceof Float64Array ? point : point.x).slice();
  });

type Three = [Float64Array, Float64Array, Float64Array];
const kernels = new Kernels();

const squares = (v: Iterable<number>) => Array.from(v).reduce((sum, value) => sum + value * value, 0);
const distance = (a: Float64Array, b: Float64Array) => squares(a.map((v, j) => v - (b[j] as number)));

describe('the error of g, without dense rounds', () => {
  test.each(differences)('%s: with γ = 0 it stays what it was', async (method) => {
    // β = 0.5 keeps a point that does not move where it is, to the last bit
    const training = await start({ method, batch: 2, batchDense: 4, init: 'normal:1' }, 0);
    await training.start();
    const { g } = training.server.state as unknown as { g: Float64Array };
    const first = g.slice();
    for (let round = 0; round < 100; round++) await training.round();
    expect(g).toEqual(first);
    expect(squares(first)).toBeGreaterThan(0);
  });

  test.each(differences)('%s: it grows with the steps, not with the noise of the batches', async (method) => {
    const [seeds, rounds, batch, gamma] = [30, 60, 2, 0.05];
    const n = samples.workers;
    let error = 0;
    let bound = 0;
    let naive = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const training = await start({ method, batch, uplink: 'identity', init: 'normal:1', seed: `${seed}` }, gamma);
      await training.start();
      const { problem, dimension } = training.plan;
      const { perWorker = [] } = training.smoothness ?? {};
      const functions = Array.from({ length: n }, (_, i) => problem.oracle(i, kernels));
      let before = pointsOf(training);
      for (let round = 0; round < rounds; round++) {
        await training.round();
        const after = pointsOf(training);
        for (const [i, point] of after.entries()) {
          // VR-MARINA's 𝓛²/(bn) ‖x⁺ − x‖², where L_i = max_j L_ij; where r of n take part, L²/r for their choice too
          const step = (perWorker[i] as number) ** 2 * distance(point, before[i] as Float64Array);
          const share = method.startsWith('pp') ? (1 + 1 / batch) * (n / 2) : 1 / batch;
          bound += (share * step) / n ** 2 / seeds;
        }
        before = after;
      }
      const points = pointsOf(training);
      const [mean, one, sample] = [0, 1, 2].map(() => new Float64Array(dimension)) as Three;
      for (const [i, f] of functions.entries()) {
        const point = points[i] as Float64Array;
        f.gradient(point, one);
        for (const [j, v] of one.entries()) mean[j] = (mean[j] as number) + v / n;
        // what differences of different samples would add: twice the variance of a batch, each round
        for (let s = 0; s < 12; s++) {
          f.batchGradient?.(point, Int32Array.of(s), sample);
          naive += (2 * rounds * distance(sample, one)) / (12 * batch * n ** 2 * seeds);
        }
      }
      const { g } = training.server.state as unknown as { g: Float64Array };
      error += distance(g, mean) / seeds;
    }
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(bound);
    expect(bound).toBeLessThan(naive / 100);
  });
});

describe('refused, in one line', () => {
  test.each([
    [{ method: 'gd', batch: 13 }, 'batch 13 is more than any worker has; allowed is 1 to 12 samples'],
    [{ method: 'marina', batch: 3, batchDense: 13 }, 'batchDense 13 is more than any worker has'],
    [{ method: 'marina', batchDense: 6 }, 'batchDense 6 is for the dense rounds of a run with a batch'],
    [
      { method: 'gd', batch: 3, batchDense: 6 },
      'batchDense 6 must be left out: method gd takes every gradient on the batch',
    ],
    [
      { method: 'vr-diana', batch: 3, batchDense: 6 },
      'batchDense 6 must be left out: method vr-diana has no dense rounds',
    ],
    [
      { method: 'vr-marina', batch: 3, batchDense: 6 },
      'batchDense 6 is for the online variant of method vr-marina; add online=true',
    ],
    [{ method: 'vr-marina:batch=4', batch: 3 }, 'method vr-marina: batch=4 and batch 3 set the same number'],
    [{ method: 'vr-diana:batch=4', batch: 3 }, 'method vr-diana: batch=4 and batch 3 set the same number'],
    [
      { method: 'vr-marina:online=true,large-batch=7', batch: 3, batchDense: 6 },
      'large-batch=7 and batchDense 6 set the same number',
    ],
    [{ method: 'dasha', batch: 3 }, 'such as dasha:momentum=0.1'],
    [{ method: 'dasha:momentum=0.1' }, 'momentum=0.1 is b of DASHA-MVR, which needs a batch'],
    [{ method: 'gd', batch: 3, problem: 'quadratic', data: undefined }, 'batch 3 needs samples to draw from'],
    [{ method: 'gd', batch: 0 }, 'batch must be a whole number from 1 to 1000000000, not 0'],
    [{ method: 'gd', batch: 1.5 }, 'batch must be a whole number from 1 to 1000000000, not 1.5'],
  ] satisfies [TrainOptions, string][])('%o', async (options, line) => {
    const plan = async () => planRun(parseOptions({ ...samples, ...options }));
    const failure = await plan().then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(failure).toMatchObject({ code: 'usage' });
    expect(failure?.message).toContain(line);
    expect(failure?.message).not.toContain('\n');
  });
});

test('an explanation says that theory does not cover batches, unless they are the method’s own', async () => {
  const of = (options: TrainOptions) => explain(parseOptions({ ...samples, ...options }));
  const { batch } = await of({ method: 'marina', batch: 3, batchDense: 6 });
  expect(batch).toEqual({ gradient: 3, dense: 6, theory: expect.stringContaining('do not cover') });
  expect((await of({ method: 'marina' })).batch).toBeUndefined();
  expect((await of({ method: 'vr-marina', batch: 3 })).batch).toBeUndefined();
});

test('a summary has the batches of its run, and none where there were none', async () => {
  const summary = await train({ ...common, method: 'marina', batch: 3, batchDense: 6 }).result;
  expect(summary).toMatchObject({ batch: 3, batchDense: 6 });
  const without = await train({ ...common, method: 'marina' }).result;
  expect(Object.keys(without)).not.toContain('batch');
  expect(Object.keys(without)).not.toContain('batchDense');
});
