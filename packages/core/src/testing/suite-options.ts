import type { DataInput } from '../data/memory-data.js';
import type { Oracle, Problem, ProblemFamily } from '../problem/problem.js';
import type { Rng } from '../random.js';

/** What a problem may have beyond a gradient. */
export type Offer = 'smoothness' | 'samples' | 'linearMap' | 'metrics' | 'start' | 'facts';

/** What `describeProblem` is to hold a problem to. */
export interface ProblemSuiteOptions {
  /** Such as `logistic:lambda=0.1`. */
  readonly spec: string;
  /** The family, when it is no built-in one. */
  readonly family?: ProblemFamily;
  /**
   * URL of a module whose default export is that family, or has it among its `problems`: another thread imports it. When it is
   * left out, a family that is not built in is made again on the same thread, from a clone of its data.
   */
  readonly module?: string;
  /** The data and the split, as a run's options have them. Small data makes a quick suite. */
  readonly data?: DataInput;
  readonly split?: string;
  /** n; default 4. */
  readonly workers?: number;
  /** All that the problem has beyond a gradient: what is listed must be there, what is not must not. */
  readonly offers: readonly Offer[];
  /** Standard deviation of the coordinates of the points that are tried; default 0.5. */
  readonly scale?: number;
  /** f by an independent definition: the mean of the f_i must be that. */
  readonly f?: (x: Float64Array) => number;
  /** The run's metrics by an independent definition, in their order. */
  readonly metrics?: (x: Float64Array) => readonly number[];
  /** Whether f is a quadratic: then constants that are not called estimated are compared with those of its Hessians. */
  readonly quadratic?: boolean;
  /** Part of a constant by which the curvature found may exceed it; default 1e-9. */
  readonly slack?: number;
  /** Part of each L, L_i and L_ij that the curvature found must reach, so that a bound is no fancy; default 0.05. */
  readonly sharpness?: number;
}

/** A problem with its workers, as the suites look at it. */
export interface MadeProblem {
  readonly problem: Problem;
  readonly oracles: readonly Oracle[];
  /** A normal point at the suite's scale. */
  point(): Float64Array;
  readonly rng: Rng;
}
