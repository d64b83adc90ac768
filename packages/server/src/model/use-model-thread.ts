import {
  type DataInput,
  type Facts,
  type FormatOptions,
  Kernels,
  KeyedRandom,
  type Predictions,
  UsageError,
} from '@flotilla/core';
import { type ErrorRecord, errorRecord, loadData, lookUpProblem, parseProblem } from '@flotilla/core/internal';
import { loadPlugins } from '@flotilla/worker';
import { Validation, type ValidationMetrics } from '../run/validation.js';
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

export type Use =
  | { readonly what: 'evaluate'; readonly samples: number | undefined; readonly metrics: ValidationMetrics }
  | { readonly what: 'predict'; readonly predictions: Predictions };

/** How the task ends; errors are data on the way between threads. */
export type UseOutcome = { readonly ok: true; readonly use: Use } | (ErrorRecord & { readonly ok: false });

/** One worker has all samples, as they lie in the data. */
const IN_ORDER = 'contiguous';

/** Thread entry: looks at data with a model. */
export default async function serve(task: UseTask): Promise<UseOutcome> {
  try {
    return { ok: true, use: await use(task) };
  } catch (thrown) {
    return { ok: false, ...errorRecord(thrown) };
  }
}

async function use({ what, model, problem: text, data, format, plugins }: UseTask): Promise<Use> {
  const { problems } = await loadPlugins(plugins, text);
  const spec = () => parseProblem(text).spec;
  const family = lookUpProblem(problems, parseProblem(text));
  const facts = factsOf(model.metadata.facts);
  if (facts === undefined) throw new UsageError(`a model of problem ${family.name} cannot be used on other data`);
  const one = { workers: 1, random: new KeyedRandom(model.metadata.seed ?? '0'), facts };
  const { shared, samples } = await loadData(family, spec(), { data, split: IN_ORDER, format, ...one });
  const problem = family.create(spec(), { ...one, ...shared });
  if (problem.dimension !== model.x.length) {
    throw new UsageError(`the model has ${model.x.length} coordinates; problem ${text} has ${problem.dimension}`);
  }
  if (what === 'evaluate') return { what, samples, metrics: new Validation(problem).at(model.x) };
  const predictions = problem.oracle(0, new Kernels()).predict?.(model.x);
  if (predictions === undefined) throw new UsageError(`problem ${family.name} predicts nothing`);
  return { what, predictions };
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
