import { FlotillaError, type Runtime } from '@flotilla/core';
import { asFlotillaError, type ErrorRecord, errorFrom } from '@flotilla/core/internal';
import type { ThreadAttachment } from '@flotilla/protocol';
import { modulesOf, type ThreadTask } from '@flotilla/worker';
import { type ThreadPool, threadPool } from './pool.js';

/** Threads that host workers, or will. */
export type WorkerPool = ThreadPool<ThreadTask, ErrorRecord | undefined>;

/** Starts threads for workers: they load their code while nobody knows yet what they are to do. */
export function workerPool(code: Parameters<typeof modulesOf>[0], threads: number, runtime: Runtime): WorkerPool {
  const modules = import.meta.resolve('@flotilla/worker/thread');
  // a module's own imports must be the modules that the thread runs; else the same in one file, which lies beside them
  const entry = modulesOf(code).length === 0 ? new URL('thread-bundle.cjs', modules).href : modules;
  return threadPool(entry, threads, runtime);
}

/** Workers that threads host until they are closed. */
export interface HostingThreads {
  /** The error of a thread that has ended before its time. */
  failure(): FlotillaError | undefined;
  /** @param leave Tells the threads to end. @param patienceMs What they have, before they are terminated */
  close(leave: () => void, patienceMs: number): Promise<void>;
}

/** Has each thread host the workers of its attachment. */
export function hostWorkers(
  pool: WorkerPool,
  attachments: readonly ThreadAttachment[],
  task: Omit<ThreadTask, 'attachment'>,
  runtime: Runtime,
): HostingThreads {
  let failure: FlotillaError | undefined;
  let closed = false;
  const tasks = attachments.map((attachment) =>
    pool
      .run({ ...task, attachment }, attachment.port)
      .then((record) => record && errorFrom(record), asFlotillaError)
      .then((error) => {
        if (error && error.code !== 'internal') failure ??= error;
        else if (!closed) {
          const what = `workers on thread ${attachment.thread} ended: ${error?.message ?? 'nobody knows why'}`;
          const [first, ...others] = attachment.hosted;
          const worker = others.length === 0 ? first : undefined;
          failure ??= new FlotillaError('worker-lost', what, { cause: error?.cause ?? error, worker });
        }
      }),
  );
  return {
    failure: () => failure,
    async close(leave, patienceMs) {
      closed = true;
      leave();
      // a thread that is inside a gradient ends when it is through; one that never is gets terminated
      const ended = new AbortController();
      await Promise.race([Promise.all(tasks), runtime.sleep(patienceMs, ended.signal)]);
      ended.abort();
      await pool.close();
    },
  };
}
