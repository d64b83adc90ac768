import { once } from 'node:events';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { FlotillaError, systemRuntime, UsageError } from '@flotilla/core';
import { errorFrom, printed, writeWhole } from '@flotilla/core/internal';
import { modulesOf } from '@flotilla/worker';
import { CheckpointRequests } from './checkpoint/checkpoint-requests.js';
import type { TakenCheckpoint } from './checkpoint/checkpoints.js';
import { readStoredRun, withoutStart } from './checkpoint/stored-run.js';
import { Ending } from './ending.js';
import { type FlatModel, type Model, modelOf } from './model/model.js';
import { ModelRequests } from './model/model-requests.js';
import { readFlatModel } from './model/read-model.js';
import { onAbort } from './on-abort.js';
import { checkReporters, type Reporter, Reporters } from './reporter.js';
import type { Meters } from './run/meters.js';
import type { Metrics, Phase, Progress, Summary } from './run/metrics.js';
import { type Options, type OptionsInput, parseOptions } from './run/options.js';
import { resolveNames } from './run/plan.js';
import { ReplayBuffer } from './run/replay-buffer.js';
import { json, SUMMARY } from './run/run-folder.js';
import type { RunResult } from './run-result.js';
import { runServerThread } from './run-server-thread.js';
import type { HostMessage, RunEvent, RunOutcome, RunTask } from './server-messages.js';
import { type InterruptedSummary, summaryOfInterrupted } from './summary.js';

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
  /**
   * Ends the run after the current round; `result` then rejects with an {@link AbortedError}. What does not come to an end within
   * the option `grace` is terminated, a loop in somebody's code too. One that has fired already costs nothing: no thread is
   * started. Any number of runs may share one.
   */
  signal?: AbortSignal | undefined;
  /** Where to log; silent by default. What a run has to say before it starts and that is no error has `note: true` among its fields. */
  logger?: Logger | undefined;
  /** Called a few times a second between evaluations. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Called twice a second, and after the last round. A run that nobody listens to measures none of it. */
  onMeters?: ((meters: Meters) => void) | undefined;
  /** Called when the run comes to its next phase; the time before the first round is theirs. */
  onPhase?: ((phase: Phase) => void) | undefined;
  /** Who writes down what the run does; see {@link Reporter}. */
  reporters?: readonly Reporter[] | undefined;
  /**
   * A run folder: the run in it goes on from its newest checkpoint that is whole, bit for bit as if it had never stopped, under
   * the options that it has. Rules to stop, threads, transport and others that change no iterate may be given anew; data and a
   * starting point that were in memory are given again. Rows are those to come. One that has ended resolves at once, unless a
   * rule to stop is given anew.
   */
  resume?: string | undefined;
  /** With `resume`: the folder may name modules that the options do not; they are imported, and their code runs. */
  trust?: boolean | undefined;
  /** With `resume`: go on also with other code or data than the run began with, and so perhaps elsewhere. */
  force?: boolean | undefined;
};

type Callers = Pick<TrainOptions, 'signal' | 'logger' | 'onProgress' | 'onMeters' | 'onPhase'>;

/** The run ended because its signal fired; `cause` is the signal's reason. */
export class AbortedError extends FlotillaError {
  override readonly name = 'AbortedError';

  constructor(
    /**
     * What the run came to until then; undefined when it had not begun its first round. Where it was ended in the middle of a round, of its
     * last evaluated round.
     */
    readonly summary: InterruptedSummary | undefined,
    cause: unknown,
    when = summary === undefined ? 'before its first round' : `after round ${summary.rounds}`,
  ) {
    super('aborted', `the run was aborted ${when}`, { cause });
  }
}

/**
 * A run under way. Iterate it for its metrics, one row for each evaluated round, as often as you like: every reader gets
 * all rows that are kept, the last 10,000 of them, and then those to come. Leaving the loop does not end the
 * run; its signal does.
 */
export interface Run extends AsyncIterable<Metrics> {
  /** Rejects with a FlotillaError: look at its `code`. May be left unread. */
  readonly result: Promise<RunResult>;
  /**
   * The model after the round that is under way, without stopping the run; once it has ended, however, the one after its last
   * whole round. A copy each time, for the caller to keep.
   * @throws FlotillaError the reason why a run has ended before it had an x⁰
   */
  model(): Promise<Model>;
  /**
   * Takes a checkpoint after the round that is under way: it lies on the disk when this resolves.
   * @throws UsageError for a run without a folder (`out`), or one that has ended; FlotillaError the reason why a run has failed
   */
  checkpoint(): Promise<TakenCheckpoint>;
  /**
   * Ends the run at once, in the middle of a round: `result` rejects with an {@link AbortedError} within some two seconds, whatever
   * its threads are doing. For a run that has been told to end by its signal, and whose user cannot wait. What it has written stays.
   */
  terminate(): void;
}

