import { Kernels } from '../kernels/kernels.js';
import type { ProblemFamily } from '../problem/problem.js';
import { KeyedRandom } from '../random.js';
import { Spec } from '../spec.js';

/** A problem to make and points to evaluate it at; can be structured-cloned. */
export interface Evaluation {
  readonly spec: string;
  readonly seed: string;
  readonly workers: number;
  /** What the family's `load` has shared. */
  readonly shared: object;
  readonly points: readonly Float64Array[];
}

/** f_i and ∇f_i of every worker at every point, by oracles of their own: value, then gradient. */
export function evaluateAll(
  family: ProblemFamily,
  { spec, seed, workers, shared, points }: Evaluation,
): Float64Array[] {
  const random = new KeyedRandom(seed);
  const problem = family.create(Spec.parse('problem', spec), { workers, random, ...shared });
  const kernels = new Kernels();
  return Array.from({ length: workers }, (_, worker) => problem.oracle(worker, kernels)).flatMap((oracle) =>
    points.map((x) => {
      const out = new Float64Array(1 + x.length);
      out[0] = oracle.gradient(x, out.subarray(1));
      return out;
    }),
  );
}
