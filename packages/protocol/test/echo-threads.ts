import { Worker } from 'node:worker_threads';
import { systemRuntime } from '@flotilla/core';
import type { Links } from '../dist/network/link.js';
import { createEchoHost } from '../dist/testing/echo-host.js';
import type { EchoThreadData } from '../dist/testing/echo-thread.js';
import type { OpenTransport } from '../dist/testing/index.js';
import { createThreadTransport } from '../dist/transport/threads/server-end.js';
import type { HostEnd } from '../dist/transport/transport.js';

/** How long a thread may take to end once the server has closed. */
const END_MS = 5000;

/** The shared-memory transport with an echo on each of `threads` real threads. */
export async function openThreads(options: {
  workers: number;
  maxFrameBytes: number;
  shortFrameBytes?: number;
  threads: number;
  /** Present when the echoes' ends are stamped, with their links when they are paced. */
  linked?: { links: Links | undefined };
  /** Whether the calling thread is the first of the threads. */
  own?: boolean;
}): Promise<OpenTransport & { shared: SharedArrayBuffer }> {
  const own = (end: HostEnd) => {
    const step = createEchoHost(end, systemRuntime);
    return () => {
      step();
      return true;
    };
  };
  const { server, attachments, shared } = createThreadTransport(
    { ...options, own: options.own === true ? own : undefined },
    systemRuntime,
  );
  const workers = attachments.map(
    (attachment) =>
      new Worker(new URL('../dist/testing/echo-thread.js', import.meta.url), {
        workerData: { attachment, linked: options.linked } satisfies EchoThreadData,
        transferList: [attachment.port],
        execArgv: [],
      }),
  );
  const exits = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.once('error', reject);
        worker.once('exit', () => resolve());
      }),
  );
  for (const exit of exits) exit.catch(() => {});
  // the calling thread is about to block: the threads must be running, which takes its event loop
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))));
  const ended = async () => {
    const all = new AbortController();
    const late = systemRuntime.sleep(END_MS, all.signal).then(() => {
      if (all.signal.aborted) return false;
      for (const worker of workers) void worker.terminate();
      return true;
    });
    await Promise.all(exits).finally(() => all.abort());
    if (await late) throw new Error('a thread had not ended 5 s after the server closed');
  };
  return { server, ended, shared };
}
