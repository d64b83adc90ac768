// A plug-in whose family leaves the loading to its kind of data: it finds `data` and `shards` in the input of `create`.

/**
 * f_i(x) = (1/2m_i) Σ_j w (a_jᵀx − y_j)² + (λ/2)‖x‖², w = n m_i/N.
 * @type {import('../dist/index.js').ProblemFamily<import('../dist/index.js').UsualData>}
 */
const ridge = {
  name: 'ridge',
  summary: 'ridge regression, with the values of the samples',
  data: 'samples',
  init: 'zeros',
  stepSize: () => 'theory',
  create(spec, { workers, data, shards }) {
    const lambda = spec.number('lambda', 0, 1e9) ?? 0;
    spec.rejectUnknown();
    if (data?.rowStart === undefined || shards === undefined) throw new Error('made without sparse samples');
    const { rowStart, column, value, scale, label } = data;
    return {
      dimension: data.features,
      oracle(worker) {
        const own = shards.order.subarray(shards.start[worker], shards.start[worker + 1]);
        const weight = (workers * own.length) / shards.samples;
        /** @type {(x: Float64Array, batch: ArrayLike<number>, out: Float64Array) => number} */
        const mean = (x, batch, out) => {
          let sum = 0;
          for (let j = 0; j < x.length; j++) {
            out[j] = lambda * x[j];
            sum += 0.5 * lambda * x[j] * x[j];
          }
          for (let r = 0; r < batch.length; r++) {
            const s = own[batch[r]];
            let miss = -label[s];
            for (let k = rowStart[s]; k < rowStart[s + 1]; k++) miss += scale * value[k] * x[column[k]];
            sum += (weight * 0.5 * miss * miss) / batch.length;
            for (let k = rowStart[s]; k < rowStart[s + 1]; k++) {
              out[column[k]] += (weight / batch.length) * miss * scale * value[k];
            }
          }
          return sum;
        };
        const all = Array.from(own, (_, j) => j);
        let steepest = 0;
        for (const s of own) {
          let squares = 0;
          for (let k = rowStart[s]; k < rowStart[s + 1]; k++) squares += (scale * value[k]) ** 2;
          steepest = Math.max(steepest, weight * squares + lambda);
        }
        return {
          smoothness: steepest,
          sampleSmoothness: steepest,
          samples: own.length,
          gradient: (x, out) => mean(x, all, out),
          batchGradient: mean,
        };
      },
    };
  },
};

export default { problems: { ridge } };
