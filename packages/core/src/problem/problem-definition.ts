import type { Dataset } from '../data/dataset.js';
import type { Rng } from '../random.js';
import type { Precision } from '../vector.js';
import type { Facts, LoadInput, Predictions, Tensor } from './problem.js';

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
  /**
   * `['f32', 'f64']` where `gradient` and `batchGradient` take an `x` and an `out` that are both Float32Array as well as both
   * Float64Array: a run in f32 then hands them its own vectors. Left out, they always get Float64Array, which such a run copies to and
   * from.
   */
  readonly precisions?: readonly Precision[];
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
  /** A number that f is never below, such as 0 for losses that are never negative: `--explain` bounds rounds with it. */
  readonly lowerBound?: number;
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
