import { UsageError } from '../errors.js';
import { EVERY_WORKER, Rng } from '../random.js';
import { type Problem, type ProblemFamily, rootMeanSquare } from './problem.js';

/**
 * Quadratics with controlled heterogeneity [MARINA-P, F.3]:
 *
 *   f_i(x) = ½ xᵀA_i x + b_iᵀx,  A_i = c_i X,  X = ¼ tridiag(−1, 2, −1),  c_i = ν + ξ_i,  b_i ~ N(0, I)
 *
 * with ξ_i ~ N(0, σ²) clipped to [−ν, ν], all from the run's seed. Parameters: `d` (default 300), `nu` (default 1), `sigma`
 * (default 0: every worker has the same Hessian). Exact constants: L = c̄λ, L_i = c_i λ, L_A = √2 max|c_i − c̄| λ,
 * L_B = √2 c̄ λ (Theorem 4.9), λ = λ_max(X) = ½ (1 + cos(π/(d + 1))).
 *
 * Or a fixed instance from a JSON file, `{ c, b }`: f_i(x) = ½ c_i xᵀXx − bᵀx, with n = c.length and d = b.length.
 */
export const heterogeneousQuadratic: ProblemFamily = {
  name: 'heterogeneous-quadratic',
  summary: 'quadratics with controlled heterogeneity (MARINA-P, F.3)',
  data: 'instance',
  init: 'zeros',
  stepSize: () => 'theory',
  create(spec, { workers, random, instance }) {
    if (instance !== undefined) {
      spec.done();
      if (instance.c.length !== workers) {
        throw new UsageError(`the instance is made for ${instance.c.length} workers, not ${workers}`);
      }
      const b = Float64Array.from(instance.b, (v) => -v);
      return quadratics(Float64Array.from(instance.c), b.length, () => b);
    }
    const dimension = spec.number('d', 1, 1e8) ?? 300;
    if (!Number.isInteger(dimension)) throw spec.bad('d', String(dimension), 'a whole number');
    const nu = spec.number('nu', 0, 1e9, true) ?? 1;
    const sigma = spec.number('sigma', 0, 1e9) ?? 0;
    spec.done();

    const rng = new Rng();
    const c = new Float64Array(workers);
    random.stream(rng, 'problem', 0, EVERY_WORKER);
    for (let i = 0; i < workers; i++) c[i] = nu + Math.min(nu, Math.max(-nu, sigma * rng.normal()));
    return quadratics(c, dimension, (worker) => {
      const b = new Float64Array(dimension);
      random.stream(rng, 'problem', 1, worker);
      for (let j = 0; j < dimension; j++) b[j] = rng.normal();
      return b;
    });
  },
};

function quadratics(c: Float64Array, dimension: number, linear: (worker: number) => Float64Array): Problem {
  const mean = c.reduce((sum, ci) => sum + ci, 0) / c.length;
  const lambda = 0.5 * (1 + Math.cos(Math.PI / (dimension + 1)));
  const perWorker = Array.from(c, (ci) => ci * lambda);
  return {
    dimension,
    smoothness: {
      f: mean * lambda,
      perWorker,
      rms: rootMeanSquare(perWorker),
      max: Math.max(...perWorker),
      LA: Math.SQRT2 * Math.max(...Array.from(c, (ci) => Math.abs(ci - mean))) * lambda,
      LB: Math.SQRT2 * mean * lambda,
      // tr(X) = d/2
      trace: (mean * dimension) / 2,
      mu: 0.5 * mean * (1 - Math.cos(Math.PI / (dimension + 1))),
    },
    oracle(worker) {
      const b = linear(worker);
      const ci = c[worker];
      return { smoothness: perWorker[worker], gradient: (x, out) => gradient(ci, b, x, out) };
    },
  };
}

function gradient(c: number, b: Float64Array, x: Float64Array, out: Float64Array): number {
  const last = x.length - 1;
  let value = 0;
  for (let j = 0; j <= last; j++) {
    const ax = 0.25 * c * (2 * x[j] - (j > 0 ? x[j - 1] : 0) - (j < last ? x[j + 1] : 0));
    out[j] = ax + b[j];
    value += x[j] * (0.5 * ax + b[j]);
  }
  return value;
}
