import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';
import { lossOfServer } from './loss-of-server.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-recovery-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A run whose worker 1 uses up the heap of its thread in its `calls`-th gradient, once. */
const of = (calls: number, threads: 2 | 'auto' = 2): TrainOptions => ({
  problem: {
    module: new URL('./problems/tripping.js', import.meta.url),
    parameters: { marker: join(folder, String(calls)), how: 'heap', calls },
  },
  workers: 4,
  threads,
  rounds: 60,
});

test('a thread that uses up its heap once changes nothing but what was done twice', async () => {
  const undisturbed = await train(of(1e9)).result;
  const disturbed = await train(of(30)).result;
  expect(disturbed.repeated).toMatchObject({ restarts: 1 });
  expect(disturbed.xHash).toBe(undisturbed.xHash);
  expect(disturbed.uplink).toEqual(undisturbed.uplink);
}, 600_000);

test('a server’s thread that uses up its heap ends the run, which can go on', async () => {
  process.env.LOOPING_END = 'heap';
  expect(await lossOfServer(folder)).toMatchObject({
    code: 'limit',
    message: expect.stringMatching(/^a thread has used up its JavaScript heap/),
  });
}, 600_000);

test.skipIf(availableParallelism() === 1)(
  'a worker on the server’s thread that uses up its heap ends the run, which can go on',
  async () => {
    const out = join(folder, 'auto');
    await expect(train({ ...of(31, 'auto'), out, checkpointEvery: 7 }).result).rejects.toMatchObject({
      code: 'limit',
      message: expect.stringMatching(/^a thread has used up its JavaScript heap/),
    });
    const { xHash } = await train({ resume: out, trust: true }).result;
    expect(xHash).toBe((await train(of(1e9)).result).xHash);
  },
  600_000,
);
