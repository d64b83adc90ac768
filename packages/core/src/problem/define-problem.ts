import { type Dataset, RowReader, shared } from '../data/dataset.js';
import { shareArrays } from '../data/shared-memory.js';
import { UsageError } from '../errors.js';
import { EVERY_WORKER, type KeyedRandom, Rng } from '../random.js';
import type { Spec } from '../spec.js';
import { fromSamples, type SampleData } from './from-samples.js';
import type { Facts, LoadInput, Oracle, Predictions, Problem, ProblemFamily, Tensor } from './problem.js';

/** A parameter of a problem: its value when it is left out, or that and the numbers it may be. */
export type ParameterDefinition = number | boolean | string | NumberParameter;

export interface NumberParameter {
  readonly default: number;
  /** −∞ when left out. */
  readonly min?: number;
  /** ∞ when left out. */
  readonly max?: number;
}

export type ParameterDefinitions = Readonly<Record<string, ParameterDefinition>>;

/** The values of the parameters that are defined so. */
export type ParameterValues<P extends ParameterDefinitions> = {
  readonly [K in keyof P]: P[K] extends string ? string : P[K] extends boolean ? boolean : number;
};

/** A problem with its data: what `dimension`, `tensors`, `start` and `facts` of a definition get. */
export interface DefinedProblem<D, P extends ParameterDefinitions> {
  /** What `load` has returned, or the samples. */
  readonly data: D;
  readonly parameters: ParameterValues<P>;
  /** n */
  readonly workers: number;
  /** What the problem has settled on its training data, when it is to look at other data. */
  readonly facts?: Facts | undefined;
}

/** One worker's part of it: what `prepare` gets, and the other functions where there is no `prepare`. */
export interface DefinedWorker<D, P extends ParameterDefinitions> extends DefinedProblem<D, P> {
  /** i, from 0 */
  readonly worker: number;
}

/** One worker's part of a problem that is made of samples. */
export interface SamplesWorker<P extends ParameterDefinitions> extends DefinedWorker<Dataset, P> {
  /** The numbers of the worker's samples in `data`, m_i of them. */
  readonly rows: Int32Array;
  /**
   * n m_i/N, 1 when all workers have as many samples: with it f_i = (1/m_i) Σ_j weight · ℓ_ij makes f the mean of ℓ over all
   * samples in use.
   */
  readonly weight: number;
}

/** What `load` gets. */
export interface DefinedLoad<P extends ParameterDefinitions> extends LoadInput {
  readonly parameters: ParameterValues<P>;
}

/** A metric beside f. */
export interface DefinedMetric<W> {
  readonly better: 'higher' | 'lower';
  /** The worker's value at x, weighted as its f_i is: the run's is the mean over the workers. */
  value(worker: W, x: Float64Array): number;
}

/** What every definition has. `W` is what one worker works with: what `prepare` returns, or its part of the problem. */
export interface ProblemDefinition<D, P extends ParameterDefinitions, W> {
  /** What the problem is called: letters a to z, digits and -. */
  readonly name: string;
  readonly summary?: string;
  /** The parameters of the problem's spec, with their defaults. */
  readonly parameters?: P;
  /** d, the number of coordinates of x. */
  dimension(problem: DefinedProblem<D, P>): number;
  /** The tensors that x is made of, one after the other; one called `x` when left out. */
  tensors?(problem: DefinedProblem<D, P>): readonly Tensor[];
  /** x⁰, from `rng` where it is drawn; the zero vector when left out. */
  start?(problem: DefinedProblem<D, P>, rng: Rng): Float64Array;
  /** Writes ∇f_i(x) to every coordinate of `out` and returns f_i(x). */
  gradient(worker: W, x: Float64Array, out: Float64Array): number;
  /** L_i, a Lipschitz constant of ∇f_i: the step size `theory` needs it. */
  smoothness?(worker: W): number | undefined;
  /**
   * Writes (1/b) Σ ∇f_ij(x) over the b samples in `batch` to `out` and returns the mean of the f_ij(x). Samples are numbered 0
   * to m_i − 1, and f_i is their mean.
   */
  batchGradient?(worker: W, x: Float64Array, batch: Int32Array, out: Float64Array): number;
  /** max_j L_ij, L_ij a Lipschitz constant of ∇f_ij. */
  sampleSmoothness?(worker: W): number | undefined;
  readonly metrics?: Readonly<Record<string, DefinedMetric<W>>>;
  /** What the model x says of each of the worker's samples, in their order: columns by name. */
  predict?(worker: W, x: Float64Array): Predictions;
  /** What the data has settled that other data must be looked at with; see {@link Facts}. */
  facts?(problem: DefinedProblem<D, P>): Facts;
  /** Step size when none is asked for: a number, `theory` or `theory*FACTOR`. `theory` when left out, where there is `smoothness`. */
  readonly stepSize?: number | string;
}

