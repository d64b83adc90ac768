import { EVERY_WORKER, KeyedRandom, methods, Rng, SubsetSampler } from '@flotilla/core';
import { snapshotState } from '@flotilla/core/internal';
import { describe, expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';
import { describeMethod } from '../dist/testing/describe-method.js';
import { hosted, iterates, openHere, relativeDistance } from '../dist/testing/in-process.js';
import { row, samples, suites } from './method-suites.js';

test('every method has a suite', () => {
  const names = Object.keys(suites).map((spec) => spec.split(':')[0]);
  expect([...new Set(names)].sort()).toEqual(Object.keys(methods).sort());
});

/** Methods whose suite runs in f32 too; methods.long.test.ts has the others in both. */
const inF32 = ['gd', 'marina', 'pp-marina', 'm3', 'dasha'];
for (const [spec, suite] of Object.entries(suites)) {
  describeMethod(spec, { ...suite, precisions: inF32.includes(spec) ? ['f64', 'f32'] : ['f64'] });
}

const exact = { wire: 'f64', stepSize: 0.2 } as const;

describe('identities between methods', () => {
  test('VR-MARINA whose batch is the whole shard is MARINA', async () => {
    const options = { ...samples, ...exact, uplink: 'rand-k:k=3' };
    const marina = await iterates({ ...options, method: 'marina:p=0.2' }, 40);
    expect(
      relativeDistance(await iterates({ ...options, method: 'vr-marina:p=0.2,batch=12' }, 40), marina),
    ).toBeLessThan(1e-12);
    expect(
      relativeDistance(await iterates({ ...options, method: 'vr-marina:p=0.2,batch=11' }, 40), marina),
    ).toBeGreaterThan(1e-6);
  });

  test('VR-MARINA with one worker and no compression is PAGE', async () => {
    const [m, b, p, gamma, rounds] = [60, 6, 0.2, 0.2, 40];
    const options = { ...samples, ...exact, workers: 1, uplink: 'identity', stepSize: gamma };
    const own = await iterates({ ...options, method: `vr-marina:p=${p},batch=${b}` }, rounds);
    // PAGE [Li, Bao, Zhang, Richtárik 2021] by plain loops; only the coins and the batches are the run's
    const rows = Array.from({ length: m }, (_, s) => [
      1,
      ...row(s)
        .split(' ')
        .map((entry) => Number(entry.split(':')[1])),
    ]);
    const lambda = 1e-6 * 0.15405 * Math.max(...rows.map((a) => a.reduce((sum, v) => sum + v * v, 0)));
    const gradient = (x: number[], batch: readonly number[]) =>
      x.map((xj, j) => {
        let sum = 0;
        for (const s of batch) {
          const a = rows[s];
          const y = s % 3 === 0 ? 1 : -1;
          const miss = 1 / (1 + Math.exp(y * a.reduce((t, v, k) => t + v * x[k], 0)));
          sum += -2 * y * miss * miss * (1 - miss) * a[j];
        }
        return sum / batch.length + lambda * xj;
      });
    const random = new KeyedRandom('0');
    const rng = new Rng();
    const all = rows.map((_, s) => s);
    const sampler = new SubsetSampler(m);
    let x = new Array<number>(8).fill(0);
    let g = gradient(x, all);
    const page: Float64Array[] = [];
    for (let round = 1; round <= rounds; round++) {
      const next = x.map((v, j) => v - gamma * g[j]);
      if (random.stream(rng, 'coins', round, EVERY_WORKER - 1).uniform() < p) {
        g = gradient(next, all);
      } else {
        sampler.draw(random.stream(rng, 'batch', round, 0), m, b);
        const batch = [...sampler.index.subarray(0, b)];
        const [after, before] = [gradient(next, batch), gradient(x, batch)];
        g = g.map((v, j) => v + after[j] - before[j]);
      }
      x = next;
      page.push(Float64Array.from(x));
    }
    expect(relativeDistance(own, page)).toBeLessThan(1e-11);
  });

  test('MARINA sends the same g whole or as what has changed of it, in fewer bytes', async () => {
    const options: TrainOptions = {
      problem: 'heterogeneous-quadratic:d=400,sigma=0.3',
      workers: 4,
      uplink: 'rand-k:k=10',
      stepSize: 0.2,
      rounds: 100,
      transport: 'loopback',
    };
    const dense = await train({ ...options, method: 'marina' }).result;
    const delta = await train({ ...options, method: 'marina:downlink=delta' }).result;
    expect(delta.xHash).toBe(dense.xHash);
    expect(delta.uplink).toEqual(dense.uplink);
    // at most 40 of 400 coordinates change in most rounds: 4 bytes and about 5 bits each
    expect(delta.downlink.frameBytes).toBeLessThan(0.25 * dense.downlink.frameBytes);
  });

  test('PP-MARINA: idle workers get nothing with downlink=participants, and the iterates stay', async () => {
    const options: TrainOptions = {
      problem: 'heterogeneous-quadratic:d=80,sigma=0.3',
      workers: 12,
      uplink: 'rand-k:k=9',
      wire: 'f64',
      stepSize: 0.1,
      rounds: 150,
      transport: 'loopback',
    };
    const all = await train({ ...options, method: 'pp-marina:sampled=2' }).result;
    const few = await train({ ...options, method: 'pp-marina:sampled=2,downlink=participants' }).result;
    expect(few.xHash).toBe(all.xHash);
    expect(few.uplink).toEqual(all.uplink);
    // every worker's frame of a broadcast; here one for each uplink
    expect(few.downlink.messages).toBe(few.uplink.messages);
    expect(few.downlink.frameBytes).toBeLessThan(0.5 * all.downlink.frameBytes);
    // a worker drawn t times sends t compressions in one frame
    expect(all.uplink.coordinates).toBeGreaterThan(9 * (all.uplink.messages - 12) - 1);
  });
});

test('M3: the products of its tracked points are part of the state', async () => {
  const options: TrainOptions = {
    problem: 'autoencoder',
    data: samples.data,
    split: 'shuffled',
    workers: 5,
    stepSize: 0.01,
    method: 'm3:p=0.05',
    uplink: 'rand-k:k=20',
    downlink: 'rand-k:k=20',
  };
  const [run, other] = [await openHere(options), await openHere({ ...options, init: 'normal:0.3' })];
  const both = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) for (const training of [run, other]) await training.round();
  };
  await both(15);
  expect(Object.keys(snapshotState(hosted(run.fleet, 0)))).toContain('z/product');
  expect(other.xHash()).not.toBe(run.xHash());
  await other.restore(await run.snapshot());
  await both(25);
  expect(other.xHash()).toBe(run.xHash());
  for (const training of [run, other]) await training.close();
});

test('DIANA: the shifts converge to the gradients at the solution', async () => {
  const { server, fleet } = await openHere({
    problem: 'heterogeneous-quadratic:d=30,nu=1,sigma=0.5',
    workers: 4,
    wire: 'f64',
    method: 'diana',
    uplink: 'rand-k:k=6',
    stepSize: 0.15,
    init: 'normal:0.1',
  });
  for (let round = 0; round < 60_000; round++) await server.step();
  expect((await server.evaluate()).gradNormSq).toBeLessThan(1e-16);
  for (let worker = 0; worker < 4; worker++) {
    const { h, gradient } = hosted(fleet, worker) as { h: Float64Array; gradient: Float64Array };
    expect(relativeDistance([h], [gradient])).toBeLessThan(1e-7);
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.1);
  }
  await fleet.close();
});
