import { describe, expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/train.js';
import { rowsOf } from './in-process.js';

// The linear autoencoder on MNIST from the reference point: values of independent single-process programs.

const final = (options: TrainOptions) => train({ evalEvery: 1000, ...options }).result;
const relative = (value: number, reference: number) => Math.abs(value / reference - 1);

describe('gradient descent on an f64 wire, to 1e-9', () => {
  test.each([
    [20, 1],
    [20, 3],
    [7, 7],
  ])('%i workers on %i threads', async (workers, threads) => {
    const options: TrainOptions = {
      method: 'gd',
      wire: 'f64',
      stepSize: 0.001,
      workers,
      threads,
      rounds: 100,
      evalEvery: 100,
    };
    const run = train(options);
    const [start] = await rowsOf(run);
    expect(relative(start.loss, 90.28218564475121)).toBeLessThan(1e-9);
    expect(relative(start.gradNormSq, 355.35768905031404)).toBeLessThan(1e-9);
    const { loss, gradNormSq } = await run.result;
    expect(relative(loss, 51.02187657531451)).toBeLessThan(1e-9);
    expect(relative(gradNormSq, 15.99963711405318)).toBeLessThan(1e-9);
  });
});

/** Frame bytes that gradient descent sends in 500 rounds with 20 workers, both directions. */
const GD_BYTES = 2 * 500 * 20 * (8 + 4 * 25_088);
/** f of gradient descent after 500 rounds at step size 0.002. */
const GD_LOSS = 35.34173164559037;

describe('M3, 20 workers, 500 rounds, step size 0.002', () => {
  test.each(['0', '1', '2'])("default compressors, seed %s: GD's loss with a ninth of its bytes", async (seed) => {
    const { loss, uplink, downlink, stepSize } = await final({ seed });
    expect(stepSize).toBe(0.002);
    expect(relative(loss, 35.8)).toBeLessThan(0.03);
    expect(GD_BYTES / (uplink.frameBytes + downlink.frameBytes)).toBeGreaterThan(9);
  });

  const natural = { downlink: 'perm-k+natural', uplink: 'rand-k:k=1254+natural' };

  test('natural compression on top: a thirteenth', async () => {
    const { loss, uplink, downlink } = await final(natural);
    expect(relative(loss, GD_LOSS)).toBeLessThan(0.05);
    expect(GD_BYTES / (uplink.frameBytes + downlink.frameBytes)).toBeGreaterThan(13);
  });

  test('and dense rounds once in 200: a forty-fifth, at a loss that GD has after 300 rounds (docs/results.md)', async () => {
    const { loss, uplink, downlink } = await final({ ...natural, method: 'm3:p=0.005' });
    expect(loss).toBeLessThan(45.37);
    expect(GD_BYTES / (uplink.frameBytes + downlink.frameBytes)).toBeGreaterThan(45);
  });
});
