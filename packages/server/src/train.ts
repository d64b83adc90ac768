import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { type ErrorCode, FlotillaError } from '@flotilla/core';
import { Piscina } from 'piscina';
import type { z } from 'zod';
import type { Metrics, Progress, Summary } from './metrics.js';
import { type optionsSchema, parseOptions } from './options.js';
import type { RunEvent, RunOutcome, RunTask } from './run-thread.js';

/** The part of a pino logger that is used; any logger with these two methods will do. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

export type TrainOptions = z.input<typeof optionsSchema> & {
  /** Ends the run after the current round; `result` then rejects with an {@link AbortedError}. */
  signal?: AbortSignal;
  /** Where to log; silent by default. */
  logger?: Logger;
  /** Called a few times a second between evaluations. */
  onProgress?: (progress: Progress) => void;
  /** Seconds a worker may take for one answer before it counts as lost. Default 600. */
  workerTimeout?: number;
};

/** The run ended because its signal fired. What it came to until then is in `summary`. */
export class AbortedError extends FlotillaError {
  override readonly name = 'AbortedError';

  constructor(readonly summary: Summary) {
    super('aborted', `the run was aborted after round ${summary.rounds}`);
  }
}

/**
 * A run under way. Iterate it for its metrics, one row for each evaluated round; await `result` for the summary.
 * Rows that nobody has read yet are kept, the last {@link MAX_UNREAD} of them.
 */
export interface Run extends AsyncIterable<Metrics> {
  /** Rejects with a FlotillaError: look at its `code`. */
  readonly result: Promise<Summary>;
}

/** Rows kept for a reader that has not come. */
export const MAX_UNREAD = 10_000;

/**
 * Starts a training run and returns at once. The parameter server runs in a thread of its own and the workers in theirs,
 * so the caller's event loop only ever sees metrics. Nothing global is touched and nothing is printed.
 *
 * @example
 * const run = train({ method: 'm3', workers: 20, rounds: 100 });
 * for await (const { round, loss } of run) console.log(round, loss);
 * const { uplink, downlink } = await run.result;
 *
 * @throws FlotillaError `usage` for options that are wrong on their face; everything else rejects `result`.
 */
export function train({ signal, logger, onProgress, workerTimeout = 600, ...rest }: TrainOptions = {}): Run {
  const options = parseOptions(rest);
  const metrics = new Unread<Metrics>();
  const { port1, port2 } = new MessageChannel();
  port1.on('message', (event: RunEvent) => {
    if (event.type === 'metrics') metrics.push(event.metrics);
    else if (event.type === 'progress') onProgress?.(event.progress);
    else logger?.[event.level](event.fields, event.message);
  });
  const abort = () => port1.postMessage('abort');
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });

  const task: RunTask = { options, calledAt: Date.now(), workerTimeoutMs: workerTimeout * 1000, port: port2 };
  // the last rows come by another port than the outcome: wait until that port has closed behind them
  const drained = once(port1, 'close');
  const result = runTask(task)
    .then(async (outcome) => {
      await drained;
      if (!outcome.ok) throw restored(outcome);
      if (outcome.summary.stopReason === 'aborted') throw new AbortedError(outcome.summary);
      return outcome.summary;
    })
    .finally(() => {
      signal?.removeEventListener('abort', abort);
      port1.close();
    });
  result.then(
    () => metrics.end(),
    (error) => metrics.end(error),
  );
  return { result, [Symbol.asyncIterator]: () => metrics };
}

/** Runs the server thread to its end. */
async function runTask(task: RunTask): Promise<RunOutcome> {
  const pool = new Piscina<RunTask, RunOutcome>({
    filename: new URL('./run-thread.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'disabled',
  });
  try {
    return await pool.run(task, { transferList: [task.port] });
  } catch (cause) {
    throw new FlotillaError('internal', `the server thread ended: ${(cause as Error).message}`, { cause });
  } finally {
    await pool.destroy();
  }
}

function restored({ code, message, stack }: Extract<RunOutcome, { ok: false }>): FlotillaError {
  const error = new FlotillaError(code as ErrorCode, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** A queue with one reader: rows wait for it, or it waits for them. */
class Unread<T> implements AsyncIterator<T> {
  readonly #rows: T[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  #error: unknown;

  push(row: T): void {
    this.#rows.push(row);
    if (this.#rows.length > MAX_UNREAD) this.#rows.shift();
    this.#wake?.();
  }

  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#rows.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const row = this.#rows.shift();
    if (row !== undefined) return { done: false, value: row };
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }
}