/** A problem that is made of samples: a data set by name, from a file or in memory, split among the workers. */
export interface SamplesProblem<P extends ParameterDefinitions, W> extends ProblemDefinition<Dataset, P, W> {
  readonly load?: undefined;
  /**
   * Whether the functions read rows of a dense matrix only: then whatever the data is, sample s has
   * value[s · features] … value[(s + 1) · features − 1], and `scale` is 1. Otherwise `data` is as the file or the host has it,
   * and a `RowReader` reads both forms.
   */
  readonly dense?: boolean;
  /** Makes what one worker works with: its constants, its work space. Called once on the worker's thread. */
  prepare?(worker: SamplesWorker<P>): W;
}

/** A problem that loads its own data. */
export interface LoadedProblem<D extends object, P extends ParameterDefinitions, W> extends ProblemDefinition<D, P, W> {
  /**
   * Loads the data once, on the server's thread: from `data` (a text as the option has it, or what the host has given, its
   * arrays in shared memory), or from anywhere. Returns a record of numbers, texts and typed arrays, which every thread gets in
   * shared memory.
   */
  load(input: DefinedLoad<P>): D | Promise<D>;
  prepare?(worker: DefinedWorker<D, P>): W;
  /** m_i, the worker's samples: needed with `batchGradient`. */
  samples?(worker: DefinedWorker<D, P>): number;
}

const FUNCTIONS = [
  ...['load', 'dimension', 'tensors', 'start', 'prepare', 'samples', 'gradient', 'smoothness', 'batchGradient'],
  ...['sampleSmoothness', 'predict', 'facts'],
];
/** Values of a dense matrix: 4 GiB. */
const MAX_DENSE = 2 ** 29;
const NEEDED = ['dimension', 'gradient'];
const VALUES: Readonly<Record<string, string>> = {
  name: 'string',
  summary: 'string',
  parameters: 'object',
  dense: 'boolean',
  metrics: 'object',
};

/**
 * A problem of one's own: min f(x) = (1/n) Σ f_i(x), worker i of n holding f_i. What it returns is for a module's default
 * export, `problem: new URL('./my-problem.js', import.meta.url)`, or for the `problems` of a plug-in.
 *
 * @example
 * // f_i(x) = (1/m_i) Σ_j weight/2 (a_jᵀx − y_j)² over the worker's samples
 * export default defineProblem({
 *   name: 'least-squares',
 *   dense: true,
 *   stepSize: 0.1,
 *   dimension: ({ data }) => data.features,
 *   gradient({ data: { value, label, features }, rows, weight }, x, out) {
 *     let f = 0;
 *     out.fill(0);
 *     for (const s of rows) {
 *       let miss = -label[s];
 *       for (let j = 0; j < features; j++) miss += value[s * features + j] * x[j];
 *       f += ((weight / rows.length) * miss * miss) / 2;
 *       for (let j = 0; j < features; j++) out[j] += (weight / rows.length) * miss * value[s * features + j];
 *     }
 *     return f;
 *   },
 * });
 *
 * @throws UsageError for a definition that lacks something, or has what none has
 */
export function defineProblem<
  const P extends ParameterDefinitions = Readonly<Record<never, never>>,
  W = SamplesWorker<P>,
>(definition: SamplesProblem<P, W>): ProblemFamily<SampleData>;
export function defineProblem<
  D extends object,
  const P extends ParameterDefinitions = Readonly<Record<never, never>>,
  W = DefinedWorker<D, P>,
