import { FlotillaError } from '@flotilla/core';
import type { Deadline } from '@flotilla/core/internal';
import type { Note } from '../run/happening.js';
import type { Options } from '../run/options.js';

/** A worker that was late, and what that has come to so far. */
export interface Late {
  readonly worker: number;
  /** Answers that were late. */
  readonly answers: number;
  /** Seconds that the server has waited for them. */
  readonly seconds: number;
}

/** A worker, or a host of workers, that has had its time. */
export class LateError extends FlotillaError {
  override readonly name = 'LateError';

  constructor(
    message: string,
    /** Whether the run ends with it, whatever the workers could be started again for. */
    readonly ends: boolean,
    context: { readonly worker?: number; readonly round?: number | undefined },
  ) {
    super('worker-lost', message, context);
  }
}

/** How long the server waits for an answer, what happens then, and who was late. One for a run, however often it starts its workers. */
export class Stragglers {
  readonly #late = new Map<number, Late>();

  constructor(
    private readonly options: Pick<Options, 'roundTimeout' | 'onStraggler'>,
    private readonly note: Note,
  ) {}

  /** Milliseconds that an answer may take. */
  get timeoutMs(): number {
    return 1000 * this.options.roundTimeout;
  }

  /** Everybody who was late, by number; undefined when nobody was. */
  get late(): readonly Late[] | undefined {
    if (this.#late.size === 0) return undefined;
    return [...this.#late.values()].sort((a, b) => a.worker - b.worker);
  }

  /**
   * An answer has had its time: gives it as much again, or throws.
   * @param who What is late, and what it has not done: `worker 3`, `answer round 12`
   * @throws LateError
   */
  overdue(
    who: string,
    due: string,
    deadline: Deadline,
    context: { worker?: number; round?: number | undefined },
  ): void {
    const { roundTimeout, onStraggler } = this.options;
    if (onStraggler !== 'wait') {
      this.#count(context.worker, deadline);
      const message = `${who} did not ${due} within ${told(roundTimeout)} s`;
      throw new LateError(message, onStraggler === 'fail', context);
    }
    const message = `${who} did not ${due} within ${told(deadline.waited / 1000)} s; the run goes on waiting`;
    this.note(message, { type: 'late', worker: context.worker });
    deadline.extend(this.timeoutMs);
  }

  /** An answer has come that was waited for; whether it was late, its deadline tells. */
  came(who: string, due: string, deadline: Deadline, worker?: number): void {
    if (deadline.waited < this.timeoutMs) return;
    deadline.next();
    this.#count(worker, deadline);
    this.note(`${who} did ${due} after ${told(deadline.waited / 1000)} s`, { type: 'late', worker });
  }

  #count(worker: number | undefined, deadline: Deadline): void {
    if (worker === undefined) return;
    const { answers = 0, seconds = 0 } = this.#late.get(worker) ?? {};
    this.#late.set(worker, { worker, answers: answers + 1, seconds: seconds + deadline.waited / 1000 });
  }
}

/** Whole seconds, unless there are few. */
const told = (seconds: number) => (seconds < 10 ? Number(seconds.toPrecision(2)) : Math.round(seconds));
