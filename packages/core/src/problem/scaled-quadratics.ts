import { type KeyedRandom, Rng } from '../random.js';
import { ANY_PRECISION, axpy, type Vector } from '../vector.js';
import { vectorKernels } from '../vector-kernels.js';
import { type Problem, rootMeanSquare } from './problem.js';

/** A symmetric positive definite matrix X, the same for every worker. */
export interface SharedMatrix {
  /** Its smallest and largest eigenvalue. */
  eigenvalues(dimension: number): { readonly min: number; readonly max: number };
  trace(dimension: number): number;
  /** Overwrites b with X⁻¹ b. */
  solve(b: Float64Array): void;
  /** Writes c X x + b to `out` and returns ½ c xᵀXx + bᵀx. */
  gradient(c: number, b: Float64Array, x: Vector, out: Vector): number;
}

/** X = I. */
export const identity: SharedMatrix = {
  eigenvalues: () => ({ min: 1, max: 1 }),
  trace: (dimension) => dimension,
  solve: () => {},
  gradient(c, b, x, out) {
    let value = 0;
    for (let j = 0; j < x.length; j++) {
      const ax = c * x[j];
      out[j] = ax + b[j];
      value += x[j] * (0.5 * ax + b[j]);
    }
    return value;
  },
};

/** X = ¼ tridiag(−1, 2, −1). */
export const tridiagonal: SharedMatrix = {
  eigenvalues: (dimension) => {
    const cos = Math.cos(Math.PI / (dimension + 1));
    return { min: 0.5 * (1 - cos), max: 0.5 * (1 + cos) };
  },
  trace: (dimension) => dimension / 2,
  /** Gaussian elimination without pivots, which tridiag(−1, 2, −1) does not need: its k-th pivot is 1 + 1/k. */
  solve(b) {
    for (let j = 1; j < b.length; j++) b[j] += (b[j - 1] * j) / (j + 1);
    for (let j = b.length - 1; j >= 0; j--) {
      const after = j < b.length - 1 ? b[j + 1] : 0;
      // X has a factor of ¼
      b[j] = ((4 * b[j] + after) * (j + 1)) / (j + 2);
    }
  },
  gradient: (c, b, x, out) => vectorKernels().tridiagonal(0.25 * c, b, x, out),
};

/**
 * f_i(x) = ½ c_i xᵀXx + b_iᵀx, with exact constants. λ = λ_max(X): L = |c̄|λ, L_i = |c_i|λ, and with A_i = c_i X
 * L_A = √2 max‖A_i − A‖, L_B = √2 (1/n) Σ‖A_i‖ [MARINA-P, Theorem 4.9], L_±² = λ_max((1/n) Σ A_i² − A²) = λ² (1/n) Σ (c_i − c̄)².
 * Where c̄ > 0, min f = −b̄ᵀX⁻¹b̄/(2c̄), b̄ = (1/n) Σ b_i.
 * @param linear b_i
 */
export function scaledQuadratics(
  matrix: SharedMatrix,
  c: Float64Array,
  dimension: number,
  linear: (worker: number) => Float64Array,
): Problem {
  const mean = c.reduce((sum, ci) => sum + ci, 0) / c.length;
  const { min, max } = matrix.eigenvalues(dimension);
  const perWorker = Array.from(c, (ci) => Math.abs(ci) * max);
  return {
    dimension,
    precisions: ANY_PRECISION,
    smoothness: {
      f: Math.abs(mean) * max,
      perWorker,
      rms: rootMeanSquare(perWorker),
      max: Math.max(...perWorker),
      LA: Math.SQRT2 * Math.max(...Array.from(c, (ci) => Math.abs(ci - mean))) * max,
      LB: (Math.SQRT2 * perWorker.reduce((sum, L) => sum + L, 0)) / c.length,
      LPlusMinus: rootMeanSquare(Array.from(c, (ci) => ci - mean)) * max,
      trace: mean * matrix.trace(dimension),
      mu: mean > 0 ? mean * min : undefined,
    },
    // worked out where it is asked for: every worker's b_i goes into it
    get lowerBound() {
      return mean > 0 ? minimum(matrix, mean, c.length, dimension, linear) : undefined;
    },
    oracle(worker) {
      const b = linear(worker);
      const ci = c[worker];
      return { smoothness: perWorker[worker], gradient: (x, out) => matrix.gradient(ci, b, x, out) };
    },
  };
}

/** −b̄ᵀX⁻¹b̄/(2c) */
function minimum(
  matrix: SharedMatrix,
  c: number,
  workers: number,
  dimension: number,
  linear: (worker: number) => Float64Array,
): number {
  const b = new Float64Array(dimension);
  for (let worker = 0; worker < workers; worker++) axpy(1 / workers, linear(worker), b);
  const solved = b.slice();
  matrix.solve(solved);
  return b.reduce((sum, bj, j) => sum - bj * solved[j], 0) / (2 * c);
}

/** b_i ~ N(0, I), of every worker from its own stream of the run's seed. */
export function normalLinearTerms(random: KeyedRandom, dimension: number): (worker: number) => Float64Array {
  return (worker) => {
    const rng = random.stream(new Rng(), 'problem', 1, worker);
    const b = new Float64Array(dimension);
    // Float64Array.from lists its values first
    for (let j = 0; j < dimension; j++) b[j] = rng.normal();
    return b;
  };
}
