import type { DataInput } from '../data/memory-data.js';
import type { FormatOptions } from '../data/reading.js';
import type { Kernels } from '../kernels/kernels.js';
import type { KeyedRandom } from '../random.js';
import type { Spec } from '../spec.js';
import type { Precision, Vector } from '../vector.js';

/** Access to one worker's function f_i. Not reentrant: an oracle owns its scratch memory. */
export interface Oracle {
  /**
   * Writes ∇f_i(x) to `out` and returns f_i(x). `x` and `out` have the problem's dimension and do not overlap. Both may be
   * Float32Array where {@link Problem.precisions} has f32; then nothing is written to `x`, which other threads may read. Without it
   * `x` is to be left as it was.
   */
  gradient(x: Float64Array, out: Float64Array): number;
  /** L_i, a Lipschitz constant of ∇f_i, or undefined when there is none (a quartic has none). */
  readonly smoothness: number | undefined;
  /**
   * m_i, when f_i = (1/m_i) Σ_j f_ij exactly: the weight that an unequal shard gives its samples and the regulariser are part
   * of every f_ij. Present exactly when `batchGradient` is.
   */
  readonly samples?: number;
  /** max_j L_ij, L_ij a Lipschitz constant of ∇f_ij; undefined when there is none. */
  readonly sampleSmoothness?: number | undefined;
  /**
   * Writes (1/b) Σ ∇f_ij(x) over the b ≥ 1 local sample numbers in `batch` (0 … m_i − 1, may repeat) to `out` and returns the
   * mean of the f_ij(x). All samples once, in any order, give `gradient` up to rounding.
   */
  batchGradient?(x: Float64Array, batch: Int32Array, out: Float64Array): number;
  /** The linear map inside f_i, where keeping its product with a moving point up to date costs less than a new one. */
  readonly linearMap?: LinearMap;
  /**
   * Writes this worker's value of each of {@link Problem.metrics} at x to `out`, weighted as f_i is: their mean over the
   * workers is the value of the run. Present exactly when the problem has metrics.
   */
  metrics?(x: Float64Array, out: Float64Array): void;
  /** What the model x says of each of this worker's samples, in their order; needs no labels. */
  predict?(x: Float64Array): Predictions;
}

/** Columns of a table with a row for each sample, by name: such as `label` and `probability`, or `value`. */
export type Predictions = Readonly<Record<string, Float64Array>>;

/**
 * The linear map A_i of an f_i(x) = φ_i(x, A_i x) whose gradient costs little once the product A_i x is known. When x moves by
 * a sparse step or to a known combination of points, the product is updated for a fraction of what a new one costs.
 */
export interface LinearMap {
  /**
   * A vector of zeros for a product, f64 whatever x is: rounds follow it for thousands of steps. The methods below take no
   * others: it lies where the kernels reach it.
   */
  allocate(): Float64Array;
  /**
   * d zeros for a point or a gradient of the worker, where the kernels reach them if there is room: x and `out` below need not be copied
   * then. What is of another precision than was asked for is copied, elsewhere.
   */
  allocatePoint?(precision: Precision): Vector;
  /** y ← a·x + (1 − a)·y, of two points or of two products; that of any vectors when left out. */
  blend?(a: number, x: Vector, y: Vector): void;
  /** out ← A_i x */
  product(x: Float64Array, out: Float64Array): void;
  /** out ← out + A_i v, v with values[k] at coordinate index[k], k < count */
  addProduct(index: Int32Array, values: Float64Array, count: number, out: Float64Array): void;
  /** {@link Oracle.gradient} at an x whose product A_i x is known. */
  gradientAt(x: Float64Array, product: Float64Array, out: Float64Array): number;
}

