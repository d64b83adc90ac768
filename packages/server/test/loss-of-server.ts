import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';

/**
 * Trains with a method whose server's thread comes to the end in round 20 that the variable LOOPING_END names, and goes on from the last
 * checkpoint: to the x of a run that nothing happened to. @returns what the run was rejected with
 */
export async function lossOfServer(folder: string): Promise<unknown> {
  const options: TrainOptions = {
    plugins: [fileURLToPath(new URL('./plugins/looping.js', import.meta.url))],
    problem: 'heterogeneous-quadratic:d=20',
    stepSize: 0.1,
    workers: 3,
    threads: 2,
    seed: 'lost',
  };
  const out = join(folder, 'server-lost');
  process.env.LOOPING_MARKER = join(folder, 'server-lost-marker');
  const run = train({ ...options, method: 'looping', rounds: 1e6, checkpointEvery: 6, out });
  const error = await run.result.then(
    () => expect.unreachable('nothing was lost'),
    (thrown: unknown) => thrown,
  );
  delete process.env.LOOPING_END;
  const { xHash } = await train({ resume: out, trust: true, rounds: 19 }).result;
  expect(xHash).toBe((await train({ ...options, method: 'dcgd', rounds: 19 }).result).xHash);
  return error;
}
