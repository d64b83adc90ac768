import { binaryClassification, loadMargins, type MarginData, type MarginLoss } from './binary-classification.js';
import { fromSamples } from './from-samples.js';
import type { ProblemFamily } from './problem.js';

/** ℓ(t) = log(1 + e^{−t}). */
const loss: MarginLoss = {
  curvature: 0.25,
  range: [0, 0.25],
  slopes(products, signs, factor) {
    let sum = 0;
    for (let r = 0; r < products.length; r++) {
      const t = products[r] * signs[r];
      // e^{−|t|} never overflows
      const e = Math.exp(-Math.abs(t));
      sum += Math.log1p(e) + Math.max(0, -t);
      products[r] = -factor * ((t > 0 ? e : 1) / (1 + e)) * signs[r];
    }
    return factor * sum;
  },
  lambda: '1e-3*L',
  convex: true,
};

/**
 * Logistic regression, strongly convex for λ > 0:
 *
 *   f_i(x) = (1/m) Σ_j log(1 + exp(−y_j a_jᵀx)) + (λ/2)‖x‖²,  y_j = ±1
 *
 * Parameters as of `nonconvex-logistic`; `lambda` is `1e-3*L` when not given. L_ij = ¼‖a_ij‖² + λ, L_i = max_j L_ij, μ = λ.
 */
export const logistic: ProblemFamily<MarginData> = {
  ...fromSamples,
  load: loadMargins(loss),
  name: 'logistic',
  summary: 'logistic regression (convex)',
  init: 'zeros',
  stepSize: () => 'theory',
  create: (spec, input) => binaryClassification(loss, spec, input),
};
