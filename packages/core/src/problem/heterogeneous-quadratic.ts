import { UsageError } from '../errors.js';
import { EVERY_WORKER, type KeyedRandom, Rng } from '../random.js';
import type { Spec } from '../spec.js';
import { truncatedNormal } from '../truncated-normal.js';
import { fromInstance, type InstanceData } from './from-instance.js';
import type { ProblemFamily } from './problem.js';
import { normalLinearTerms, scaledQuadratics, tridiagonal } from './scaled-quadratics.js';

/**
 * Quadratics with controlled heterogeneity [MARINA-P, F.3]:
 *
 *   f_i(x) = ½ xᵀA_i x + b_iᵀx,  A_i = c_i X,  X = ¼ tridiag(−1, 2, −1),  c_i = ν + ξ_i,  b_i ~ N(0, I)
 *
 * with ξ_i ~ N(0, σ²) truncated to [−ν, ν] (`truncatedNormal`), all from the run's seed. Parameters: `d` (default 300), and
 * either `nu`, ν (default 1), and `sigma`, σ (default 0: every worker has the same Hessian), or `lb2` and `la2` (default 0), the
 * values that L_B² and L_A² shall have: the ξ_i, drawn from N(0, 1), are then centred and scaled so that the instance has exactly
 * these constants of Theorem 4.9, λ = λ_max(X):
 *
 *   L_A² = 2 max(c_i − c̄)² λ²,  L_B² = 2 c̄² λ²;  la2 ≤ lb2, so that no c_i is negative
 *
 * Or a fixed instance from a JSON file, `{ c, b }`: f_i(x) = ½ c_i xᵀXx − bᵀx, with n = c.length and d = b.length.
 * All constants are exact: `scaledQuadratics`.
 */
export const heterogeneousQuadratic: ProblemFamily<InstanceData> = {
  ...fromInstance,
  name: 'heterogeneous-quadratic',
  summary: 'quadratics with controlled heterogeneity (MARINA-P, F.3)',
  init: 'zeros',
  stepSize: () => 'theory',
  create(spec, { workers, random, instance }) {
    if (instance !== undefined) {
      spec.rejectUnknown();
      if (instance.c.length !== workers) {
        throw new UsageError(`the instance is made for ${instance.c.length} workers, not ${workers}`);
      }
      const b = Float64Array.from(instance.b, (v) => -v);
      return scaledQuadratics(tridiagonal, Float64Array.from(instance.c), b.length, () => b);
    }
    const dimension = spec.integer('d', 1, 1e8) ?? 300;
    const { max } = tridiagonal.eigenvalues(dimension);
    const c = scales(spec, workers, max, random);
    return scaledQuadratics(tridiagonal, c, dimension, normalLinearTerms(random, dimension));
  },
};

/** The c_i. */
function scales(spec: Spec, workers: number, lambda: number, random: KeyedRandom): Float64Array {
  const la2 = spec.number('la2', 0, 1e18);
  const lb2 = spec.number('lb2', 0, 1e18, true);
  const rng = random.stream(new Rng(), 'problem', 0, EVERY_WORKER);
  if (la2 === undefined && lb2 === undefined) {
    const nu = spec.number('nu', 0, 1e9, true) ?? 1;
    const sigma = spec.number('sigma', 0, 1e9) ?? 0;
    spec.rejectUnknown();
    return Float64Array.from({ length: workers }, () => nu + truncatedNormal(rng, sigma, nu));
  }
  // nu and sigma, if given, are refused here
  spec.rejectUnknown();
  if (lb2 === undefined) throw spec.invalid('la2', String(la2), 'given together with lb2');
  if ((la2 ?? 0) > lb2) throw spec.invalid('la2', String(la2), `at most lb2 = ${lb2}: otherwise some f_i is concave`);
  if ((la2 ?? 0) > 0 && workers === 1)
    throw spec.invalid('la2', String(la2), '0 with a single worker, who is the mean');
  const mean = Math.sqrt(lb2 / 2) / lambda;
  const c = new Float64Array(workers).fill(mean);
  if (la2 === undefined || la2 === 0) return c;
  const xi = Float64Array.from(c, () => rng.normal());
  const centre = xi.reduce((sum, v) => sum + v, 0) / workers;
  const widest = xi.reduce((most, v) => Math.max(most, Math.abs(v - centre)), 0);
  const scale = Math.sqrt(la2 / 2) / lambda / widest;
  // rounding may leave a tiny negative where la2 = lb2
  return c.map((v, i) => Math.max(0, v + scale * (xi[i] - centre)));
}