/** min f(x), f = (1/n) Σ f_i over x in R^dimension; worker i can reach f_i only. */
export interface Problem {
  readonly dimension: number;
  /** Exact constants, where formulas for them exist; otherwise they follow from the L_i of the oracles. */
  readonly smoothness?: Smoothness;
  /** A number that f is never below, the minimum where that is known; asked for where a bound needs f(x⁰) − inf f. */
  readonly lowerBound?: number | undefined;
  /** The tensors that x is made of, one after the other; one of shape [d] when left out: `tensorsOf`. */
  readonly tensors?: readonly Tensor[];
  /** What there is to know of a point beside f; their values are {@link Oracle.metrics}. */
  readonly metrics?: readonly MetricDescription[];
  /**
   * Whether `gradient`, `batchGradient` and the linear map of an oracle take x, steps and `out` as Float32Array too: f32 and f64. f64
   * alone when left out: then a run in f32 gives them copies. Everything else of an oracle gets f64, whatever the run is in.
   */
  readonly precisions?: readonly Precision[];
  /** What was settled by the data: {@link Facts}. Present exactly when the problem can look at other data. */
  readonly facts?: Facts;
  /**
   * The problem's own x⁰, for the init `problem`. Drawn from `random` alone, so that the server and every worker get the same
   * without its being sent.
   */
  start?(random: KeyedRandom): Float64Array;
  /** Builds f_i on the calling thread. */
  oracle(worker: number, kernels: Kernels): Oracle;
}

/** The smoothness constants step sizes are made of. Names: docs/methods.md. A Lipschitz constant may be any upper bound. */
export interface Smoothness {
  /** L of f. */
  readonly f: number;
  /** L_i. */
  readonly perWorker: readonly number[];
  /** L of the MARINA paper: root mean square of the L_i. */
  readonly rms: number;
  /** max L_i. */
  readonly max: number;
  /** L_A and L_B of the functional inequality (MARINA-P, Assumption 4.2). */
  readonly LA: number;
  readonly LB: number;
  /**
   * L_±, root of the Hessian variance [Szlendak, Tyurin, Richtárik 2021]: (1/n)Σ‖∇f_i(x) − ∇f_i(y) − (∇f(x) − ∇f(y))‖² ≤
   * L_±²‖x − y‖². At most `rms`, which stands for it when it is left out.
   */
  readonly LPlusMinus?: number | undefined;
  /** 𝓛 of VR-MARINA: root mean square over the workers of max_j L_ij; undefined when they are not finite sums. */
  readonly sampleRms?: number | undefined;
  /** tr(A) of a quadratic f with Hessian A. */
  readonly trace?: number;
  /** μ of the Polyak–Łojasiewicz condition ‖∇f(x)‖² ≥ 2μ(f(x) − f*), a lower bound, where one is known. */
  readonly mu?: number | undefined;
  /** The constants above that are estimates from bounds. All others are exact: the values that their formulas name. */
  readonly estimated?: readonly (keyof Omit<Smoothness, 'estimated'>)[];
}

/**
 * What follows for f from bounds of the L_i alone: L ≤ mean L_i, and L_A = L_max, L_B = 0 (MARINA-P, Theorem 4.4).
 * @param perSample max_j L_ij of each worker, for finite sums
 */
export function smoothnessFrom(perWorker: readonly number[], perSample?: readonly number[]): Smoothness {
  const max = Math.max(...perWorker);
  return {
    f: perWorker.reduce((sum, L) => sum + L, 0) / perWorker.length,
    perWorker,
    rms: rootMeanSquare(perWorker),
    max,
    LA: max,
    LB: 0,
    sampleRms: perSample && rootMeanSquare(perSample),
    estimated: ['f', 'perWorker', 'rms', 'max', 'LA', 'LB', 'sampleRms'],
  };
}

export function rootMeanSquare(values: readonly number[]): number {
  const max = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  // squares that would overflow are taken of shares of the largest
  if (max > 1e150 && max < Infinity) return max * rootMeanSquare(values.map((v) => v / max));
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
}

/** A metric that a problem reports beside f: its value over the run is the mean of the workers' values. */
export interface MetricDescription {
  readonly name: string;
  readonly better: 'higher' | 'lower';
}

