import {
  type DataInput,
  type Facts,
  type FormatOptions,
  Kernels,
  KeyedRandom,
  type Predictions,
  UsageError,
} from '@flotilla/core';
import { type ErrorRecord, errorRecord, inPrecision, lookUpProblem, parseProblem } from '@flotilla/core/internal';
import { loadPlugins } from '@flotilla/worker';
import { onOtherData, Validation, type ValidationMetrics } from '../run/validation.js';
import { isFacts } from './facts.js';
import type { FlatModel } from './model.js';

/** What the thread is asked: f and metrics of a model on data, or what it predicts there. */
export interface UseTask {
  readonly what: 'evaluate' | 'predict';
  readonly model: FlatModel;
  /** Spec of the problem that the model was trained for. */
  readonly problem: string;
  readonly data: DataInput;
  readonly format: FormatOptions;
  /** Paths of modules whose code may be run. */
  readonly plugins: readonly string[];
}

/** How the task ends; errors are data on the way between threads. */
export type UseOutcome<T> = { readonly ok: true; readonly found: T } | (ErrorRecord & { readonly ok: false });

/** Thread entry: looks at data with a model. */
export default async function serve(task: UseTask): Promise<UseOutcome<ValidationMetrics | Predictions>> {
  try {
    return { ok: true, found: await use(task) };
  } catch (thrown) {
    return { ok: false, ...errorRecord(thrown) };
  }
}

async function use(task: UseTask): Promise<ValidationMetrics | Predictions> {
  const { what, model, problem: text, data, format, plugins } = task;
  const { problems } = await loadPlugins(plugins, text);
  const family = lookUpProblem(problems, parseProblem(text));
  const facts = factsOf(model.metadata.facts);
  if (facts === undefined) throw new UsageError(`a model of problem ${family.name} cannot be used on other data`);
  const random = new KeyedRandom(model.metadata.seed ?? '0');
  const { problem } = await onOtherData(family, text, facts, { data, format, random });
  if (problem.dimension !== model.x.length) {
    throw new UsageError(`the model has ${model.x.length} coordinates; problem ${text} has ${problem.dimension}`);
  }
  if (what === 'evaluate') return new Validation(problem).at(model.x);
  const predictions = problem.oracle(0, new Kernels()).predict?.(inPrecision(model.x, 'f64'));
  if (predictions === undefined) throw new UsageError(`problem ${family.name} predicts nothing`);
  return predictions;
}

/** Facts as they were stored; nothing else is made of what a file says. @throws UsageError */
function factsOf(text: string | undefined): Facts | undefined {
  if (text === undefined) return undefined;
  const refuse = () =>
    new UsageError('the facts of the model are not a JSON object of numbers, texts and lists of numbers');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse();
  }
  if (isFacts(value)) return value;
  throw refuse();
}
