import { expect } from 'vitest';
import { type Summary, type TrainOptions, train } from '../dist/index.js';
import { rowsOf } from './in-process.js';

// The linear autoencoder on MNIST from the reference point: values of independent single-process programs.

export const relative = (value: number, reference: number) => Math.abs(value / reference - 1);

/** Gradient descent on an f64 wire has the exact values at x⁰ and after 100 rounds of step size 0.001, to 1e-9. */
export async function expectExactDescent(workers: number, threads: number): Promise<void> {
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
}

/** The default run, M3 with 20 workers, 500 rounds and step size 0.002, but for these options. */
export const m3 = (options: TrainOptions): Promise<Summary> => train({ evalEvery: 1000, ...options }).result;

/** f of gradient descent after 500 rounds at step size 0.002. */
export const GD_LOSS = 35.34173164559037;

/** How many times fewer frame bytes a run has sent than gradient descent in 500 rounds with 20 workers, both directions. */
export const timesFewerBytes = ({ uplink, downlink }: Summary) =>
  (2 * 500 * 20 * (8 + 4 * 25_088)) / (uplink.frameBytes + downlink.frameBytes);

/** With its default compressors M3 comes to gradient descent's loss with a ninth of its bytes. */
export async function expectNinth(seed: string): Promise<void> {
  const summary = await m3({ seed });
  expect(summary.stepSize).toBe(0.002);
  expect(relative(summary.loss, 35.8)).toBeLessThan(0.03);
  expect(timesFewerBytes(summary)).toBeGreaterThan(9);
}
