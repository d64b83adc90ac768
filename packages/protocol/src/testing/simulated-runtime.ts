import { type Runtime, systemRuntime } from '@flotilla/core';

/** A sleep under way. */
interface Sleep {
  readonly end: number;
  readonly wake: () => void;
}

/**
 * A runtime whose time moves only when it is told to: by {@link SimulatedRuntime.advance}, and by whoever sleeps or blocks,
 * for whom the time is over at once. So waits of minutes take no time, and a test sees the same times whenever it runs. It is
 * the clock of one thread: waits on shared memory, which another thread ends, do not move it.
 */
export class SimulatedRuntime implements Runtime {
  #now: number;
  /** In the order of their ends. */
  readonly #sleeps: Sleep[] = [];
  #ending = false;

  /** @param start What the clock shows first, in milliseconds. */
  constructor(start = 0) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** Moves time on by `ms` milliseconds, past the ends of all sleeps that end until then. */
  advance(ms: number): void {
    const to = this.#now + ms;
    for (let first = this.#sleeps[0]; first !== undefined && first.end <= to; first = this.#sleeps[0]) this.#endFirst();
    this.#now = Math.max(this.#now, to);
  }

  /** Lets the event loop run until no other sleep ends sooner; then time moves to the end of this one. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    let leave = () => {};
    await new Promise<void>((wake) => {
      const sleep = { end: this.#now + ms, wake };
      const behind = this.#sleeps.findIndex(({ end }) => end > sleep.end);
      this.#sleeps.splice(behind < 0 ? this.#sleeps.length : behind, 0, sleep);
      leave = () => this.#leave(sleep);
      signal?.addEventListener('abort', leave);
      if (!this.#ending) void this.#endAll();
    });
    signal?.removeEventListener('abort', leave);
  }

  yield(): Promise<void> {
    return systemRuntime.yield();
  }

  block(ms: number): void {
    this.advance(ms);
  }

  /** Ends one sleep after the other; whoever has slept does what he has to do before time moves on. */
  async #endAll(): Promise<void> {
    this.#ending = true;
    while (this.#sleeps.length > 0) {
      await systemRuntime.yield();
      this.#endFirst();
    }
    this.#ending = false;
  }

  #endFirst(): void {
    const first = this.#sleeps.shift();
    if (first === undefined) return;
    this.#now = Math.max(this.#now, first.end);
    first.wake();
  }

  /** Ends a sleep before its time, which does not move. */
  #leave(sleep: Sleep): void {
    const at = this.#sleeps.indexOf(sleep);
    if (at >= 0) this.#sleeps.splice(at, 1);
    sleep.wake();
  }
}
