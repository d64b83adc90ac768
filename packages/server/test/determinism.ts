import { expect } from 'vitest';
import { fixture } from '../../core/test/reference-data.js';
import { type TrainOptions, train } from '../dist/train.js';

/** Runs whose final iterate must not depend on how they are run: all compressors that round, both families of problems. */
export const runs: TrainOptions[] = [
  { method: 'm3', downlink: 'perm-k+natural', uplink: 'rand-k:k=1254+natural', rounds: 25, workers: 20 },
  { method: 'marina', problem: 'nonconvex-logistic', data: fixture('a9a-408.libsvm'), rounds: 25, workers: 20 },
  { method: 'marina-p', problem: 'heterogeneous-quadratic:d=77,sigma=0.4', rounds: 300, workers: 20 },
  {
    method: 'diana',
    problem: 'heterogeneous-quadratic:d=77,sigma=0.4',
    uplink: 'rand-k:k=9+natural',
    rounds: 300,
    workers: 20,
  },
  {
    method: 'ef21-p-dcgd',
    problem: 'heterogeneous-quadratic:d=77,sigma=0.4',
    downlink: 'top-k:k=9+natural',
    uplink: 'rand-k:k=9+natural',
    rounds: 300,
    workers: 20,
  },
  {
    method: 'ef21-p',
    problem: 'heterogeneous-quadratic:d=77,sigma=0.4',
    downlink: 'natural',
    rounds: 300,
    workers: 20,
  },
  { method: 'gd', problem: 'heterogeneous-quadratic:d=77,sigma=0.4', rounds: 100, workers: 20 },
  { method: 'm3', precision: 'f32', rounds: 15, workers: 20 },
];

const hash = async (options: TrainOptions) => (await train(options).result).xHash;

/** One hash on one thread, on each of these numbers of threads and on the calling thread; another for another seed. */
export async function expectOneHash(options: TrainOptions, threads: readonly number[]): Promise<void> {
  const one = await hash({ ...options, threads: 1 });
  expect(one).toMatch(/^[0-9a-f]{64}$/);
  for (const count of threads) expect(await hash({ ...options, threads: count }), `${count} threads`).toBe(one);
  expect(await hash({ ...options, transport: 'loopback' })).toBe(one);
  // the seed deals the samples, tosses the coins, draws the supports and makes the quadratics
  expect(await hash({ ...options, transport: 'loopback', seed: 'another' })).not.toBe(one);
}
