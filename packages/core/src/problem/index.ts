import { autoencoder } from './autoencoder.js';
import { heterogeneousQuadratic } from './heterogeneous-quadratic.js';
import { logistic } from './logistic.js';
import { nonconvexLogistic } from './nonconvex-logistic.js';
import type { ProblemFamily } from './problem.js';

/** Every problem there is, by name. */
export const problems: Readonly<Record<string, ProblemFamily>> = {
  autoencoder,
  'heterogeneous-quadratic': heterogeneousQuadratic,
  logistic,
  'nonconvex-logistic': nonconvexLogistic,
};
