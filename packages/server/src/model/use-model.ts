import { type DataInput, FlotillaError, type FormatOptions, type Predictions, UsageError } from '@flotilla/core';
import { asFlotillaError, errorFrom, parseProblem, shareArrays } from '@flotilla/core/internal';
import { onAbort } from '../on-abort.js';
import { ownFile } from '../own-files.js';
import { formatFor } from '../run/data-request.js';
import { type ProblemModule, problemText } from '../run/problem-text.js';
import type { ValidationMetrics } from '../run/validation.js';
import type { FlatModel, Model } from './model.js';
import { readFlatModel } from './read-model.js';
import type { UseOutcome, UseTask } from './use-model-thread.js';

/** What to use a model on. How a file is read is as it was for the training data, where it is left out. */
export interface UseOptions extends FormatOptions {
  /** Data of the kind that the model was trained on: a name, a path or data in memory, as for `train`. */
  readonly data: DataInput;
  /** The problem, in place of the one that the model names; to be given when that is a module of one's own. */
  readonly problem?: string | URL | ProblemModule | undefined;
  /** Has the module imported that the model itself names as its problem: a file then says what code runs. */
  readonly trust?: boolean | undefined;
  /** Modules with the problem that the model was trained for. Their code runs. */
  readonly plugins?: readonly string[] | undefined;
  /** Ends the work; the promise then rejects with an `aborted` error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * f and the problem's metrics of a model on data: `loss`, and for example `accuracy`. Works on a thread of its own.
 * @param model What a run has returned, or the path of its folder or its model.safetensors.
 * @throws FlotillaError
 */
export async function evaluate(model: Model | string, options: UseOptions): Promise<ValidationMetrics> {
  return run('evaluate', model, options);
}

/**
 * What a model says of each sample: columns by name, such as `label` and `probability`, in the order of the samples. The data
 * may be without labels. Works on a thread of its own.
 * @param model What a run has returned, or the path of its folder or its model.safetensors.
 * @throws FlotillaError
 */
export async function predict(model: Model | string, options: UseOptions): Promise<Predictions> {
  return run('predict', model, options);
}

/** @typeParam T What the task finds. */
async function run<T>(what: UseTask['what'], model: Model | string, options: UseOptions): Promise<T> {
  check(model, options);
  const { plugins = [], signal, indexBase, labelColumn, header } = options;
  const asked = { indexBase, labelColumn, header };
  const data = dataOf(options.data);
  const flat = typeof model === 'string' ? await readFlatModel(model) : flatten(model);
  const format = typeof data === 'string' ? formatFor(data, asked, flat.metadata) : asked;
  const problem = problemOf(options, flat);
  const { threadPool } = await import('../hosts/pool.js');
  const pool = threadPool<UseTask, UseOutcome<T>>(ownFile('model/use-model-thread.js'), 1);
  const unwatch = signal && onAbort(signal, () => void pool.close());
  try {
    if (signal?.aborted) throw signal.reason;
    const outcome = await pool.run({ what, model: flat, problem, data, format, plugins });
    if (outcome.ok) return outcome.found;
    throw errorFrom(outcome);
  } catch (cause) {
    if (signal?.aborted) throw new FlotillaError('aborted', `${what} was aborted`, { cause: signal.reason });
    const { code, message } = asFlotillaError(cause);
    if (cause instanceof FlotillaError) throw cause;
    throw new FlotillaError(code, code === 'internal' ? `the thread of ${what} ended: ${message}` : message, { cause });
  } finally {
    unwatch?.();
    await pool.close();
  }
}

/** @throws UsageError for arguments that are wrong on their face */
function check(model: unknown, options: unknown): void {
  if (typeof options !== 'object' || options === null) throw new UsageError('options must be an object with data');
  const { signal } = options as UseOptions;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new UsageError('signal must be an AbortSignal');
  if (typeof model === 'string' && model !== '') return;
  const { x, tensors, metadata } = Object(model) as Partial<Model>;
  const isVector = x instanceof Float64Array || x instanceof Float32Array;
  const isModel = isVector && isRecord(tensors) && isRecord(metadata);
  if (isModel && Object.values(metadata).every((value) => typeof value === 'string')) return;
  throw new UsageError('the model must be what a run has returned, or the path of its folder or model.safetensors');
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function flatten({ x, tensors, metadata }: Model): FlatModel {
  return { x, metadata, tensors: Object.entries(tensors).map(([name, { shape }]) => ({ name, shape })) };
}

function dataOf(data: DataInput): DataInput {
  if (typeof data === 'string' && data !== '') return data;
  if (typeof data === 'object' && data !== null) return shareArrays(data, 'data');
  throw new UsageError('data must be the name or the path of a data set, or data in memory');
}

/** The text of the problem; never a module that only a file has named. @throws UsageError */
function problemOf({ problem, trust = false }: UseOptions, { metadata }: FlatModel): string {
  if (problem !== undefined) return problemText(problem);
  if (metadata.problem === undefined) throw new UsageError('the model names no problem; give one');
  const { module } = parseProblem(metadata.problem);
  if (module === undefined || trust) return metadata.problem;
  throw new UsageError(
    `the model's problem is the module ${module}: name it as the problem, or trust the model, to have its code run`,
  );
}
