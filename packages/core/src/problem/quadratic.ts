import { EVERY_WORKER, Rng } from '../random.js';
import { truncatedNormal } from '../truncated-normal.js';
import type { ProblemFamily } from './problem.js';
import { identity, normalLinearTerms, scaledQuadratics } from './scaled-quadratics.js';

/**
 * Nearly equal quadratics [MARINA-P, F.1]:
 *
 *   f_i(x) = ½ xᵀA_i x + b_iᵀx,  A_i = (1 + ξ_i) I,  ξ_i ~ N(0, σ²),  b_i ~ N(0, I)
 *
 * all from the run's seed. Parameters: `d` (default 1000) and `sigma`, σ (default 0.1: variance 0.01). ξ_i is truncated to
 * [−1, 1], so that no f_i is concave; at the default that is ten standard deviations away. The Hessian of f is a multiple
 * of I: gradient descent with γ = 1/L is at the minimum after one step. Exact constants, λ = 1: `scaledQuadratics`.
 */
export const quadratic: ProblemFamily = {
  name: 'quadratic',
  summary: 'nearly equal multiples of the identity (MARINA-P, F.1)',
  data: 'none',
  init: 'zeros',
  stepSize: () => 'theory',
  create(spec, { workers, random }) {
    const dimension = spec.integer('d', 1, 1e8) ?? 1000;
    const sigma = spec.number('sigma', 0, 1e9) ?? 0.1;
    spec.rejectUnknown();
    const rng = random.stream(new Rng(), 'problem', 0, EVERY_WORKER);
    const c = Float64Array.from({ length: workers }, () => 1 + truncatedNormal(rng, sigma, 1));
    return scaledQuadratics(identity, c, dimension, normalLinearTerms(random, dimension));
  },
};
