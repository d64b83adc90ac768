import { type Runtime, systemRuntime } from '@flotilla/core';

/**
 * A runtime whose time moves only when it is told to: by {@link SimulatedRuntime.advance}, and by whoever sleeps or blocks,
 * for whom the time is over at once. So waits of minutes take no time, and a test sees the same times whenever it runs. It is
 * the clock of one thread: waits on shared memory, which another thread ends, do not move it.
 */
export class SimulatedRuntime implements Runtime {
  #now: number;
  /** Ends of the sleeps under way, ascending. */
  readonly #sleeps: { readonly end: number }[] = [];

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
    while (this.#sleeps.length > 0 && (this.#sleeps[0]?.end as number) <= to) this.#endFirst();
    this.#now = Math.max(this.#now, to);
  }

  /** Lets the event loop run until nobody else's sleep ends sooner, and then moves time to this one's end. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const sleep = { end: this.#now + ms };
    const behind = this.#sleeps.findIndex(({ end }) => end > sleep.end);
    this.#sleeps.splice(behind < 0 ? this.#sleeps.length : behind, 0, sleep);
    while (this.#sleeps.includes(sleep)) {
      await systemRuntime.yield();
      const at = this.#sleeps.indexOf(sleep);
      if (at >= 0 && signal?.aborted === true) this.#sleeps.splice(at, 1);
      else if (at >= 0) this.#endFirst();
    }
  }

  yield(): Promise<void> {
    return systemRuntime.yield();
  }

  block(ms: number): void {
    this.advance(ms);
  }

  #endFirst(): void {
    const first = this.#sleeps.shift();
    if (first !== undefined) this.#now = Math.max(this.#now, first.end);
  }
}
