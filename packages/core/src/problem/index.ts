import type { Registry } from '../spec.js';
import { autoencoder } from './autoencoder.js';
import { heterogeneousQuadratic } from './heterogeneous-quadratic.js';
import { leastSquares } from './least-squares.js';
import { logistic } from './logistic.js';
import { lowerBound } from './lower-bound.js';
import { nonconvexLogistic } from './nonconvex-logistic.js';
import type { ProblemFamily } from './problem.js';
import { quadratic } from './quadratic.js';
import { softmax } from './softmax.js';

/** The built-in problems. */
export const problems: Registry<ProblemFamily> = Object.freeze({
  autoencoder,
  'nonconvex-logistic': nonconvexLogistic,
  logistic,
  softmax,
  'least-squares': leastSquares,
  quadratic,
  'heterogeneous-quadratic': heterogeneousQuadratic,
  'lower-bound': lowerBound,
});
