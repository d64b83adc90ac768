import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { systemRuntime } from '@flotilla/core';
import { parseOptions, type TrainOptions } from '@flotilla/server';
import { type RunEvent, serve } from '@flotilla/server/internal';

/** What the process holds after so many rounds, in bytes. */
export interface Held {
  readonly round: number;
  /** Heap, external memory and array buffers of the server's thread. */
  readonly own: number;
  /** The heap's part of it. */
  readonly heap: number;
  /** Of the whole process. */
  readonly rss: number;
}

/** What a soak came to. */
export interface Soaked {
  readonly held: readonly Held[];
  readonly seconds: number;
  readonly restarts: number;
  readonly repeatedRounds: number;
  readonly xHash: string;
}

// A process of its own, with --expose-gc: the server is on its only thread that is not a worker's, so that what the server holds is
// what this thread holds. The job comes as the first word, and what was found goes to stdout.

async function soak(options: TrainOptions): Promise<Soaked> {
  const collect = globalThis.gc ?? (() => {});
  const held: Held[] = [];
  const { port1, port2 } = new MessageChannel();
  port1.on('message', (event: RunEvent) => {
    if (event.type !== 'metrics') return;
    // what is weakly held goes with the second one
    collect();
    collect();
    const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
    held.push({ round: event.metrics.round, own: heapUsed + external + arrayBuffers, heap: heapUsed, rss });
  });
  const closed = once(port1, 'close');
  const from = systemRuntime.now();
  const outcome = await serve({ options: parseOptions(options), calledAt: from, port: port2 });
  await closed;
  if (!outcome.ok) throw new Error(outcome.message);
  const { repeated, xHash } = outcome.summary;
  const seconds = (systemRuntime.now() - from) / 1000;
  return { held, seconds, restarts: repeated?.restarts ?? 0, repeatedRounds: repeated?.rounds ?? 0, xHash };
}

const job = process.argv[2];
if (job !== undefined) process.stdout.write(JSON.stringify(await soak(JSON.parse(job) as TrainOptions)));
