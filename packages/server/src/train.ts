import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { type ErrorCode, FlotillaError, systemRuntime, UsageError } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import type { Metrics, Progress, Summary } from './run/metrics.js';
import { type OptionsInput, parseOptions } from './run/options.js';
import { resolveNames } from './run/plan.js';
import { ReplayBuffer } from './run/replay-buffer.js';
import type { RunEvent, RunOutcome, RunTask } from './server-thread.js';

/** The part of a pino logger that is used; any logger with these methods will do. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * Everything about a run. Every option may be left out; docs/cli.md explains them.
 * @interface
 */
export type TrainOptions = OptionsInput & {
  /** Ends the run after the current round; `result` then rejects with an {@link AbortedError}. */
  signal?: AbortSignal | undefined;
  /** Where to log; silent by default. What loading has to say that is no error has `note: true` among its fields. */
  logger?: Logger | undefined;
  /** Called a few times a second between evaluations. */
  onProgress?: ((progress: Progress) => void) | undefined;
};

/** The run ended because its signal fired; `cause` is the signal's reason. */
export class AbortedError extends FlotillaError {
  override readonly name = 'AbortedError';

  constructor(
    /** What the run came to until then; undefined when it had not begun its first round. */
    readonly summary: Summary | undefined,
    cause: unknown,
  ) {
    const when = summary === undefined ? 'before its first round' : `after round ${summary.rounds}`;
    super('aborted', `the run was aborted ${when}`, { cause });
  }
}

/**
 * A run under way. Iterate it for its metrics, one row for each evaluated round, as often as you like: every reader gets
 * all rows that are kept, the last 10,000 of them, and then those to come. Leaving the loop does not end the
 * run; its signal does.
 */
export interface Run extends AsyncIterable<Metrics> {
  /** Rejects with a FlotillaError: look at its `code`. */
  readonly result: Promise<Summary>;
}

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
export function train(input: TrainOptions = {}): Run {
  const { signal, logger, onProgress, ...rest } = input ?? {};
  const options = parseOptions(input === null ? input : rest);
  // what plug-ins add is known in the threads of the run only
  if (options.plugins.length === 0) resolveNames(options);
  checkCallers({ signal, logger, onProgress });
  const kept = new ReplayBuffer<Metrics>();
  const { port1, port2 } = new MessageChannel();
  const abort = () => port1.postMessage('abort');
  let thrown: unknown;
  port1.on('message', (event: RunEvent) => {
    if (event.type === 'metrics') return kept.push(event.metrics);
    try {
      if (event.type === 'progress') onProgress?.(event.progress);
      else logger?.[event.level](event.fields, event.message);
    } catch (error) {
      // the caller's own code failed: the run ends and says so, the caller's process does not
      thrown ??= error;
      abort();
    }
  });
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });

  // the last rows come by another port than the outcome: wait until that port has closed behind them
  const drained = once(port1, 'close');
  const finish = async () => {
    try {
      const outcome = await runTask({ options, calledAt: systemRuntime.now(), port: port2 });
      await drained;
      if (thrown !== undefined) {
        throw new FlotillaError('internal', `a callback threw: ${asFlotillaError(thrown).message}`, { cause: thrown });
      }
      if (outcome.ok && outcome.summary.stopReason !== 'aborted') return outcome.summary;
      if (outcome.ok) throw new AbortedError(outcome.summary, signal?.reason);
      if (outcome.code === 'aborted') throw new AbortedError(undefined, signal?.reason);
      throw restored(outcome);
    } finally {
      signal?.removeEventListener('abort', abort);
      port1.close();
    }
  };
  const result = finish();
  result.then(
    () => kept.end(undefined),
    (error: FlotillaError) => {
      kept.end(error);
      if (thrown === undefined) logger?.error({ code: error.code }, error.message);
    },
  );
  return { result, [Symbol.asyncIterator]: () => kept.read() };
}

/** Refuses what the schema cannot see, before anything is opened. */
function checkCallers({ signal, logger, onProgress }: Pick<TrainOptions, 'signal' | 'logger' | 'onProgress'>): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new UsageError('signal must be an AbortSignal');
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new UsageError('onProgress must be a function');
  for (const level of ['debug', 'info', 'error'] as const) {
    if (logger !== undefined && typeof logger?.[level] !== 'function') {
      throw new UsageError(`logger must have a method ${level}, as pino's has`);
    }
  }
}

/** Runs the server thread to its end. */
async function runTask(task: RunTask): Promise<RunOutcome> {
  // whoever imports this package to look at options need not load a thread pool
  const { threadPool } = await import('./hosts/pool.js');
  const pool = threadPool<RunTask, RunOutcome>(new URL('./server-thread.js', import.meta.url).href, 1);
  try {
    return await pool.run(task, task.port);
  } catch (cause) {
    throw new FlotillaError('internal', `the server thread ended: ${(cause as Error).message}`, { cause });
  } finally {
    await pool.close();
  }
}

function restored({ code, message, stack }: Extract<RunOutcome, { ok: false }>): FlotillaError {
  const error = new FlotillaError(code as ErrorCode, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
