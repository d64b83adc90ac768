import { EVERY_WORKER, Rng } from '../../packages/core/dist/index.js';

// A plug-in of plain objects, one of every kind. The problems have the form that problems have had since 0.1.0 and stay as they
// are; the method and the compressor follow their contracts, and compute what they always have.

/** @typedef {import('../../packages/core/dist/index.js').Oracle} Oracle */
/** @typedef {import('../../packages/core/dist/index.js').ProblemFamily<import('../../packages/core/dist/index.js').UsualData>} ProblemFamily */
/** @typedef {import('../../packages/compressors/dist/index.js').CompressorEntry} CompressorEntry */

/**
 * f_i(x) = ½ ‖x − b_i‖² · c
 * @param {number} c
 * @param {Float64Array} b
 * @returns {Oracle}
 */
function bowl(c, b) {
  return {
    smoothness: c,
    gradient(x, out) {
      let sum = 0;
      for (let j = 0; j < b.length; j++) {
        const off = x[j] - b[j];
        out[j] = c * off;
        sum += off * off;
      }
      return (c / 2) * sum;
    },
  };
}

/** Made of nothing but its parameters and the run's seed. @type {ProblemFamily} */
const bowls = {
  name: 'bowls',
  summary: 'bowls around random points',
  data: 'none',
  init: 'zeros',
  stepSize: () => '0.25',
  create(spec, { workers, random, data, shards, instance }) {
    if (data !== undefined || shards !== undefined || instance !== undefined) throw new Error('nobody gave data');
    const dimension = spec.integer('d', 1, 1000) ?? 12;
    const height = spec.number('c', 0, 100, true) ?? 1;
    spec.done();
    return {
      dimension,
      oracle(worker) {
        const rng = random.stream(new Rng(), 'problem', 1, worker);
        const common = random.stream(new Rng(), 'problem', 0, EVERY_WORKER).uniform();
        const b = Float64Array.from({ length: dimension }, () => rng.normal() + common);
        return bowl(height * (1 + worker / workers), b);
      },
    };
  },
};

/** Least squares on the samples; knows its single samples, so that methods with batches run on it. @type {ProblemFamily} */
const squares = {
  name: 'squares',
  summary: 'the labels, by least squares',
  data: 'samples',
  init: 'reference',
  stepSize: (method) => (method === 'gd' ? '0.1' : 'theory'),
  create(spec, { workers, data, shards }) {
    spec.done();
    if (data?.rowStart === undefined || shards === undefined) throw new Error('sparse samples are missing');
    const { rowStart, column, value, scale, label, features } = data;
    const { order, start, samples } = shards;
    return {
      dimension: features,
      oracle(worker) {
        const mine = order.subarray(start[worker], start[worker + 1]);
        const weight = (workers * mine.length) / samples;
        /** @type {(x: Float64Array, chosen: Iterable<number>, count: number, out: Float64Array) => number} */
        const mean = (x, chosen, count, out) => {
          out.fill(0);
          let sum = 0;
          for (const k of chosen) {
            const s = mine[k];
            let miss = -label[s];
            for (let e = rowStart[s]; e < rowStart[s + 1]; e++) miss += value[e] * scale * x[column[e]];
            sum += (miss * miss) / 2;
            for (let e = rowStart[s]; e < rowStart[s + 1]; e++) {
              out[column[e]] += (weight / count) * miss * value[e] * scale;
            }
          }
          return (weight / count) * sum;
        };
        let largest = 0;
        for (const s of mine) {
          let square = 0;
          for (let e = rowStart[s]; e < rowStart[s + 1]; e++) square += (value[e] * scale) ** 2;
          largest = Math.max(largest, weight * square);
        }
        return {
          smoothness: largest,
          samples: mine.length,
          sampleSmoothness: largest,
          gradient: (x, out) => mean(x, mine.keys(), mine.length, out),
          batchGradient: (x, batch, out) => mean(x, batch, batch.length, out),
        };
      },
    };
  },
};

