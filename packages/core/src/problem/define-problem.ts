import { type Dataset, RowReader, shared } from '../data/dataset.js';
import { shareArrays } from '../data/shared-memory.js';
import { UsageError } from '../errors.js';
import { printed } from '../printed.js';
import { EVERY_WORKER, type KeyedRandom, Rng } from '../random.js';
import type { Spec } from '../spec.js';
import { fromSamples, type SampleData } from './from-samples.js';
import type { Facts, Oracle, Predictions, Problem, ProblemFamily } from './problem.js';
import type {
  DefinedMetric,
  DefinedWorker,
  LoadedProblem,
  ParameterDefinitions,
  ParameterValues,
  ProblemDefinition,
  SamplesProblem,
  SamplesWorker,
} from './problem-definition.js';

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
  lowerBound: 'number',
  precisions: 'object',
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
    checkData({ part }) {
      if (part !== undefined) throw new UsageError(`problem ${name} loads its own data, which has no test part`);
    },
    async load(spec, input) {
      const values = readParameters(spec, parameters);
      const loaded = await load.call(definition, { ...input, parameters: values });
      if (typeof loaded !== 'object' || loaded === null) {
        throw new UsageError(`problem ${name}: load returned ${printed(loaded)}; it must return a record of the data`);
      }
      const data = shareArrays(loaded, `problem ${name}: the data that load returned`);
      const { workers, facts } = input;
      const counts = Array.from({ length: batches ? workers : 0 }, (_, worker) => {
        const count: unknown = samples?.call(definition, { data, parameters: values, workers, facts, worker });
        if (Number.isInteger(count) && (count as number) > 0) return count as number;
        throw new UsageError(
          `problem ${name}: samples of worker ${worker} is ${printed(count)}; it must be a whole number from 1 on`,
        );
      });
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
    throw new UsageError(
      `problem ${own.name}: dimension is ${printed(dimension)}; it must be a whole number from 1 on`,
    );
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
    ...(own.precisions !== undefined && { precisions: own.precisions }),
    ...(known !== undefined && { facts: known }),
    ...(own.lowerBound !== undefined && { lowerBound: own.lowerBound }),
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
    throw new UsageError(`problem ${own.name}: ${what} returned ${printed(number)}; it must return a number`);
  };
  const constant = (what: 'smoothness' | 'sampleSmoothness') => {
    const number: unknown = own[what]?.(worker);
    // one that is infinite is refused with the data that may be the reason
    if (number === undefined || (typeof number === 'number' && number >= 0)) return number;
    throw new UsageError(
      `problem ${own.name}: ${what} returned ${printed(number)}; it must return a number ≥ 0, or undefined for none`,
    );
  };
  const metrics = Object.entries(own.metrics ?? {});
  return {
    smoothness: constant('smoothness'),
    gradient: (x, out) => value('gradient', own.gradient(worker, x, out)),
    ...(own.batchGradient !== undefined && {
      samples: value('samples', samples),
      sampleSmoothness: constant('sampleSmoothness'),
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
