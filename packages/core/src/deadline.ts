import type { Runtime } from './runtime.js';

/** The longest piece of a wait that blocks a thread, in milliseconds: after it the event loop runs, and the waiter looks around. */
export const SLICE_MS = 50;
/** What a piece may count beyond what it was to last: what a busy machine takes to go on after it, and no more. */
const SLACK_MS = 50;
/** What is left by rounding: so short a wait moves no clock. */
const NOTHING_MS = 1e-3;

/**
 * A deadline on time that was really waited. A wait is made of pieces of at most {@link SLICE_MS}, and a piece counts as long as
 * it took by the runtime's clock, but at most 50 ms more than it was to last. So whatever stops the waiter counts for next to
 * nothing, as it stops those that it waits for as well: a process that was stopped (SIGSTOP), a machine that slept. A clock
 * that somebody sets is none of its business.
 */
export class Deadline {
  #waited: number;
  #limit: number;
  /** When the piece under way began, and what it is to last. */
  #from: number;
  #piece = 0;

  /** @param ms What may be waited, in milliseconds. @param waited What of it has been waited already. */
  constructor(
    private readonly runtime: Runtime,
    ms: number,
    waited = 0,
  ) {
    this.#limit = ms;
    this.#waited = waited;
    this.#from = runtime.now();
  }

  /** Milliseconds waited until the last call of {@link Deadline.next}. */
  get waited(): number {
    return this.#waited;
  }

  /** Ends one piece of the wait and begins the next. How long that may last, in milliseconds; 0 when the time is over. */
  next(): number {
    const now = this.runtime.now();
    this.#waited += Math.min(now - this.#from, this.#piece + SLACK_MS);
    this.#from = now;
    const left = this.#limit - this.#waited;
    this.#piece = left < NOTHING_MS ? 0 : Math.min(SLICE_MS, left);
    return this.#piece;
  }

  /** Allows `ms` milliseconds more, from now on. */
  extend(ms: number): void {
    this.#limit = this.#waited + ms;
  }
}
