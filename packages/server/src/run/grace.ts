import { FlotillaError, type Runtime } from '@flotilla/core';

/**
 * How long a run that is told to end may take for what is under way: a round, an evaluation, a worker's state. What has not come
 * to its end by then is given up, and the time begins anew with each that has.
 */
export class Grace {
  #until: number | undefined;

  /** @param tell Hears of each sign of life, so that whoever waits for the thread can wait on. */
  constructor(
    private readonly ms: number,
    private readonly runtime: Runtime,
    private readonly tell: () => void,
  ) {}

  /** The run is told to end. */
  begin(): void {
    this.#until ??= this.runtime.now() + this.ms;
  }

  /** The run is told to end at once. */
  end(): void {
    this.#until = Number.NEGATIVE_INFINITY;
  }

  get isOver(): boolean {
    return this.#until !== undefined && this.runtime.now() >= this.#until;
  }

  /** Something has come to its end. */
  sign(): void {
    if (this.#until === undefined) return;
    if (!this.isOver) this.#until = this.runtime.now() + this.ms;
    this.tell();
  }

  /** @throws FlotillaError `aborted` when the time is over */
  check(): void {
    if (this.isOver) throw new FlotillaError('aborted', 'the run was aborted in the middle of a round');
  }
}
