import { Worker } from 'node:worker_threads';
import type { Links } from '../dist/transport/link.js';
import { createThreadTransport } from '../dist/transport/threads.js';
import type { OpenTransport } from './describe-transport.js';

/** The shared-memory transport with an echo on each of `threads` real threads. */
export async function openThreads(options: {
  workers: number;
  maxFrameBytes: number;
  threads: number;
  /** Present when the echoes' ends are stamped, with their links when they are paced. */
  linked?: { links: Links | undefined };
}): Promise<OpenTransport & { shared: SharedArrayBuffer }> {
  const { server, attachments } = createThreadTransport(options);
  const workers = attachments.map(
    (attachment) =>
      new Worker(new URL('./echo-host.mjs', import.meta.url), {
        workerData: { attachment, linked: options.linked },
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
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      for (const worker of workers) void worker.terminate();
    }, 5000);
    await Promise.all(exits);
    clearTimeout(timer);
    if (late) throw new Error('a thread had not ended 5 s after the server closed');
  };
  return { server, ended, shared: attachments[0].shared };
}
