import { describe, expect, test } from 'vitest';
import { train } from '../dist/index.js';
import { common, expectAgreement, line } from './fixed-quadratic.js';

describe('the fixed instance of heterogeneous-quadratic to a tenth of that', () => {
  test('gradient descent: 23,908 rounds, exactly', async () => {
    const { gamma, thr, iter_mean } = line('GD', 1, 0.001);
    const run = await train({ ...common, method: 'gd', stepSize: gamma, targetRelative: thr }).result;
    expect(run.rounds).toBe(iter_mean);
  });

  test.each([
    ['perm-k', line('MARINA-P PermK', 2, 0.001)],
    ['rand-k:k=30', line('MARINA-P RandK', 4, 0.001)],
    ['same-rand-k:k=30', line('MARINA-P SameRandK', 4, 0.001)],
  ])('MARINA-P with %s: rounds and downlink coordinates a worker', expectAgreement);
});
