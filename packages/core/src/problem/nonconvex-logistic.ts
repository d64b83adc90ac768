import { binaryClassification, loadMargins, type MarginData, type MarginLoss } from './binary-classification.js';
import { fromSamples } from './from-samples.js';
import type { ProblemFamily } from './problem.js';

/** ℓ(t) = (1 − σ(t))², σ(t) = 1/(1 + e^{−t}). */
const loss: MarginLoss = {
  // the paper's figure; the exact maximum of |ℓ″| is 0.154058570…, larger by 6e-5 of it
  curvature: 0.15405,
  // s²(1 − s)(4 − 6s), s = 1 − σ(t), has its ends at s = (30 ± √132)/48
  range: [-0.12022, 0.15406],
  slopes: (products, signs, factor, kernels) => factor * kernels.squaredMisses(products, signs, factor),
  lambda: '1e-6*L',
  convex: false,
};

/**
 * Binary classification with a non-convex loss [MARINA, problem (11)]:
 *
 *   f_i(x) = (1/m) Σ_j (1 − σ(y_j a_jᵀx))² + (λ/2)‖x‖²,  σ(t) = 1/(1 + e^{−t}),  y_j = ±1
 *
 * Parameters: `bias` puts a column of ones first (default true, d = features + 1); `lambda` is a number or a multiple of
 * L = max_ij L_ij written `1e-6*L` (the default, as in the paper's published script). L_ij = 0.15405‖a_ij‖² + λ,
 * L_i = max_j L_ij.
 */
export const nonconvexLogistic: ProblemFamily<MarginData> = {
  ...fromSamples,
  load: loadMargins(loss),
  name: 'nonconvex-logistic',
  summary: 'non-convex binary classification (MARINA, problem 11)',
  init: 'zeros',
  stepSize: () => 'theory',
  create: (spec, input) => binaryClassification(loss, spec, input),
};