/**
 * Starts a training run and returns at once. The parameter server runs in a thread of its own and the workers in theirs,
 * so the caller's event loop only ever sees metrics. Nothing global is touched and nothing is printed, but for Node's warning of a
 * run that fails without a logger and without anybody's having asked for its `result` or its rows; such a run ends no process.
 *
 * @example
 * const run = train({ method: 'm3', workers: 20, rounds: 100 });
 * for await (const { round, loss } of run) console.log(round, loss);
 * const { uplink, downlink } = await run.result;
 *
 * @throws FlotillaError `usage` for options that are wrong on their face; everything else rejects `result`.
 */
export function train(input: TrainOptions = {}): Run {
  const { signal, logger, onProgress, onMeters, onPhase, reporters = [], resume, trust, force, ...rest } = input ?? {};
  const callbacks = { onProgress, onMeters, onPhase };
  checkReporters(reporters);
  checkCallers({ signal, logger, ...callbacks });
  checkResuming(resume, { trust, force });
  const stored = resume === undefined ? undefined : readStoredRun(resume, rest, trust === true);
  const told = new Reporters([
    { name: 'a callback', progress: onProgress, meters: onMeters, phase: onPhase },
    ...reporters,
  ]);
  if (stored?.finished !== undefined) return ended(stored.options, stored.finished, told);
  const options = stored?.options ?? parseOptions(input === null ? input : rest);
  // what modules add is known in the threads of the run only
  if (modulesOf(options).length === 0) resolveNames(stored === undefined ? options : withoutStart(options));
  const kept = new ReplayBuffer<Metrics>();
  const models = new ModelRequests();
  const checkpoints = new CheckpointRequests(options.out !== undefined);
  const going = stored && { force: force === true, config: stored.config };
  const ending = new Ending(1000 * options.grace);
  const result = told.end(
    host({ options, resume: going }, { signal, logger }, told, kept, models, checkpoints, ending),
    ending,
  );
  let isRead = false;
  result.then(
    () => kept.end(undefined),
    (error: FlotillaError) => {
      kept.end(error);
      if (logger !== undefined) logQuietly(logger, error);
      else if (!isRead && error.code !== 'aborted') process.emitWarning(unread(error));
    },
  );
  return {
    get result() {
      isRead = true;
      return result;
    },
    model: () => models.ask(result),
    checkpoint: () => checkpoints.ask(result),
    terminate: () => ending.terminate(),
    [Symbol.asyncIterator]() {
      isRead = true;
      return kept.read();
    },
  };
}

/** A run that has ended before it was called: what its folder says. */
function ended({ out = '', grace }: Options, summary: Summary, told: Reporters): Run {
  const model = readFlatModel(out);
  const withIt = model.then((flat) => withModel(summary, flat));
  const result = told.end(withIt, new Ending(1000 * grace));
  // may be left unread
  result.catch(() => undefined);
  return {
    result,
    model: async () => modelOf(await model),
    checkpoint: () => new CheckpointRequests(true).ask(result),
    terminate() {},
    async *[Symbol.asyncIterator]() {},
  };
}

function withModel(summary: Summary, flat: FlatModel | undefined): RunResult {
  const model = flat && modelOf(flat);
  return Object.defineProperty({ ...summary }, 'model', { value: model, enumerable: false }) as RunResult;
}

/** A run that failed and that nobody has looked at ends no process, nor does it end without a word. */
function unread({ message }: FlotillaError): Error {
  const warning = new Error(`a run failed, and nobody has asked for its result: ${message}`);
  return Object.assign(warning, { name: 'FlotillaWarning' });
}

/** A logger that throws has no way to say so. */
function logQuietly(logger: Logger, { code, message }: FlotillaError): void {
  try {
    logger.error({ code }, message);
  } catch {}
}