/** A tensor that makes up a part of x, row-major; its size is the product of `shape`. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The tensors that x is made of, in order: the problem's own, or one of shape [d] called `x`. */
export function tensorsOf({ tensors, dimension }: Pick<Problem, 'tensors' | 'dimension'>): readonly Tensor[] {
  return tensors ?? [{ name: 'x', shape: [dimension] }];
}

/**
 * What a problem has settled from its training data and must know of it to look at other data: the number of features, which
 * labels mean which class, λ where it depends on the data. JSON: it is stored with the model.
 *
 * The same function on other data is what `load` and `create` make when both are given the facts: then x keeps its dimension
 * and its meaning, and samples may be without labels until a gradient or a metric is asked for.
 */
export type Facts = Readonly<Record<string, number | string | boolean | readonly number[]>>;

/** The data that a run asks for, as its options have it; undefined where left out. */
export interface DataRequest {
  /** A name or a path, or data in memory; what it means is the family's business. */
  readonly data: DataInput | undefined;
  /** Its test part, for named sets that have one, in place of what is trained on. */
  readonly part?: 'test' | undefined;
  /** Spec of a split. */
  readonly split: string | undefined;
  /** How a file is to be read. */
  readonly format?: FormatOptions | undefined;
}

/** What loading may use beside what was asked for. */
export interface LoadInput extends DataRequest {
  /** n */
  readonly workers: number;
  readonly random: KeyedRandom;
  /** Of the problem whose model is to be used on these data; undefined when they are to be trained on. */
  readonly facts?: Facts | undefined;
  /** Ends the loading; the promise then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Gets what is worth knowing and no error, a line each: what is waited for, or what a reader has chosen. */
  readonly note?: ((message: string) => void) | undefined;
}

/** A problem's data, loaded once for all of a run's threads. */
export interface ProblemData<D extends object = object> {
  /**
   * What {@link ProblemFamily.create} gets on every thread. A plain record that can be structured-cloned, its large arrays in
   * shared memory; nobody but the family looks into it.
   */
  readonly shared: D;
  /**
   * What the data is called in the run's records, such as `mnist` when nothing was asked for; undefined without data. Data in
   * memory for which it is left out is recorded as `memory` with a hash.
   */
  readonly source?: string | undefined;
  /** The split as used. */
  readonly split?: string | undefined;
  /** m, the most samples that any worker has; undefined when f_i is no finite sum. */
  readonly samples?: number | undefined;
}

/** What a problem is made from: the run's workers and randomness, and what {@link ProblemFamily.load} has shared. */
export type ProblemInput<D extends object = object> = D & {
  /** n */
  readonly workers: number;
  readonly random: KeyedRandom;
  /** As in {@link LoadInput}. */
  readonly facts?: Facts | undefined;
};

/**
 * A kind of problem, by name. D is the record that its data is loaded into: `load` makes it once, `create` gets it on the
 * server and on every thread of workers.
 *
 * A family without `load` gets what its kind of `data` usually means, and its `create` an input with `data`, `shards` and
 * `instance`: see {@link UsualData}. `fromSamples` and `fromInstance` are the same loading for families to spread in.
 */
export interface ProblemFamily<D extends object = object> {
  readonly name: string;
  readonly summary: string;
  /** What it is made of: samples, nothing but its parameters, or those or a fixed instance from a file. */
  readonly data: 'samples' | 'none' | 'instance';
  /** Starting point when none is asked for: a spec of `initialPoint`. */
  readonly init: string;
  /** Step size of a method when none is asked for: a number, or `theory`. */
  stepSize(method: string): string;
  /** Refuses what cannot be had, at once: nothing is read or downloaded. @throws UsageError */
  checkData?(asked: DataRequest): void;
  /** Loads the data. @throws UsageError for data that is not as it must be, FlotillaError `io` when it cannot be read. */
  load?(spec: Spec, input: LoadInput): Promise<ProblemData<D>>;
  /** Reads the parameters of `spec`. @throws UsageError */
  create(spec: Spec, input: ProblemInput<D>): Problem;
}
