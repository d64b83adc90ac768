import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';

/** The file that every pool's threads start with: it loads the module that their work is in. */
export const POOL_ENTRY = fileURLToPath(new URL('./pool-entry.cjs', import.meta.url));

/** Exactly as many threads as asked for, each for one long task. */
export interface ThreadPool<T, R> {
  /** Runs the default export of the pool's module on a thread of its own. `port`, if the task has one, is moved there. */
  run(task: T, port?: MessagePort): Promise<R>;
  /** Ends the threads, whatever they are doing. */
  close(): Promise<void>;
}

/**
 * A pool whose tasks are calls of the default export of `module`, the URL of a compiled module. Its threads start, and load
 * the module, at once.
 */
export function threadPool<T, R>(module: string, threads: number): ThreadPool<T, R> {
  const pool = new Piscina<T, R>({
    filename: POOL_ENTRY,
    workerData: { module },
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    atomics: 'disabled',
  });
  return {
    run: (task, port) => pool.run(task, port === undefined ? {} : { transferList: [port] }),
    close: () => pool.destroy(),
  };
}
