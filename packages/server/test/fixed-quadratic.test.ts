import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';
import { common, expectAgreement, line } from './fixed-quadratic.js';

const rounds = async (options: TrainOptions) => (await train({ ...common, ...options }).result).rounds;

describe('the fixed instance of heterogeneous-quadratic, beside an independent program', () => {
  test('its constants, as its file states them', async () => {
    const { c } = JSON.parse(readFileSync(common.data as string, 'utf8')) as { c: number[] };
    expect(c.length).toBe(10);
    // 1/L, and 1/(L + √((L_A² ω + L_B² θ)(1/p − 1))) for PermK and RandK, L_A² = 1, L_B² = 1000
    const theory = async (options: TrainOptions) => (await train({ ...common, ...options, rounds: 1 }).result).stepSize;
    for (const [options, method] of [
      [{ method: 'gd' }, 'GD'],
      [{ method: 'marina-p' }, 'MARINA-P PermK'],
      [{ method: 'marina-p', downlink: 'rand-k:k=30' }, 'MARINA-P RandK'],
      [{ method: 'marina-p', downlink: 'same-rand-k:k=30' }, 'MARINA-P SameRandK'],
    ] as const) {
      expect(Math.abs((await theory(options)) / line(method, 1, 0.01).gamma - 1), method).toBeLessThan(1e-7);
    }
    // the reference program puts L for L_rms, which differs by 0.02 % here
    const ef21 = await theory({ method: 'ef21-p', downlink: 'top-k:k=30' });
    expect(Math.abs(ef21 / line('EF21-P TopK', 1, 0.01).gamma - 1)).toBeLessThan(3e-4);
  });

  test.each([
    [1, 0.1],
    [1, 0.01],
    [1.9, 0.1],
    [1.9, 0.01],
  ])('gradient descent, %f times theory, to %f: rounds, exactly', async (mult, thr) => {
    const { gamma, iter_mean } = line('GD', mult, thr);
    expect(await rounds({ method: 'gd', stepSize: gamma, targetRelative: thr })).toBe(iter_mean);
  });

  test('EF21-P with TopK, K = 30, to 10⁻¹: rounds, exactly', async () => {
    const { gamma, thr, iter_mean } = line('EF21-P TopK', 8, 0.1);
    const options = { method: 'ef21-p', downlink: 'top-k:k=30', stepSize: gamma, targetRelative: thr };
    expect(await rounds(options)).toBe(iter_mean);
  });

  test('MARINA-P with PermK: rounds and downlink coordinates a worker', () =>
    expectAgreement('perm-k', line('MARINA-P PermK', 2, 0.01)));
});
