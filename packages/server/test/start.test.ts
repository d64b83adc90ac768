import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { afterEach, expect, test, vi } from 'vitest';
import { parseOptions } from '../dist/run/options.js';
import run from '../dist/server-thread.js';

afterEach(() => vi.restoreAllMocks());

/** Runs a task as the server thread does, and says how many threads each of its pools had and has. */
async function outcomeOf(input: object, aborted = false) {
  const pools = new Map<Piscina, number>();
  const { destroy } = Piscina.prototype;
  vi.spyOn(Piscina.prototype, 'destroy').mockImplementation(function (this: Piscina) {
    pools.set(this, Math.max(pools.get(this) ?? 0, this.threads.length));
    return destroy.call(this);
  });
  const { port1, port2 } = new MessageChannel();
  // a port closes when it has been read
  port1.on('message', () => undefined);
  const closed = once(port1, 'close');
  if (aborted) port1.postMessage('abort');
  const outcome = await run({ options: parseOptions(input), calledAt: Date.now(), port: port2 });
  await closed;
  return { outcome, threads: [...pools].map(([pool, before]) => [before, pool.threads.length]) };
}

test('threads that were started while the run was planned end when it cannot be', async () => {
  const job = { method: 'gd', uplink: 'rand-k:k=1', problem: 'quadratic:d=8', workers: 3 };
  const { outcome, threads } = await outcomeOf(job);
  expect(outcome).toMatchObject({
    ok: false,
    code: 'usage',
    message: 'uplink "rand-k:k=1" must be left out: method gd sends no compressed messages on the uplink',
  });
  expect(threads).toEqual([[3, 0]]);
});

test('they end when the run is aborted before its data is there', async () => {
  const { outcome, threads } = await outcomeOf({ workers: 3, rounds: 5 }, true);
  expect(outcome).toMatchObject({ ok: false, code: 'aborted' });
  expect(threads).toEqual([[3, 0]]);
});

test('they end with the run', async () => {
  const job = { problem: 'quadratic:d=8', workers: 3, rounds: 2, stepSize: 0.1 };
  const { outcome, threads } = await outcomeOf(job);
  expect(outcome).toMatchObject({ ok: true, summary: { rounds: 2 } });
  expect(threads).toEqual([[3, 0]]);
});

test('a run on the calling thread starts none', async () => {
  const job = { problem: 'quadratic:d=8', workers: 3, rounds: 2, stepSize: 0.1, transport: 'loopback' };
  const { outcome, threads } = await outcomeOf(job);
  expect(outcome).toMatchObject({ ok: true });
  expect(threads).toEqual([]);
});
