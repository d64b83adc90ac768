import { fileURLToPath } from 'node:url';
import type { Vector } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import type { TrainOptions } from '../dist/index.js';
import { parseOptions } from '../dist/run/options.js';
import { planRun } from '../dist/run/plan.js';
import { Training } from '../dist/training.js';
import { iterates, relativeDistance } from './in-process.js';

const quadratic: TrainOptions = {
  problem: 'heterogeneous-quadratic:d=60,nu=1,sigma=0.3',
  workers: 6,
  wire: 'f64',
  stepSize: 0.4,
};
const homogeneous: TrainOptions = { ...quadratic, problem: 'heterogeneous-quadratic:d=60' };
const logistic: TrainOptions = {
  problem: 'nonconvex-logistic',
  split: 'shuffled',
  workers: 3,
  wire: 'f64',
  stepSize: 0.05,
};

test('with identity compressors m3 is gradient descent on MNIST too', async () => {
  const identity: TrainOptions = { method: 'm3:p=0.3,beta=1', uplink: 'identity', downlink: 'identity' };
  const gd = await iterates({ ...logistic, method: 'gd' }, 4);
  expect(relativeDistance(await iterates({ ...logistic, ...identity }, 4), gd)).toBeLessThan(1e-12);
});

test('EF21-P whose TopK keeps everything is gradient descent', async () => {
  const gd = await iterates({ ...quadratic, method: 'gd' }, 40);
  const all = await iterates({ ...quadratic, method: 'ef21-p', downlink: 'top-k:k=100%' }, 40);
  expect(relativeDistance(all, gd)).toBeLessThan(1e-12);
});

describe('MARINA-P with PermK on equal Hessians follows gradient descent, whatever the coins', () => {
  test.each([6, 7, 60, 100])('%i workers', async (workers) => {
    // w = mean of the w_i is x in every round, and the mean of affine gradients is the gradient at the mean
    const gd = await iterates({ ...homogeneous, workers, method: 'gd' }, 60);
    const permK = await iterates({ ...homogeneous, workers, method: 'marina-p', downlink: 'perm-k' }, 60);
    expect(relativeDistance(permK, gd)).toBeLessThan(1e-9);
    const randK = await iterates({ ...homogeneous, workers, method: 'marina-p', downlink: 'rand-k:k=d/n' }, 60);
    expect(relativeDistance(randK, gd)).toBeGreaterThan(1e-3);
  });

  test('on an f32 wire up to its rounding', async () => {
    const f32: TrainOptions = { ...homogeneous, wire: 'f32' };
    const gd = await iterates({ ...f32, method: 'gd' }, 60);
    const permK = await iterates({ ...f32, method: 'marina-p' }, 60);
    const distance = relativeDistance(permK, gd);
    expect(distance).toBeLessThan(1e-5);
    expect(distance).toBeGreaterThan(0);
  });

  test('not on different Hessians', async () => {
    const gd = await iterates({ ...quadratic, method: 'gd' }, 60);
    const permK = await iterates({ ...quadratic, method: 'marina-p' }, 60);
    expect(relativeDistance(permK, gd)).toBeGreaterThan(1e-6);
  });
});

/** The iterates of a run whose coin `index` of a round is heads where `heads` says so. */
async function withCoins(
  options: TrainOptions,
  heads: (index: number, round: number) => boolean,
  rounds: number,
): Promise<Vector[]> {
  const parsed = parseOptions({ transport: 'loopback', ...options });
  const plan = await planRun(parsed);
  const { server } = plan.method;
  const method: typeof plan.method = {
    ...plan.method,
    server: {
      ...server,
      plan: (state, context, _coin, round) => server.plan(state, context, (_p, k) => heads(k, round), round),
    },
  };
  const training = await Training.open(parsed, { plan: { ...plan, method } });
  try {
    const list: Vector[] = [];
    for (let round = 0; round < rounds; round++) {
      await training.round();
      list.push(training.iterate());
    }
    return list;
  } finally {
    await training.close();
  }
}

const samples: TrainOptions = {
  problem: 'nonconvex-logistic',
  data: fileURLToPath(new URL('../../core/test/fixtures/a9a-408.libsvm', import.meta.url)),
  workers: 4,
  wire: 'f64',
  stepSize: 0.5,
};

// theory's β, with coins of their own for each link: a coin of MARINA and M3's coin of the same link have different numbers
describe.each<[string, TrainOptions]>([
  ['quadratics', quadratic],
  ['samples', samples],
])('M3 without compression on one link, on %s', (_name, problem) => {
  const rounds = 60;
  const compressors = ['rand-k:k=10%', 'perm-k', 'natural', 'same-rand-k:k=20%'];
  const up = (round: number) => round % 4 === 3;
  const down = (round: number) => round % 3 === 1;
  const m3 = (links: TrainOptions) =>
    withCoins({ ...problem, ...links, method: 'm3' }, (k, round) => (k === 1 ? up(round) : down(round)), rounds);

  test.each(compressors)('down: it is MARINA with %s up, iterate by iterate', async (uplink) => {
    const marina = await withCoins({ ...problem, method: 'marina', uplink }, (_k, round) => up(round), rounds);
    const same = await m3({ uplink, downlink: 'identity' });
    expect(relativeDistance(same, marina)).toBeLessThan(1e-12);
    const other = await m3({ uplink, downlink: 'rand-k:k=50%' });
    expect(relativeDistance(other, marina)).toBeGreaterThan(1e-6);
  });

  test.each(compressors)('up: it is MARINA-P with %s down, iterate by iterate', async (downlink) => {
    const marinaP = await withCoins({ ...problem, method: 'marina-p', downlink }, (_k, round) => down(round), rounds);
    const same = await m3({ uplink: 'identity', downlink });
    expect(relativeDistance(same, marinaP)).toBeLessThan(1e-12);
    const other = await m3({ uplink: 'rand-k:k=50%', downlink });
    expect(relativeDistance(other, marinaP)).toBeGreaterThan(1e-6);
  });
});
