import type { Dataset, QuadraticInstance } from '../data/dataset.js';
import type { Shards } from '../data/split.js';
import type { Kernels } from '../kernels/kernels.js';
import type { KeyedRandom } from '../random.js';
import type { Spec } from '../spec.js';

/** Access to one worker's function f_i. Not reentrant: an oracle owns its scratch memory. */
export interface Oracle {
  /** Writes ∇f_i(x) to `out` and returns f_i(x). `x` and `out` have the problem's dimension and do not overlap. */
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
}

/**
 * The linear map A_i of an f_i(x) = φ_i(x, A_i x) whose gradient costs little once the product A_i x is known. When x moves by
 * a sparse step or to a known combination of points, the product is updated for a fraction of what a new one costs.
 */
export interface LinearMap {
  /** A vector of zeros for a product. The methods below take no others: it lies where the kernels reach it. */
  allocate(): Float64Array;
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
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
}

/** A kind of problem, by name. */
export interface ProblemFamily {
  readonly name: string;
  readonly summary: string;
  /** What it is made of: samples, nothing but its parameters, or those or a fixed instance from a file. */
  readonly data: 'samples' | 'none' | 'instance';
  /** Starting point when none is asked for: a spec of `initialPoint`. */
  readonly init: string;
  /** Step size of a method when none is asked for: a number, or `theory`. */
  stepSize(method: string): string;
  /** Reads the parameters of `spec`. @throws UsageError */
  create(spec: Spec, input: ProblemInput): Problem;
}

/** The run's data: samples or an instance, or neither. */
export interface ProblemData {
  /** Samples, in shared memory. */
  readonly data: Dataset | undefined;
  /** How they are dealt: present when the samples are. */
  readonly shards: Shards | undefined;
  /** A fixed instance. */
  readonly instance: QuadraticInstance | undefined;
}

export interface ProblemInput extends ProblemData {
  readonly workers: number;
  readonly random: KeyedRandom;
}
