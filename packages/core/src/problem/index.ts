import { autoencoder } from './autoencoder.js';
import { heterogeneousQuadratic } from './heterogeneous-quadratic.js';
import { logistic } from './logistic.js';
import { lowerBound } from './lower-bound.js';
import { nonconvexLogistic } from './nonconvex-logistic.js';
import type { ProblemFamily } from './problem.js';
import { quadratic } from './quadratic.js';

/** Every problem there is, by name. */
export const problems: Readonly<Record<string, ProblemFamily>> = {
  autoencoder,
  'nonconvex-logistic': nonconvexLogistic,
  logistic,
  quadratic,
  'heterogeneous-quadratic': heterogeneousQuadratic,
  'lower-bound': lowerBound,
};
