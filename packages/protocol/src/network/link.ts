/** The links of a run, worker by worker. Plain data, so that it can be posted to the threads that pace them. */
export interface Links {
  /** Bits a second that the link carries from the worker; infinite when it is not limited. */
  readonly up: Float64Array;
  /** Bits a second to the worker. */
  readonly down: Float64Array;
  /** Milliseconds from the last bit's departure to its arrival, each way. */
  readonly latency: Float64Array;
  /** Whether both directions share the link, so that one waits while the other sends. */
  readonly halfDuplex: boolean;
}

/**
 * When frames arrive over one worker's link: a bucket for each direction (one for both when the link is half-duplex) that
 * lets frames through one after another at its rate, and then a delay. All times in milliseconds of one clock.
 */
export class Link {
  /** When each bucket is free again: down, up. */
  readonly #free: Float64Array;

  /** @param free Two numbers that hold the link's state, to begin with −∞; memory of its own when left out. */
  constructor(
    private readonly links: Links,
    private readonly worker: number,
    free: Float64Array = new Float64Array(2).fill(Number.NEGATIVE_INFINITY),
  ) {
    this.#free = free;
  }

  /** Sends `bytes` at `at`, behind all that was sent before, and returns when the last of them arrives. */
  arrival(direction: 'up' | 'down', bytes: number, at: number): number {
    const bucket = direction === 'up' && !this.links.halfDuplex ? 1 : 0;
    const rate = this.links[direction][this.worker] as number;
    const through = Math.max(this.#free[bucket] as number, at) + (8000 * bytes) / rate;
    this.#free[bucket] = through;
    return through + (this.links.latency[this.worker] as number);
  }
}
