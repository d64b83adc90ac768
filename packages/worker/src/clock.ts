import type { Runtime } from '@flotilla/core';

/** A runtime's clock that remembers what it has said: to read it costs as much as a short gradient. */
export class Clock implements Pick<Runtime, 'now'> {
  /** Milliseconds when it was read last. */
  latest = Number.NEGATIVE_INFINITY;

  constructor(private readonly runtime: Pick<Runtime, 'now'>) {}

  now(): number {
    this.latest = this.runtime.now();
    return this.latest;
  }

  /** A time that is not long ago: that of the last reading, if there was one since `before` was the last. */
  since(before: number): number {
    return this.latest === before ? this.now() : this.latest;
  }
}
