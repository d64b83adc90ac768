// (1/m) Σ ½‖x − a_j‖² over eight points, by a problem that looks at what it is given: `takes` is f64, f32 (and f64), or f16,
// which is none.

const D = 5;
const POINTS = 8;
/** @param {number} j @param {number} k */
const at = (j, k) => Math.sin(3 * j + k);

/** @type {import('../../../core/dist/index.js').ProblemFamily} */
const precise = {
  name: 'precise',
  summary: 'the mean of points',
  data: 'none',
  init: 'reference',
  stepSize: () => '0.1',
  load: async () => ({ shared: {}, samples: POINTS }),
  create(spec, { workers }) {
    const takes = spec.text('takes') ?? 'f64';
    spec.rejectUnknown();
    const narrow = takes === 'f32';
    return {
      dimension: D,
      ...(takes === 'f64' ? {} : { precisions: /** @type {any} */ (narrow ? ['f32', 'f64'] : [takes]) }),
      oracle(worker) {
        /** @type {(x: any, batch: Iterable<number>, out: any) => number} */
        const mean = (x, batch, out) => {
          const kinds = [x.constructor, out.constructor];
          // evaluations are in f64, whatever the run is in
          const fits = kinds[0] === kinds[1] && (narrow || kinds[0] === Float64Array);
          if (!fits) throw new Error(`it takes ${takes}, and got ${kinds.map((kind) => kind.name)}`);
          const list = [...batch];
          const sum = new Float64Array(D);
          let value = 0;
          for (const j of list) {
            for (let k = 0; k < D; k++) {
              const off = x[k] - at(j + worker / workers, k);
              sum[k] += off / list.length;
              value += (off * off) / (2 * list.length);
            }
          }
          out.set(sum);
          return value;
        };
        return {
          smoothness: 1,
          samples: POINTS,
          sampleSmoothness: 1,
          gradient: (x, out) => mean(x, Array(POINTS).keys(), out),
          batchGradient: mean,
        };
      },
    };
  },
};

export default precise;