>(definition: LoadedProblem<D, P, W>): ProblemFamily<{ data: D }>;
// biome-ignore lint/suspicious/noExplicitAny: one body for both kinds, whose types the signatures above keep apart
export function defineProblem(definition: LoadedProblem<any, any, any> | SamplesProblem<any, any>): ProblemFamily<any> {
  check(definition);
  const { name, summary = 'a problem of its own', parameters = {} } = definition;
  const stepSize = `${definition.stepSize ?? 'theory'}`;
  const common: Pick<ProblemFamily<LoadedData>, 'name' | 'summary' | 'init' | 'stepSize'> = {
    name,
    summary,
    init: definition.start === undefined ? 'zeros' : 'problem',
    stepSize: () => stepSize,
  };
  const create: ProblemFamily<LoadedData>['create'] = (spec, input) => {
    const values = readParameters(spec, parameters);
    spec.rejectUnknown();
    return problemFrom(definition, values, input);
  };
  const { load, samples } = definition as LoadedProblem<object, ParameterDefinitions, unknown>;
  const batches = definition.batchGradient !== undefined;
  const { dense = false } = definition as SamplesProblem<ParameterDefinitions, unknown>;
  if (load === undefined) {
    const loadSamples: ProblemFamily<LoadedData>['load'] = async (spec, input) => {
      const { shared: loaded, samples, ...rest } = await fromSamples.load(spec, input);
      const { data, shards } = loaded;
      const used = { data: dense ? densified(data) : data, shards };
      return { ...rest, shared: used, samples: batches ? samples : undefined };
    };
    return { ...fromSamples, ...common, create, load: loadSamples };
  }
  return {
    ...common,
    create,
    data: 'instance',
    async load(spec, input) {
      const values = readParameters(spec, parameters);
      const loaded = await load.call(definition, { ...input, parameters: values });
      if (typeof loaded !== 'object' || loaded === null) {
        throw new UsageError(`problem ${name}: load returned ${loaded}; it must return a record of the data`);
      }
      const data = shareArrays(loaded, `problem ${name}: the data that load returned`);
      const { workers, facts } = input;
      const counts = Array.from({ length: batches ? workers : 0 }, (_, worker) =>
        Number(samples?.call(definition, { data, parameters: values, workers, facts, worker })),
      );
      return {
        shared: { data },
        source: typeof input.data === 'string' ? input.data : undefined,
        split: input.split,
        samples: batches ? Math.max(...counts) : undefined,
      };
    },
  };
}

/** The samples as a dense matrix without a scale. @throws UsageError when it would be too large */
function densified(data: Dataset): Dataset {
  if (data.rowStart === undefined && data.scale === 1) return data;
  const { name, samples, features, label, digits } = data;
  if (samples * features > MAX_DENSE) {
    throw new UsageError(
      `data set ${name} as a dense matrix has ${samples} × ${features} values; at most ${MAX_DENSE} fit`,
    );
  }
  const dense = shared(Float64Array, samples * features);
  const rows = new RowReader(data);
  for (let s = 0; s < samples; s++) {
    rows.seek(s);
    for (let k = rows.first; k < rows.end; k++) {
      dense[s * features + rows.column[k - rows.shift]] = rows.value[k] * rows.scale;
    }
  }
  return { name, samples, features, scale: 1, label, value: dense, ...(digits !== undefined && { digits }) };
}

/** What `create` finds in its input. */
type LoadedData = { readonly data: object; readonly shards?: SampleData['shards'] };

type Definition = ProblemDefinition<object, ParameterDefinitions, unknown> & {
  prepare?(worker: DefinedWorker<object, ParameterDefinitions>): unknown;
  samples?(worker: DefinedWorker<object, ParameterDefinitions>): number;
};

function problemFrom(
  definition: object,
  parameters: ParameterValues<ParameterDefinitions>,
  { data, shards, workers, facts }: LoadedData & { workers: number; facts?: Facts | undefined },
): Problem {
  const own = definition as Definition;
  const problem = { data, parameters, workers, facts };
  const dimension = own.dimension(problem);
  if (!Number.isInteger(dimension) || dimension < 1) {
    throw new UsageError(`problem ${own.name}: dimension is ${dimension}; it must be a whole number from 1 on`);
  }
  const tensors = own.tensors?.(problem);
  const metrics = Object.entries(own.metrics ?? {});
  const known =
    shards === undefined ? own.facts?.(problem) : { features: (data as Dataset).features, ...own.facts?.(problem) };
  const part = (worker: number) => {
    if (shards === undefined) return { ...problem, worker };
    const rows = shards.order.subarray(shards.start[worker], shards.start[worker + 1]);
    return { ...problem, worker, rows, weight: (workers * rows.length) / shards.samples };
  };
  return {
    dimension,
    ...(tensors !== undefined && { tensors }),
    ...(known !== undefined && { facts: known }),
    ...(metrics.length > 0 && { metrics: metrics.map(([name, { better }]) => ({ name, better })) }),
    ...(own.start !== undefined && {
      start: (random: KeyedRandom) =>
        own.start?.(problem, random.stream(new Rng(), 'init', 0, EVERY_WORKER)) as Float64Array,
    }),
    oracle(worker) {
      const given = part(worker);
      const samples = shards === undefined ? own.samples?.(given) : (given as { rows: Int32Array }).rows.length;
      return oracleFrom(own, own.prepare === undefined ? given : own.prepare(given), samples);
    },
  };
}

