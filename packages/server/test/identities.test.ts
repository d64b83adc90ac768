import { describe, expect, test } from 'vitest';
import type { TrainOptions } from '../dist/index.js';
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
