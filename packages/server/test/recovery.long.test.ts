import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type TrainOptions, train } from '../dist/index.js';
import { lossOfServer } from './loss-of-server.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-recovery-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a thread that uses up its heap once changes nothing but what was done twice', async () => {
  const of = (calls: number): TrainOptions => ({
    problem: {
      module: new URL('./problems/tripping.js', import.meta.url),
      parameters: { marker: join(folder, String(calls)), how: 'heap', calls },
    },
    workers: 4,
    threads: 2,
    rounds: 60,
  });
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
