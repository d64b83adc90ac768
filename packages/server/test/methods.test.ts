import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EVERY_WORKER, KeyedRandom, methods, Rng, SubsetSampler } from '@flotilla/core';
import type { WorkerHost } from '@flotilla/worker';
import { afterAll, describe, expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';
import { describeMethod, type MethodSuiteOptions } from '../dist/testing/describe-method.js';
import { iterates, launchHere, relativeDistance } from '../dist/testing/in-process.js';

const identity = 'identity';
/** Five workers with twelve samples each, as a LIBSVM file. */
const folder = mkdtempSync(join(tmpdir(), 'flotilla-'));
const file = join(folder, 'samples.svm');
const row = (s: number) =>
  Array.from({ length: 7 }, (_, j) => `${j + 1}:${Math.sin(3 * s + 11 * j * (1 + (s % 5))).toFixed(4)}`).join(' ');
writeFileSync(file, Array.from({ length: 60 }, (_, s) => `${s % 3 === 0 ? 1 : -1} ${row(s)}`).join('\n'));
afterAll(() => rmSync(folder, { recursive: true }));
const samples = { problem: 'nonconvex-logistic', data: file, workers: 5 } as const;

/** Every method there is, and what its suite needs to know of it. */
const suites: Readonly<Record<string, MethodSuiteOptions>> = {
  gd: { identity: { method: 'gd' } },
  dcgd: { identity: { uplink: identity }, unbiased: 'dcgd' },
  diana: { identity: { uplink: identity }, means: { h: 'h' }, unbiased: 'diana' },
  'vr-diana': {
    identity: { method: 'vr-diana:batch=12', uplink: identity },
    means: { h: 'h' },
    problem: samples,
  },
  marina: {
    identity: { method: 'marina:p=0.3', uplink: identity },
    replicas: { x: 'x', sent: 'g' },
    unbiased: 'marina:p=0.3',
  },
  'vr-marina': {
    identity: { method: 'vr-marina:batch=12', uplink: identity },
    replicas: { x: 'x', sent: 'g' },
    problem: samples,
  },
  'vr-marina:online=true,large-batch=20': { identity: false, replicas: { x: 'x', sent: 'g' }, problem: samples },
  'pp-marina': {
    identity: { method: 'pp-marina:p=1', uplink: identity },
    replicas: { x: 'x' },
    unbiased: 'pp-marina:sampled=3,p=0.2',
  },
  'pp-marina:downlink=participants,sampled=3': {
    identity: { method: 'pp-marina:p=1,downlink=participants', uplink: identity },
    unbiased: 'pp-marina:sampled=3,p=0.2,downlink=participants',
  },
  'marina-p': { identity: { method: 'marina-p:p=0.3', downlink: identity }, means: { x: 'w' }, unbiased: 'marina-p' },
  m3: {
    identity: { method: 'm3:p=0.3,beta=1', uplink: identity, downlink: identity },
    means: { x: 'w' },
    unbiased: 'm3:beta=1',
  },
  core: { identity: false, replicas: { x: 'x' }, unbiased: 'core:m=2' },
  'ef21-p': { identity: { downlink: identity }, replicas: { w: 'w' }, variableBytes: true },
  'ef21-p-dcgd': { identity: { downlink: identity, uplink: identity }, replicas: { w: 'w' }, variableBytes: true },
  ef21: { identity: { uplink: identity }, means: { g: 'g' }, variableBytes: true },
  dasha: { identity: { uplink: identity }, means: { g: 'g' }, unbiased: 'dasha' },
};

test('every method has a suite', () => {
  const names = Object.keys(suites).map((spec) => spec.split(':')[0]);
  expect([...new Set(names)].sort()).toEqual(Object.keys(methods).sort());
});

for (const [spec, suite] of Object.entries(suites)) describeMethod(spec, suite);

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
    const options = { ...samples, ...exact, workers: 1, uplink: identity, stepSize: gamma };
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
    const sampler = new SubsetSampler(m, m);
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

test('DIANA: the shifts converge to the gradients at the solution', async () => {
  const { server, fleet } = await launchHere({
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
  const host = fleet.host as WorkerHost;
  for (let worker = 0; worker < 4; worker++) {
    const { h, gradient } = host.state(worker) as { h: Float64Array; gradient: Float64Array };
    expect(relativeDistance([h], [gradient])).toBeLessThan(1e-7);
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.1);
  }
  await fleet.close();
});
