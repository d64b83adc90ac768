import { autoencoder } from './autoencoder.js';
import { nonconvexLogistic } from './nonconvex-logistic.js';
import type { ProblemFamily } from './problem.js';

/** Every problem there is, by name. */
export const problems: Readonly<Record<string, ProblemFamily>> = {
  autoencoder,
  'nonconvex-logistic': nonconvexLogistic,
};
