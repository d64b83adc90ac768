import { hrtime } from 'node:process';
import { setImmediate, setTimeout } from 'node:timers/promises';

/**
 * Time, as everything that waits or measures sees it. It is handed down from whoever starts a run or a thread, and nothing
 * else reads a clock or sets a timer, so that a test can put a clock of its own in its place.
 *
 * Waits for another thread (`Atomics.wait` on a word of shared memory) stay where they are and only measure with `now`.
 */
export interface Runtime {
  /**
   * Milliseconds, with fractions, on a monotonic clock that all threads of the process read alike and nobody sets. Its zero
   * means nothing: only differences do.
   */
  now(): number;
  /** Resolves after `ms` milliseconds, or as soon as `signal` fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Lets the event loop run once: timers, messages, sockets. */
  yield(): Promise<void>;
  /** Blocks the calling thread for `ms` milliseconds, for those who must not return to the event loop. */
  block(ms: number): void;
}

const word = new Int32Array(new SharedArrayBuffer(4));

/**
 * The machine's own time. `now` is `process.hrtime`, which counts from the machine's start on every thread;
 * `performance.now` counts from the start of the thread that asks, and is no faster.
 */
export const systemRuntime: Runtime = {
  now() {
    const [seconds, nanoseconds] = hrtime();
    return 1e3 * seconds + 1e-6 * nanoseconds;
  },
  async sleep(ms, signal) {
    // ending early is an end like any other
    await setTimeout(ms, undefined, { signal }).catch(() => undefined);
  },
  async yield() {
    await setImmediate();
  },
  block(ms) {
    Atomics.wait(word, 0, 0, ms);
  },
};
