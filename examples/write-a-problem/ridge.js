import { defineProblem } from '@flotilla/core';

/** @typedef {import('@flotilla/core').SamplesWorker<{ lambda: number }>} Worker */

/** Ridge regression: f_i(x) = (1/m_i) Σ_j w/2 (a_jᵀx − y_j)² + λ/2 ‖x‖², y the labels. */
export default defineProblem({
  name: 'ridge',
  dense: true,
  parameters: { lambda: { default: 0.1, min: 0 } },
  dimension: ({ data }) => data.features,
  gradient: (worker, x, out) => mean(worker, worker.rows, x, out),
  batchGradient: (worker, x, batch, out) =>
    mean(
      worker,
      batch.map((j) => worker.rows[j]),
      x,
      out,
    ),
  smoothness: (worker) => steepest(worker),
  sampleSmoothness: (worker) => steepest(worker),
});

/** The mean over `rows`; its gradient goes to `out`. @type {(w: Worker, rows: Int32Array, x: Float64Array, out: Float64Array) => number} */
function mean({ data: { value, label, features: q }, weight, parameters: { lambda } }, rows, x, out) {
  let f = 0;
  for (let j = 0; j < q; j++) {
    f += (lambda / 2) * x[j] ** 2;
    out[j] = lambda * x[j];
  }
  for (const s of rows) {
    let miss = -label[s];
    for (let j = 0; j < q; j++) miss += value[s * q + j] * x[j];
    f += ((weight / rows.length) * miss ** 2) / 2;
    for (let j = 0; j < q; j++) out[j] += (weight / rows.length) * miss * value[s * q + j];
  }
  return f;
}

/** w max_j ‖a_j‖² + λ, which bounds L_i and L_ij. @type {(w: Worker) => number} */
function steepest({ data: { value, features: q }, rows, weight, parameters: { lambda } }) {
  let largest = 0;
  for (const s of rows) largest = Math.max(largest, Math.hypot(...value.subarray(s * q, (s + 1) * q)) ** 2);
  return weight * largest + lambda;
}
