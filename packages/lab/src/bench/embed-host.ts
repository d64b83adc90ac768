import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { type Phase, type Progress, type TrainOptions, train } from '@flotilla/server';

/** What the host is asked for: to be idle, or to train until the time is over. */
export interface HostTask {
  readonly seconds: number;
  readonly options: TrainOptions | undefined;
}

/** Milliseconds between two turns of a timer of 1 ms: what is above 1 ms is delay. */
export interface LoopDelay {
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What the host says: where it listens, that its time has begun, what came of it, that it has nothing more to do. */
export type HostReply =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'begun' }
  | { readonly type: 'ended'; readonly starting: LoopDelay; readonly delay: LoopDelay; readonly rounds: number }
  | { readonly type: 'free' };

// A service that trains: a process of its own, with a server that answers in a line and a run beside it.

const tell = (reply: HostReply) => process.send?.(reply);

/** The event loop's delay while `work` goes on. */
async function watched<T>(work: () => Promise<T>): Promise<[T, LoopDelay]> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  const result = await work();
  histogram.disable();
  const [p50, p99, max] = [histogram.percentile(50), histogram.percentile(99), histogram.max].map((ns) => ns / 1e6);
  return [result, { samples: histogram.count, p50, p99, max } as LoopDelay];
}

async function measure({ seconds, options }: HostTask): Promise<void> {
  const stop = new AbortController();
  let rounds = 0;
  let ended: Promise<unknown> = Promise.resolve();
  const [, starting] = await watched(async () => {
    if (options === undefined) return setTimeout(Math.min(1000, 1000 * seconds));
    await new Promise<void>((begun, failed) => {
      const onPhase = (phase: Phase) => phase === 'training' && begun();
      const onProgress = ({ round }: Progress) => {
        rounds = round;
      };
      ended = train({ ...options, rounds: 1e9, signal: stop.signal, onPhase, onProgress }).result.catch(failed);
    });
  });
  const from = rounds;
  tell({ type: 'begun' });
  const [, delay] = await watched(() => setTimeout(1000 * seconds));
  tell({ type: 'ended', starting, delay, rounds: rounds - from });
  stop.abort();
  await ended;
  tell({ type: 'free' });
}

if (process.send !== undefined) {
  const server = createServer((_request, response) => response.end('here\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.on('message', (task: HostTask) => void measure(task));
  process.on('disconnect', () => process.exit());
  tell({ type: 'listening', port: (server.address() as AddressInfo).port });
}
