import { FlotillaError, type Predictions, UsageError } from '@flotilla/core';
import type { ValidationMetrics } from '../run/validation.js';
import type { FlatModel, Model } from './model.js';
import { readFlatModel } from './read-model.js';
import type { Use, UseOutcome, UseTask } from './use-model-thread.js';

/** What to use a model on. */
export interface UseOptions {
  /** Data of the kind that the model was trained on: a name or a path, as for `train`. */
  readonly data: string;
  /** Spec of the problem, in place of the one that the model names. */
  readonly problem?: string | undefined;
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
  const use = await run('evaluate', model, options);
  return (use as Extract<Use, { what: 'evaluate' }>).metrics;
}

/**
 * What a model says of each sample: columns by name, such as `label` and `probability`, in the order of the samples. The data
 * may be without labels. Works on a thread of its own.
 * @param model What a run has returned, or the path of its folder or its model.safetensors.
 * @throws FlotillaError
 */
export async function predict(model: Model | string, options: UseOptions): Promise<Predictions> {
  const use = await run('predict', model, options);
  return (use as Extract<Use, { what: 'predict' }>).predictions;
}

async function run(what: UseTask['what'], model: Model | string, options: UseOptions): Promise<Use> {
  const { data, plugins = [], signal } = options;
  if (typeof data !== 'string')
    throw new UsageError(`data must be the name or the path of a data set, not ${typeof data}`);
  const flat = typeof model === 'string' ? await readFlatModel(model) : flatten(model);
  const problem = options.problem ?? flat.metadata.problem;
  if (problem === undefined) throw new UsageError('the model names no problem; give one');
  const { threadPool } = await import('../hosts/pool.js');
  const pool = threadPool<UseTask, UseOutcome>(new URL('./use-model-thread.js', import.meta.url).href, 1);
  const abort = () => void pool.close();
  try {
    if (signal?.aborted) throw signal.reason;
    signal?.addEventListener('abort', abort, { once: true });
    const outcome = await pool.run({ what, model: flat, problem, data, plugins });
    if (outcome.ok) return outcome.use;
    throw new FlotillaError(outcome.code, outcome.message);
  } catch (cause) {
    if (signal?.aborted) throw new FlotillaError('aborted', `${what} was aborted`, { cause: signal.reason });
    if (cause instanceof FlotillaError) throw cause;
    throw new FlotillaError('internal', `the thread of ${what} ended: ${(cause as Error).message}`, { cause });
  } finally {
    signal?.removeEventListener('abort', abort);
    await pool.close();
  }
}

function flatten({ x, tensors, metadata }: Model): FlatModel {
  return { x, metadata, tensors: Object.entries(tensors).map(([name, { shape }]) => ({ name, shape })) };
}
