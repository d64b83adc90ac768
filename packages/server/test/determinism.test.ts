import { describe, expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/train.js';

const hash = async (options: TrainOptions) => (await train(options).result).xHash;

describe('the final iterate is a function of the configuration and the seed', () => {
  const runs: TrainOptions[] = [
    { method: 'm3', downlink: 'perm-k+natural', uplink: 'rand-k:k=1254+natural', rounds: 25, workers: 20 },
    { method: 'marina', problem: 'nonconvex-logistic', rounds: 25, workers: 20 },
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
  ];

  test.each(runs)('$method on $problem: threads 1, 2, 7, 20 and loopback', async (options) => {
    const one = await hash({ ...options, threads: 1 });
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    for (const threads of [2, 7, 20]) expect(await hash({ ...options, threads })).toBe(one);
    expect(await hash({ ...options, transport: 'loopback' })).toBe(one);
    // the seed assigns the samples, tosses the coins, draws the supports and makes the quadratics
    expect(await hash({ ...options, threads: 2, seed: 'another' })).not.toBe(one);
  });
});