function oracleFrom(own: Definition, worker: unknown, samples: number | undefined): Oracle {
  /** A function that forgets to return its value would look like one that diverges. */
  const value = (what: string, number: unknown): number => {
    if (typeof number === 'number') return number;
    throw new UsageError(`problem ${own.name}: ${what} returned ${String(number)}; it must return a number`);
  };
  const metrics = Object.entries(own.metrics ?? {});
  return {
    smoothness: own.smoothness?.(worker),
    gradient: (x, out) => value('gradient', own.gradient(worker, x, out)),
    ...(own.batchGradient !== undefined && {
      samples: value('samples', samples),
      sampleSmoothness: own.sampleSmoothness?.(worker),
      batchGradient: (x: Float64Array, batch: Int32Array, out: Float64Array) =>
        value('batchGradient', own.batchGradient?.(worker, x, batch, out)),
    }),
    ...(metrics.length > 0 && {
      metrics(x: Float64Array, out: Float64Array) {
        for (const [k, [name, metric]] of metrics.entries()) out[k] = value(`metric ${name}`, metric.value(worker, x));
      },
    }),
    ...(own.predict !== undefined && { predict: (x: Float64Array) => own.predict?.(worker, x) as Predictions }),
  };
}

/** The parameters as a spec has them, under its names: `stepCount` is written `step-count`. @throws UsageError */
function readParameters(spec: Spec, definitions: ParameterDefinitions): ParameterValues<ParameterDefinitions> {
  const values: Record<string, number | boolean | string> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    const key = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (typeof definition === 'string') values[name] = spec.text(key) ?? definition;
    else if (typeof definition === 'boolean') values[name] = spec.boolean(key) ?? definition;
    else {
      const limits = typeof definition === 'number' ? { default: definition } : definition;
      const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = limits;
      values[name] = spec.number(key, min, max) ?? limits.default;
    }
  }
  return values as ParameterValues<ParameterDefinitions>;
}

/** Refuses what is no definition. */
function check(definition: object): void {
  if (typeof definition !== 'object' || definition === null) {
    throw new UsageError('defineProblem takes an object: { name, dimension, gradient, … }');
  }
  const given = definition as Readonly<Record<string, unknown>>;
  const where = `defineProblem${typeof given.name === 'string' ? ` of ${given.name}` : ''}`;
  const known = [...Object.keys(VALUES), ...FUNCTIONS, 'stepSize'];
  for (const [key, value] of Object.entries(given)) {
    const type = FUNCTIONS.includes(key) ? 'function' : VALUES[key];
    if (!known.includes(key)) throw new UsageError(`${where} does not know ${key}; it knows ${known.join(', ')}`);
    if (type === undefined || value === undefined || (typeof value === type && value !== null)) continue;
    throw new UsageError(`${where}: ${key} must be ${type === 'object' ? 'an object' : `a ${type}`}`);
  }
  if (typeof given.name !== 'string' || !/^[a-z0-9][a-z0-9-]*$/.test(given.name)) {
    throw new UsageError(`${where}: name must be of letters a to z, digits and -`);
  }
  for (const key of NEEDED) if (given[key] === undefined) throw new UsageError(`${where} needs ${key}`);
  if (given.stepSize === undefined && given.smoothness === undefined) {
    throw new UsageError(`${where} needs smoothness, for the step size theory, or a stepSize`);
  }
  if (given.load !== undefined && given.batchGradient !== undefined && given.samples === undefined) {
    throw new UsageError(`${where}: batchGradient needs samples, how many a worker has`);
  }
  for (const [name, metric] of Object.entries(given.metrics ?? {})) {
    const { better, value } = Object(metric) as Partial<DefinedMetric<unknown>>;
    if ((better === 'higher' || better === 'lower') && typeof value === 'function') continue;
    throw new UsageError(`${where}: metric ${name} must be { better: 'higher' or 'lower', value(worker, x) }`);
  }
}
