import {
  type DataRequest,
  Kernels,
  type LoadInput,
  type Oracle,
  type Problem,
  type ProblemFamily,
  UsageError,
} from '@flotilla/core';
import { checkData, loadData, optionError, parseProblem } from '@flotilla/core/internal';
import { type FormatTexts, formatOf } from './data-request.js';
import type { Options } from './options.js';

/** f and the problem's metrics on data that is not trained on. */
export interface ValidationMetrics {
  readonly loss: number;
  /** By the names that the problem has for them. */
  readonly [metric: string]: number;
}

/** The word that stands for the test part of the training data. */
const TEST = 'test';

/** As `evaluate` has them, so that both find the same. */
const IN_ORDER = 'contiguous';

type Asked = FormatTexts & Pick<Options, 'validation' | 'data'>;

/** What loading is asked for. */
function requestOf(options: Asked): DataRequest {
  const { validation, data } = options;
  const format = formatOf(options);
  return validation === TEST
    ? { data, part: TEST, split: IN_ORDER, format }
    : { data: validation, split: IN_ORDER, format };
}

/** Refuses validation data that cannot be had, before anything is read. @throws UsageError */
export function checkValidation(family: ProblemFamily, options: Asked): void {
  if (options.validation === undefined) return;
  if (family.data === 'none')
    throw new UsageError(`problem ${family.name} has no data to validate on; leave out validation`);
  named(() => checkData(family, requestOf(options)));
}

/**
 * The function that is trained, on the validation data.
 * @throws UsageError when the problem cannot look at other data, or these are not as the training data are
 */
export async function loadValidation(
  options: Asked & Pick<Options, 'problem'>,
  family: ProblemFamily,
  { facts }: Problem,
  { random, signal, note }: Pick<LoadInput, 'random' | 'signal' | 'note'>,
): Promise<Problem | undefined> {
  if (options.validation === undefined) return undefined;
  if (facts === undefined)
    throw new UsageError(`problem ${family.name} cannot be evaluated on other data; leave out validation`);
  const spec = () => parseProblem(options.problem).spec;
  const one = { workers: 1, random, facts };
  const { shared } = await named(() => loadData(family, spec(), { ...requestOf(options), ...one, signal, note }));
  return family.create(spec(), { ...one, ...shared });
}

/** What is wrong with validation data is said of them, not of the data that are trained on. */
function named<T>(work: () => T): T {
  const refuse = (thrown: unknown): never => {
    if (!(thrown instanceof UsageError)) throw thrown;
    const { message, option } = thrown;
    const complaint =
      option === 'data' && message.startsWith('data ') ? message.slice(5) : `cannot be used: ${message}`;
    throw optionError('validation', complaint, thrown);
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(refuse) as T) : result;
  } catch (thrown) {
    return refuse(thrown);
  }
}

/** Evaluates on the calling thread. */
export class Validation {
  readonly #oracle: Oracle;
  readonly #names: readonly string[];
  readonly #gradient: Float64Array;
  readonly #values: Float64Array;

  constructor(problem: Problem) {
    const { dimension, metrics = [] } = problem;
    this.#oracle = problem.oracle(0, new Kernels());
    this.#names = metrics.map(({ name }) => name);
    this.#gradient = new Float64Array(dimension);
    this.#values = new Float64Array(metrics.length);
  }

  at(x: Float64Array): ValidationMetrics {
    const loss = this.#oracle.gradient(x, this.#gradient);
    this.#oracle.metrics?.(x, this.#values);
    return { loss, ...Object.fromEntries(this.#names.map((name, k) => [name, this.#values[k] as number])) };
  }
}
