import { type Runtime, systemRuntime } from '@flotilla/core';
import type { HostMessage } from './server-messages.js';

/** What a thread has beyond its grace, to tidy up, and after it has been told to end at once. */
const TIDY_MS = 1000;
/** A process that was stopped, or a machine that slept, has not given its threads this time: it is counted in slices. */
const SLICE_MS = 50;

/**
 * Makes a run end: tells its thread to, and says when that does not: because code in it loops, its own or of somebody whom it
 * calls.
 */
export class Ending {
  /** Resolves when the thread has to be ended from outside. */
  readonly overdue: Promise<void>;
  readonly #closed = new AbortController();
  #give: () => void = () => {};
  #send: ((message: HostMessage) => void) | undefined;
  #left: number | undefined;
  #isAtOnce = false;
  /** What each sign of life gives it. */
  #more: number;

  /** @param graceMs What the thread has for what is under way, and again after each sign of life. */
  constructor(
    graceMs: number,
    private readonly runtime: Runtime = systemRuntime,
  ) {
    this.#more = graceMs + TIDY_MS;
    this.overdue = new Promise((resolve) => {
      this.#give = resolve;
    });
  }

  /** The thread listens from now on. @param send Tells it. */
  open(send: (message: HostMessage) => void): void {
    this.#send = send;
    if (this.#isAtOnce) this.terminate();
  }

  /** After what is under way. */
  abort(): void {
    if (this.#left !== undefined) return;
    this.#send?.('abort');
    this.#left = this.#more;
    void this.#watch();
  }

  /** At once. */
  terminate(): void {
    this.#isAtOnce = true;
    this.#more = TIDY_MS;
    if (this.#send === undefined) return;
    this.abort();
    this.#send('terminate');
    this.#left = TIDY_MS;
  }

  /** The thread says that something has come to its end. */
  sign(): void {
    if (this.#left !== undefined) this.#left = Math.max(this.#left, this.#more);
  }

  /** The thread has ended. */
  close(): void {
    this.#closed.abort();
  }

  /** Waits for work on the caller's thread, for as long as the run's own has. Whether it has come to its end. */
  async lets(work: Promise<unknown>): Promise<boolean> {
    const done = new AbortController();
    void work.finally(() => done.abort());
    for (let waited = 0; !done.signal.aborted && waited < this.#more; waited += SLICE_MS) {
      await this.runtime.sleep(SLICE_MS, done.signal);
    }
    return done.signal.aborted;
  }

  async #watch(): Promise<void> {
    while (this.#left !== undefined && this.#left > 0) {
      await this.runtime.sleep(SLICE_MS, this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      this.#left -= SLICE_MS;
    }
    this.#give();
  }
}
