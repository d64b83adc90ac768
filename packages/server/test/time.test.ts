import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { SimulatedRuntime } from '@flotilla/protocol/testing';
import { expect, test } from 'vitest';
import { systemMachine } from '../dist/machine.js';
import { parseOptions } from '../dist/run/options.js';
import type { RunEvent } from '../dist/server-messages.js';
import serve from '../dist/server-thread.js';
import type { TrainOptions } from '../dist/train.js';

/** A run on this thread in simulated time, in which nothing takes any but links of 10 ms each way: a round takes 20 ms. */
async function run(more: TrainOptions) {
  const runtime = new SimulatedRuntime();
  const { port1, port2 } = new MessageChannel();
  const events: RunEvent[] = [];
  port1.on('message', (event: RunEvent) => events.push(event));
  const closed = once(port1, 'close');
  const options = parseOptions({
    problem: 'heterogeneous-quadratic:d=20',
    method: 'gd',
    workers: 3,
    stepSize: 0.1,
    evalEvery: 1000,
    transport: 'loopback',
    link: 'latency=10ms',
    ...more,
  });
  const outcome = await serve({ options, calledAt: runtime.now(), port: port2 }, { ...systemMachine, runtime });
  await closed;
  if (!outcome.ok) throw new Error(outcome.message);
  return { summary: outcome.summary, events };
}

test('a time limit ends the run after the round that reaches it; that round is evaluated', async () => {
  const { summary, events } = await run({ timeLimit: 0.11 });
  expect(summary).toMatchObject({ stopReason: 'time-limit', rounds: 6 });
  expect(summary.wallSeconds).toBeCloseTo(0.12, 9);
  const rows = events.flatMap((event) => (event.type === 'metrics' ? [event.metrics] : []));
  expect(rows.map(({ round }) => round)).toEqual([0, 6]);
  expect(rows[1]?.seconds).toBeCloseTo(0.12, 9);
});

test('evaluations and the time before the first round are on no clock of rounds', async () => {
  const { summary } = await run({ rounds: 5, evalEvery: 1 });
  expect(summary.wallSeconds).toBeCloseTo(0.1, 9);
  expect(summary.computeSeconds).toBe(0);
});

test('progress is told when 200 ms have passed since the last time, however short rounds are', async () => {
  const { events } = await run({ rounds: 50 });
  const told = events.flatMap((event) => (event.type === 'progress' ? [event.progress] : []));
  expect(told.map(({ round }) => round)).toEqual([11, 22, 33, 44]);
  expect(told[0]?.seconds).toBeCloseTo(0.22, 9);
  const rare = await run({ rounds: 5, link: 'latency=150ms' });
  const rounds = rare.events.flatMap((event) => (event.type === 'progress' ? [event.progress.round] : []));
  expect(rounds).toEqual([1, 2, 3, 4, 5]);
});
