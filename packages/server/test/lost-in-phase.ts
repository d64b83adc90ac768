import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type RunResult, type TrainOptions, train } from '../dist/index.js';

/**
 * When a worker's thread ends, by the number of its gradient: while its function is made, in the evaluation of x⁰, in the initial
 * gradients or the first round, in rounds, in evaluations and, as there is a checkpoint after every other round, right behind those.
 */
export const PHASES = [0, 1, 2, 3, 4, 7, 8, 9, 12, 17];

const whole = new Map<string, Promise<RunResult>>();
let runs = 0;

const run = (method: string, marker: string, calls: number) => {
  const options: TrainOptions = {
    problem: {
      module: new URL('./problems/tripping.js', import.meta.url),
      parameters: { marker, how: 'exit', calls },
    },
    method,
    workers: 3,
    threads: 3,
    stepSize: 0.05,
    rounds: 12,
    evalEvery: 3,
    checkpointEvery: 2,
    seed: 'phase',
  };
  return train(options).result;
};

/** A run of `method` whose worker's thread ends with its `calls`-th gradient comes to the x and the bytes of one in which none did. */
export async function expectSame(folder: string, method: string, calls: number): Promise<void> {
  const expected = whole.get(method) ?? run(method, 'none', 1e9);
  whole.set(method, expected);
  const marker = join(folder, `lost-${runs++}`);
  const { xHash, uplink, downlink, gradientCalls, repeated } = await run(method, marker, calls);
  const same = await expected;
  expect({ xHash, uplink, downlink, gradientCalls }).toEqual({
    xHash: same.xHash,
    uplink: same.uplink,
    downlink: same.downlink,
    gradientCalls: same.gradientCalls,
  });
  // a worker that is hardly ever asked may not come to so many gradients
  if (existsSync(`${marker}-0`)) expect(repeated?.restarts).toBe(1);
}
