import { FlotillaError, UsageError } from '@flotilla/core';
import { asFlotillaError, messageOf } from '@flotilla/core/internal';
import type { Ending } from './ending.js';
import type { ReporterEvent } from './run/happening.js';
import type { Meters } from './run/meters.js';
import type { Metrics, Phase, Progress } from './run/metrics.js';
import type { RunAbout } from './run-about.js';
import type { RunResult } from './run-result.js';

/**
 * Writes down what a run does, for whatever people look at runs with: `train({ reporters: [reporter] })`. All methods may be
 * left out. They are called on the caller's thread, one call after the other, in the order in which things happen; of several
 * reporters, in the order in which they are given. A reporter is for one run.
 *
 * The run does not wait for its reporters: a method that is asynchronous may be called again before it is done, so one that writes
 * somewhere has a queue of its own, as a stream does. Only `end` is awaited, for as long as the option `grace` says.
 *
 * What a reporter throws fails the run, as what any callback throws: the run ends after its round, with its checkpoint, and `result`
 * rejects with a FlotillaError `internal` that names the reporter. So no record has holes that nobody knows of. A reporter
 * whose loss a run shall survive catches its errors itself.
 */
export interface Reporter {
  /** What errors call it. */
  readonly name?: string | undefined;
  /** Everything is checked and the workers are there; the first row is to come. Phases and notes may have come before. */
  begin?(about: RunAbout): void | Promise<void>;
  phase?(phase: Phase): void | Promise<void>;
  /** A row of metrics.jsonl, each once; a resumed run begins with that of the round it goes on after, if there is one. */
  row?(row: Metrics): void | Promise<void>;
  /** A few times a second between evaluations. */
  progress?(at: Progress): void | Promise<void>;
  /** Twice a second, and once before the run ends. Measuring costs a little: leave it out where it is not looked at. */
  meters?(meters: Meters): void | Promise<void>;
  event?(event: ReporterEvent): void | Promise<void>;
  /**
   * The run has ended: with its result, or with the error that `result` rejects with, which has a `summary` if it is an
   * AbortedError. Called once for every run, also for one that never began, and last; `result` settles after it.
   */
  end?(outcome: RunResult | FlotillaError): void | Promise<void>;
}

const METHODS = ['begin', 'phase', 'row', 'progress', 'meters', 'event', 'end'] as const;

/** Calls the reporters of a run. */
export class Reporters {
  readonly #pending = new Set<Promise<unknown>>();
  #failure: FlotillaError | undefined;
  #abort = () => {};

  constructor(private readonly reporters: readonly Reporter[]) {}

  /** The run can be ended from now on, when a reporter has thrown. */
  open(abort: () => void): void {
    this.#abort = abort;
  }

  /** The run has ended. */
  close(): void {
    this.#abort = () => {};
  }

  /** Whether anybody looks at meters, which cost a little to take. */
  get wantsMeters(): boolean {
    return this.reporters.some(({ meters }) => meters !== undefined);
  }

  /** The first thing that one of them has thrown. */
  get failure(): FlotillaError | undefined {
    return this.#failure;
  }

  /** Tells each of them in turn. */
  tell<M extends Exclude<keyof Reporter, 'name'>>(method: M, ...args: Parameters<NonNullable<Reporter[M]>>): void {
    for (const reporter of this.reporters) {
      this.guard(reporter.name ?? 'a reporter', () =>
        (reporter[method] as ((...given: typeof args) => unknown) | undefined)?.apply(reporter, args),
      );
    }
  }

  /** Calls somebody's code: what it throws, now or later, ends the run and says so; the caller's process goes on. */
  guard(name: string, call: () => unknown): void {
    const fail = (cause: unknown) => {
      if (this.#failure !== undefined) return;
      this.#failure = new FlotillaError('internal', `${name} threw: ${messageOf(cause)}`, { cause });
      this.#abort();
    };
    try {
      const returned = call();
      if (!(returned instanceof Promise)) return;
      // nobody waits for it before the end
      const done = returned.catch(fail).finally(() => this.#pending.delete(done));
      this.#pending.add(done);
    } catch (value) {
      fail(value);
    }
  }

  /**
   * Tells them how the run has ended, and waits for what they have not finished.
   * @returns the same result
   * @throws FlotillaError what the run has failed with, else what a reporter has
   */
  async end(result: Promise<RunResult>, ending: Ending): Promise<RunResult> {
    const outcome = await result.catch(asFlotillaError);
    this.tell('end', outcome);
    const isDone = await ending.lets(Promise.all(this.#pending));
    if (outcome instanceof FlotillaError) throw outcome;
    if (this.#failure !== undefined) throw this.#failure;
    if (!isDone) throw new FlotillaError('internal', 'a reporter did not end within the grace of the run');
    return outcome;
  }
}

/** @throws UsageError for what are no reporters */
export function checkReporters(reporters: unknown): asserts reporters is readonly Reporter[] {
  if (!Array.isArray(reporters)) throw new UsageError('reporters must be an array');
  for (const [k, reporter] of reporters.entries()) {
    if (typeof reporter !== 'object' || reporter === null) throw new UsageError(`reporters[${k}] must be an object`);
    for (const method of METHODS) {
      if (reporter[method] === undefined || typeof reporter[method] === 'function') continue;
      throw new UsageError(`reporters[${k}].${method} must be a function`);
    }
  }
}