/** The run as its caller's thread sees it: starts the server thread, hands on what comes from it, and ends it. */
async function host(
  task: Pick<RunTask, 'options' | 'resume'>,
  { signal, logger }: Pick<Callers, 'signal' | 'logger'>,
  told: Reporters,
  kept: ReplayBuffer<Metrics>,
  models: ModelRequests,
  checkpoints: CheckpointRequests,
  ending: Ending,
): Promise<RunResult> {
  // the caller first gets the run, then hears of it
  await undefined;
  if (signal?.aborted) throw new AbortedError(undefined, signal.reason);
  const { port1, port2 } = new MessageChannel();
  const send = (message: HostMessage) => port1.postMessage(message);
  const abort = () => ending.abort();
  let begun: Extract<RunEvent, { type: 'begins' }> | undefined;
  let last: Metrics | undefined;
  const { options } = task;
  const tell = (event: RunEvent) => {
    switch (event.type) {
      case 'metrics':
        last = event.metrics;
        told.tell('row', last);
        return kept.push(last);
      case 'begins':
        begun = event;
        return;
      case 'opened':
        return told.tell('begin', { ...event.about, options });
      case 'phase':
        return told.tell('phase', event.phase);
      case 'progress':
        return told.tell('progress', event.progress);
      case 'meters':
        return told.tell('meters', event.meters);
      case 'happens':
        return told.tell('event', event.event);
      case 'log':
        return told.guard('a callback', () => logger?.[event.level](event.fields, event.message));
      case 'sign':
        return ending.sign();
      case 'model':
        return models.answer(event.model);
      case 'checkpoint':
        return checkpoints.answer(event.checkpoint);
    }
  };
  port1.on('message', tell);
  const unwatch = signal && onAbort(signal, abort);
  ending.open(send);
  told.open(abort);
  models.open(() => send('model'));
  checkpoints.open(() => send('checkpoint'));
  // the last rows come by another port than the outcome: wait until that port has closed behind them
  const drained = once(port1, 'close');
  let model: FlatModel | undefined;
  try {
    tell({ type: 'phase', phase: 'starting' });
    const outcome = await runServerThread(
      { ...task, isMetered: told.wantsMeters, calledAt: systemRuntime.now(), port: port2 },
      ending.overdue,
    );
    await drained;
    model = outcome?.model;
    if (told.failure !== undefined) throw told.failure;
    if (outcome?.ok === true) {
      if (outcome.summary.stopReason !== 'aborted') return withModel(outcome.summary, outcome.model);
      throw new AbortedError(outcome.summary, signal?.reason);
    }
    if (outcome !== undefined && outcome.code !== 'aborted') throw restored(outcome);
    if (begun === undefined && outcome !== undefined) throw new AbortedError(undefined, signal?.reason);
    const interrupted = begun && last && summaryOfInterrupted(begun.facts, last);
    if (begun?.folder !== undefined && interrupted !== undefined) {
      leaveSummary(begun.folder, interrupted, task.resume !== undefined);
    }
    const where = interrupted === undefined ? '' : `; the last evaluated one was round ${interrupted.rounds}`;
    const when =
      begun === undefined ? 'before its first round, in code that did not end' : `in the middle of a round${where}`;
    throw new AbortedError(interrupted, signal?.reason, when);
  } finally {
    told.close();
    ending.close();
    models.close(model);
    checkpoints.close();
    unwatch?.();
    port1.close();
  }
}

/** Refuses what the schema cannot see, before anything is opened. */
function checkCallers({ signal, logger, ...callbacks }: Callers): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new UsageError('signal must be an AbortSignal');
  for (const [name, callback] of Object.entries(callbacks)) {
    if (callback !== undefined && typeof callback !== 'function') throw new UsageError(`${name} must be a function`);
  }
  for (const level of ['debug', 'info', 'error'] as const) {
    if (logger !== undefined && typeof logger?.[level] !== 'function') {
      throw new UsageError(`logger must have a method ${level}, as pino's has`);
    }
  }
}

function checkResuming(resume: unknown, flags: Readonly<Record<'trust' | 'force', unknown>>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (typeof value !== 'boolean') throw new UsageError(`${name} must be true or false, not ${printed(value)}`);
    if (value && resume === undefined) throw new UsageError(`${name} is for a run that goes on: resume`);
  }
}

/** What a run that was ended in the middle of a round came to; that it ended is told anyway. */
function leaveSummary(folder: string, summary: InterruptedSummary, isAnother: boolean): void {
  try {
    writeWhole(join(folder, SUMMARY), json(summary), () => isAnother);
  } catch {
    // the disk is full, or there is one already
  }
}

function restored(outcome: Extract<RunOutcome, { ok: false }>): FlotillaError {
  const error = errorFrom(outcome);
  if (outcome.stack !== undefined) error.stack = outcome.stack;
  return error;
}
