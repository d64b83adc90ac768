import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { systemRuntime } from '@flotilla/core';
import { Piscina } from 'piscina';
import { bundleOf } from './bundle.js';

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
export function threadPool<T, R>(module: string, threads: number, runtime = systemRuntime): ThreadPool<T, R> {
  const pool = new Piscina<T, R>({
    filename: POOL_ENTRY,
    workerData: { module, bundle: module.endsWith('.cjs') ? bundleOf(fileURLToPath(module)) : undefined },
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    atomics: 'disabled',
    // a pipe's descriptor is closed by its socket: the thread, at its end, would close whatever has that number then
    trackUnmanagedFds: false,
  });
  let closing = false;
  let fail: (error: unknown) => void = () => undefined;
  // a thread that ends before it has its task leaves the task without an answer
  const lost = new Promise<never>((_, reject) => {
    fail = reject;
  });
  lost.catch(() => undefined);
  pool.on('error', fail);
  pool.on('workerDestroy', () => {
    // after the answer of a task that the thread had
    if (!closing) void runtime.yield().then(() => fail(new Error('a thread has ended before its time')));
  });
  return {
    run: (task, port) => Promise.race([pool.run(task, port === undefined ? {} : { transferList: [port] }), lost]),
    close() {
      closing = true;
      return pool.destroy();
    },
  };
}
