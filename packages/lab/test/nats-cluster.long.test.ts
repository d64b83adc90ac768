import { setTimeout } from 'node:timers/promises';
import { joinRun, train } from '@flotilla/server';
import { afterAll, describe, expect, test } from 'vitest';
import { Broker, freePort, hasBroker } from './nats-broker.js';

describe.skipIf(!hasBroker)('three brokers in a cluster', () => {
  const brokers: Broker[] = [];
  afterAll(async () => {
    for (const broker of brokers) await broker.close();
  });

  test('the node that the server is connected to is killed, and the one that a host is connected to: the same x', async () => {
    const routes = [await freePort(), await freePort(), await freePort()];
    for (const route of routes) {
      const others = routes.filter((port) => port !== route).map((port) => `nats://127.0.0.1:${port}`);
      brokers.push(
        await Broker.start({
          more: `cluster: { name: three, listen: 127.0.0.1:${route}, routes: [${others.join(', ')}] }\n`,
        }),
      );
    }
    const urls = brokers.map(({ url }) => url);
    const from = (k: number) => [...urls.slice(k), ...urls.slice(0, k)].join(',');
    const job = {
      problem: 'heterogeneous-quadratic:d=300',
      workers: 6,
      rounds: 3000,
      evalEvery: 100,
      seed: 'cluster',
    } as const;
    const hosts = [
      joinRun({ nats: { url: from(1) }, run: 'three', workers: { from: 0, to: 2 }, threads: 1 }),
      joinRun({ nats: { url: from(2) }, run: 'three', workers: { from: 3, to: 5 }, threads: 1 }),
    ];
    const log: string[] = [];
    const logger = { debug: () => {}, error: () => {}, info: (_: object, line: string) => log.push(line) };
    const run = train({ ...job, transport: 'nats', nats: from(0), run: 'three', logger });
    const killed: number[] = [];
    for await (const { round } of run) {
      const next = round >= 300 * (killed.length + 1) && killed.length < 2 ? killed.length : undefined;
      if (next === undefined) continue;
      killed.push(round);
      await brokers[next]?.down();
      await setTimeout(500);
      if (next === 0) await brokers[next]?.up();
    }
    const { xHash, repeated, broker } = await run.result;
    await Promise.all(hosts);
    expect(killed).toHaveLength(2);
    expect(xHash).toBe((await train({ ...job, transport: 'loopback' }).result).xHash);
    expect(repeated, 'no worker was started again').toBeUndefined();
    console.log(
      `killed after rounds ${killed.join(' and ')}; sent again ${broker?.sent.again} bytes; ${log.filter((line) => line.includes('connection')).join('; ')}`,
    );
  });
});
