import { SimulatedRuntime } from '@flotilla/protocol/testing';
import { expect, test } from 'vitest';
import type { Training } from '../dist/training.js';
import { openInProcess } from './in-process.js';

// PP-MARINA draws one worker of ten for a round, and needs no other: one that is late and was not drawn holds up nobody.

const WORKERS = 10;
const ROUNDS = 12;
const base = {
  method: 'pp-marina:sampled=1,p=1e-9',
  problem: 'heterogeneous-quadratic:d=50',
  workers: WORKERS,
  stepSize: 0.01,
  seed: '5',
} as const;

/** A worker that no round up to the last one draws. */
async function leftOut(): Promise<number> {
  const training = await advance(await openInProcess(base));
  const messages = Array.from({ length: WORKERS }, (_, i) => training.ledger.total('uplink', { worker: i }).messages);
  // the gradient before round 1, from all
  expect(Math.max(...messages)).toBeGreaterThan(1);
  const worker = messages.indexOf(1);
  expect(worker).toBeGreaterThanOrEqual(0);
  return worker;
}

async function advance(training: Training): Promise<Training> {
  while (training.rounds < ROUNDS) await training.round();
  return training;
}

/** Links of which one is slow: a frame of 208 bytes takes 1.7 s on it, and 0.2 ms on the others. */
const slow = (worker: number) =>
  `down=${Array.from({ length: WORKERS }, (_, i) => (i === worker ? '1kbit' : '10mbit')).join('/')}`;

test('rounds take the time of those who are drawn, exactly', async () => {
  const times: number[] = [];
  for (const link of ['down=10mbit', slow(await leftOut())]) {
    const runtime = new SimulatedRuntime();
    const training = await openInProcess({ ...base, link }, runtime);
    // the gradients before round 1 are everybody's
    await training.start();
    const from = runtime.now();
    await advance(training);
    times.push(runtime.now() - from);
  }
  expect(times[1]).toBeCloseTo(times[0] as number, 9);
});

test('on threads rounds go on while its frames wait for it, and nothing changes', async () => {
  const worker = await leftOut();
  const late = await advance(
    await openInProcess({ ...base, transport: 'threads', threads: WORKERS, link: slow(worker) }),
  );
  // its thread has two frames, and the others are kept: at 1.7 s each it cannot have had them all
  expect(late.fleet.transport.lagging(0, 0)).toBe(worker);
  expect(late.xHash()).toBe((await advance(await openInProcess(base))).xHash());
});
