import {
  type DataRequest,
  type Facts,
  FlotillaError,
  Kernels,
  type LoadInput,
  type Oracle,
  type Problem,
  type ProblemFamily,
  UsageError,
  type Vector,
} from '@flotilla/core';
import { asFlotillaError, checkData, inPrecision, loadData, parseProblem } from '@flotilla/core/internal';
import { type FormatTexts, formatConcerning, formatOf } from './data-request.js';
import type { Options } from './options.js';

/** f and the problem's metrics on data that is not trained on. */
export interface ValidationMetrics {
  readonly loss: number;
  /** By the names that the problem has for them. */
  readonly [metric: string]: number;
}

/** The word that stands for the test part of the training data. */
const TEST = 'test';

/** One worker has all samples, as they lie in the data. */
const IN_ORDER = 'contiguous';

type Asked = FormatTexts & Pick<Options, 'validation' | 'data'>;

/** The function that is trained, on other data, and what those are called in the run's records. */
export interface LoadedValidation {
  readonly problem: Problem;
  readonly source: string | undefined;
}

/** What loading is asked for. */
function requestOf(options: Asked): DataRequest {
  const { validation, data } = options;
  return validation === TEST
    ? { data, part: TEST, split: IN_ORDER, format: formatOf(options) }
    : { data: validation, split: IN_ORDER, format: formatConcerning(options, validation, data) };
}

/** Refuses validation data that cannot be had, before anything is read. @throws UsageError */
export function checkValidation(family: ProblemFamily, options: Asked): void {
  if (options.validation === undefined) return;
  if (family.data === 'none')
    throw new UsageError(`problem ${family.name} has no data to validate on; leave out validation`);
  aboutValidation(() => checkData(family, requestOf(options)));
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
): Promise<LoadedValidation | undefined> {
  if (options.validation === undefined) return undefined;
  if (facts === undefined)
    throw new UsageError(`problem ${family.name} cannot be evaluated on other data; leave out validation`);
  const input = { ...requestOf(options), random, signal, note };
  return aboutValidation(() => onOtherData(family, options.problem, facts, input));
}

/**
 * The function that was trained, on other data: one worker has all of it, in its order.
 * @param problem The option of the run.
 * @param facts Of the trained problem.
 */
export async function onOtherData(
  family: ProblemFamily,
  problem: string,
  facts: Facts,
  input: Omit<LoadInput, 'split' | 'workers' | 'facts'>,
): Promise<LoadedValidation> {
  const spec = () => parseProblem(problem).spec;
  const one = { workers: 1, random: input.random, facts };
  const { shared, source } = await loadData(family, spec(), { ...input, ...one, split: IN_ORDER });
  return { problem: family.create(spec(), { ...one, ...shared }), source };
}

/** Does what looks at the validation data: an error says that it is about them. The training data may have the same name. */
export function aboutValidation<T>(work: () => T): T {
  const refuse = (thrown: unknown): never => {
    const { code, message, option } = asFlotillaError(thrown);
    if (code === 'aborted' || (option !== undefined && option !== 'data')) throw thrown;
    const text =
      option === undefined ? `validation cannot be used: ${message}` : message.replace(/^data/, 'validation');
    const context = { cause: thrown, option: 'validation' };
    throw code === 'usage' ? new UsageError(text, context) : new FlotillaError(code, text, context);
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

  /** In f64 at x as it is. */
  at(point: Vector): ValidationMetrics {
    const x = inPrecision(point, 'f64');
    const loss = this.#oracle.gradient(x, this.#gradient);
    this.#oracle.metrics?.(x, this.#values);
    return { loss, ...Object.fromEntries(this.#names.map((name, k) => [name, this.#values[k] as number])) };
  }
}