/** From a file of { c, b }, or without one from its parameters. @type {ProblemFamily} */
const listed = {
  name: 'listed',
  summary: 'bowls from a file',
  data: 'instance',
  init: 'normal:0.5',
  stepSize: () => '0.3',
  create(spec, { workers, instance }) {
    const dimension = instance?.b.length ?? spec.integer('d', 1, 1000) ?? 5;
    spec.done();
    const c = instance?.c ?? new Array(workers).fill(1);
    const b = Float64Array.from(instance?.b ?? new Array(dimension).fill(1));
    const mean = c.reduce((sum, v) => sum + v, 0) / workers;
    const max = Math.max(...c);
    const rms = Math.sqrt(c.reduce((sum, v) => sum + v * v, 0) / workers);
    return {
      dimension,
      smoothness: { f: mean, perWorker: c, rms, max, LA: max, LB: 0, trace: mean * dimension, mu: mean },
      oracle: (worker) => bowl(c[worker], b),
    };
  },
};

/**
 * Compressed gradients with a heavy ball on the server.
 * @type {import('../../packages/core/dist/index.js').Method<{ x: import('../../packages/core/dist/index.js').Vector, v:
 * Float64Array }, { x: import('../../packages/core/dist/index.js').Vector }, { beta: number }>}
 */
const ball = {
  name: 'ball',
  summary: 'compressed gradients up, momentum on the server',
  description: {
    paper: 'none',
    algorithm: 'compressed gradient descent with a heavy ball',
    theorem: 'tuned',
    downlink: 'x dense',
    uplink: 'Q_i(∇f_i(x))',
    stepSize: '(1 − β)/(2 L_max)',
    parameters: { beta: 'β, momentum: 0.5' },
  },
  uplink: 'rand-k:k=d/n',
  downlink: undefined,
  parameters: (spec) => ({ beta: spec.number('beta', 0, 0.999) ?? 0.5 }),
  traffic: () => ({ uplink: { compressed: 1 }, downlink: { dense: 1 } }),
  stepSize: (_theory, { max }, { beta }) => (1 - beta) / (2 * max),
  server: {
    init: ({ start, dimension }) => ({ x: start.slice(), v: new Float64Array(dimension) }),
    plan: (state) => ({ coins: 0, downlink: { form: 'dense', vector: state.x } }),
    sent: (state, _context, carried) => carried.copyTo(state.x),
    step({ x, v }, { stepSize, parameters }, _plan, mean) {
      for (let j = 0; j < x.length; j++) {
        v[j] = parameters.beta * v[j] + mean[j];
        x[j] -= stepSize * v[j];
      }
    },
  },
  worker: {
    init: ({ start }) => ({ x: start.slice() }),
    round(state, context, incoming, local) {
      const { x } = state;
      incoming.copyTo(x);
      local.gradient(x, context.scratch);
      return { form: 'compressed', vector: context.scratch };
    },
  },
};

/** d/K times K neighbouring coordinates, cyclically, from a random place on. @type {CompressorEntry} */
const run = {
  selector(spec, { dimension, workers, stage }) {
    const k = Number(spec.text('k'));
    if (!Number.isInteger(k) || k < 1 || k > dimension) throw spec.bad('k', String(k), `1 to ${dimension}`);
    const rng = new Rng();
    const index = new Int32Array(k);
    const omega = dimension / k - 1;
    return {
      dimension,
      maxKept: k,
      omega,
      theta: omega / workers,
      A: omega / workers,
      B: 0,
      alpha: Math.max(0, 1 - omega),
      density: k,
      same: false,
      select(key, length) {
        const count = Math.min(k, length);
        const start = key.own(rng, 'support', stage).below(length);
        for (let i = 0; i < count; i++) index[i] = (start + i) % length;
        return { index, count, scale: length / count };
      },
    };
  },
};

export default {
  problems: { bowls, squares, listed },
  methods: { ball },
  compressors: { run },
};
