import { defineProblem } from '../dist/index.js';

/**
 * Everything that a definition may have: f_i(x) = (1/m_i) Σ_j w (s/2)‖x − t_ij‖² over points t of the caller's, worker i
 * having those whose number is i modulo n.
 */
export default defineProblem({
  name: 'centre',
  summary: 'the centre of some points',
  parameters: { stretch: { default: 2, min: 0.5, max: 8 }, fromZero: false },
  load({ data, facts }) {
    const { points = Float64Array.of(), dimension = 0 } = /** @type {{ points?: Float64Array, dimension?: number }} */ (
      typeof data === 'object' ? data : {}
    );
    return { points, d: Number(facts?.features ?? dimension) };
  },
  facts: ({ data }) => ({ features: data.d }),
  dimension: ({ data }) => data.d,
  tensors: ({ data }) => [
    { name: 'first', shape: [1] },
    { name: 'rest', shape: [data.d - 1] },
  ],
  start: ({ data, parameters }, rng) =>
    Float64Array.from({ length: data.d }, () => (parameters.fromZero ? 0 : rng.normal())),
  samples: ({ data, workers, worker }) => Math.floor((data.points.length / data.d - worker + workers - 1) / workers),
  prepare({ data: { points, d }, workers, worker, parameters: { stretch } }) {
    /** @type {Float64Array[]} */
    const own = [];
    for (let t = worker; t < points.length / d; t += workers) own.push(points.subarray(t * d, (t + 1) * d));
    return { own, weight: (stretch * workers * own.length) / (points.length / d), all: own.map((_, j) => j) };
  },
  gradient: (worker, x, out) => mean(worker, worker.all, x, out),
  batchGradient: (worker, x, batch, out) => mean(worker, batch, x, out),
  smoothness: ({ weight }) => weight,
  sampleSmoothness: ({ weight }) => weight,
  metrics: {
    farthest: { better: 'lower', value: ({ own }, x) => Math.max(...own.map((point) => Math.sqrt(squares(point, x)))) },
    sign: { better: 'higher', value: (_, x) => Math.sign(x[0]) },
  },
  predict: ({ own }, x) => ({ distance: Float64Array.from(own, (point) => Math.sqrt(squares(point, x))) }),
});

/** @param {ArrayLike<number>} point @param {Float64Array} x */
function squares(point, x) {
  return x.reduce((sum, v, j) => sum + (v - point[j]) ** 2, 0);
}

/** @param {{ own: Float64Array[], weight: number }} worker @param {ArrayLike<number>} batch @param {Float64Array} x @param {Float64Array} out */
function mean({ own, weight }, batch, x, out) {
  let sum = 0;
  out.fill(0);
  for (let k = 0; k < batch.length; k++) {
    const point = own[batch[k]];
    sum += (weight * squares(point, x)) / 2 / batch.length;
    for (let j = 0; j < x.length; j++) out[j] += (weight * (x[j] - point[j])) / batch.length;
  }
  return sum;
}
