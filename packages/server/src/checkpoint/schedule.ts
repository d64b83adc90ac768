import type { Runtime } from '@flotilla/core';
import { optionError, parseDecimal, printed } from '@flotilla/core/internal';

/** What `checkpointEvery` may be, in words. */
export const CHECKPOINTS_ALLOWED = 'a whole number of rounds from 1 to 1000000000, seconds such as 60s, or never';

/** How often a run takes checkpoints by itself. */
export type CheckpointEvery = { readonly rounds: number } | { readonly ms: number } | 'never';

/** @throws UsageError */
export function parseCheckpointEvery(value: number | string): CheckpointEvery {
  if (value === 'never') return value;
  const text = String(value);
  const seconds = text.endsWith('s');
  const number = parseDecimal(seconds ? text.slice(0, -1) : text);
  if (number !== undefined && number > 0 && number <= 1e9 && (seconds || Number.isInteger(number))) {
    return seconds ? { ms: 1000 * number } : { rounds: number };
  }
  throw optionError('checkpointEvery', `must be ${CHECKPOINTS_ALLOWED}, not ${printed(value)}`);
}

/** When the next checkpoint is due. */
export class Schedule {
  #lastRound = 0;
  #last: number;

  constructor(
    private readonly every: CheckpointEvery,
    private readonly runtime: Runtime,
  ) {
    this.#last = runtime.now();
  }

  /** @param round The round that has just ended. */
  isDue(round: number): boolean {
    const { every } = this;
    if (every === 'never') return false;
    if ('rounds' in every) return round % every.rounds === 0 && round !== this.#lastRound;
    return this.runtime.now() - this.#last >= every.ms;
  }

  /** One has been taken, or gone on from, after `round`. Seconds count from here: writing one is no reason for the next. */
  taken(round: number): void {
    this.#lastRound = round;
    this.#last = this.runtime.now();
  }
}
