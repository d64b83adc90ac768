import { statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { joinRun, parseOptions } from '@flotilla/server';
import { Training } from '@flotilla/server/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Broker, type Connection, hasBroker } from './nats-broker.js';

// The witness is nats-server, a program that is not ours: what it counts for the server's connection is what the ledger says.

const WORKERS = 6;
const data = fileURLToPath(new URL('../../../test/unchanged/small.libsvm', import.meta.url));
const sum = (parts: object) => Object.values(parts).reduce((total: number, value: number) => total + value, 0);

describe.skipIf(!hasBroker)('the broker counts what the ledger counts', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await Broker.start();
  });
  afterAll(() => broker.close());

  let runs = 0;
  async function connectionOf(run: string): Promise<Connection> {
    for (;;) {
      const found = (await broker.connections()).find(({ name }) => name === `flotilla server ${run}`);
      if (found !== undefined) return found;
      await setTimeout(20);
    }
  }

  test.each([
    ['gd', {}],
    // frames above a slot of the mailboxes, and above a piece
    ['gd', { problem: 'heterogeneous-quadratic:d=600000' }],
    ['marina', { uplink: 'rand-k:k=4' }],
    // its hosts have the data from nowhere else
    ['diana', { problem: 'logistic', data, sendData: true }],
    ['marina-p', { downlink: 'perm-k+natural' }],
    ['m3', {}],
    ['pp-marina:sampled=2', { uplink: 'rand-k:k=4' }],
    ['ef21-p-diana', {}],
  ] as const)('%s', async (method, more) => {
    const run = `witness-${runs++}`;
    const nats = { url: broker.url };
    const hosts = [
      joinRun({ nats, run, workers: { from: 0, to: 3 }, threads: 2 }),
      joinRun({ nats, run, workers: { from: 4, to: 5 }, threads: 1 }),
    ];
    const options = parseOptions({
      problem: 'heterogeneous-quadratic:d=200000',
      method,
      workers: WORKERS,
      transport: 'nats',
      nats: broker.url,
      run,
      stepSize: 1e-3,
      ...more,
    });
    const training = await Training.open(options);
    try {
      for (let round = 0; round < 6; round++) await training.round();
      await training.evaluate();
      for (let round = 0; round < 6; round++) await training.round();
      await training.snapshot();
    } finally {
      await training.close();
      await Promise.all(hosts);
    }
    const { sent, received } = training.fleet.broker?.() ?? { sent: {}, received: {} };
    const { ledger } = training;
    // what goes to all crosses the broker once, also where it is long
    if (method === 'gd') expect(sent).toMatchObject({ frames: 0 });
    expect(received).toMatchObject({ frames: ledger.frameBytes.uplink, broadcasts: 0 });
    const { frames, broadcasts } = sent as { frames: number; broadcasts: number };
    expect(frames + WORKERS * broadcasts).toBe(ledger.frameBytes.downlink);
    const sendsData = 'sendData' in more;
    expect(sent).toMatchObject({ data: sendsData ? hosts.length * statSync(data).size : 0 });
    const counted = await connectionOf(run);
    expect(counted.in_bytes - sum(sent)).toBe(0);
    expect(counted.out_bytes - sum(received)).toBe(0);
  });
});
