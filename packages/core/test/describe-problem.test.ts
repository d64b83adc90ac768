import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { ProblemFamily } from '../dist/index.js';
import { KeyedRandom, Rng } from '../dist/random.js';
import { describeProblem } from '../dist/testing/index.js';
import plugin from './ridge.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-problems-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

const [SAMPLES, FEATURES] = [23, 17];
const rng = new KeyedRandom('samples').stream(new Rng(), 'init', SAMPLES, FEATURES);
/** Sparse rows; some features are never used. */
const rows = (draw: () => number) =>
  Array.from({ length: SAMPLES }, () =>
    Array.from({ length: FEATURES }, (_, j) => (j % 5 !== 2 && rng.uniform() < 0.4 ? draw() : 0)),
  );

const real = rows(() => rng.normal());
// the last feature is in use, or it would not be one
real[0][FEATURES - 1] = 0.5;
const realLabels = real.map((_, s) => (s % 3 === 0 ? 2 : 1));
const realSigns = realLabels.map((label) => (label === 2 ? 1 : -1));
const sparseText = (samples: number[][], labels: number[]) =>
  samples
    .map((row, s) => `${labels[s]} ${row.flatMap((v, j) => (v === 0 ? [] : [`${j + 1}:${v}`])).join(' ')}\n`)
    .join('');
const realFile = write('real.txt', sparseText(real, realLabels));

const bytes = rows(() => 1 + rng.below(255));
const pixels = bytes.map((row) => row.map((v) => v / 255));
const digits = bytes.map((_, s) => (7 * s) % 10);
const oddSigns = digits.map((digit) => (digit % 2 === 1 ? 1 : -1));
write('pixel-labels-idx1-ubyte', Uint8Array.of(0, 0, 8, 1, 0, 0, 0, SAMPLES, ...digits));
const pixelFile = write(
  'pixel-images-idx3-ubyte',
  Uint8Array.of(0, 0, 8, 2, ...[0, 0, 0, SAMPLES], ...[0, 0, 0, FEATURES], ...bytes.flat()),
);

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (v, j) => v * b[j]).reduce((p, v) => p + v, 0);
const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** The margins y aᵀx of all samples, and what follows from them. */
const classification = (samples: number[][], signs: number[], bias: boolean) => {
  const products = (x: Float64Array) => samples.map((a) => (bias ? x[0] + dot(a, x.subarray(1)) : dot(a, x)));
  return {
    f: (loss: (t: number) => number, lambda: number) => (x: Float64Array) =>
      mean(products(x).map((t, s) => loss(signs[s] * t))) + (lambda / 2) * dot(x, x),
    metrics: (x: Float64Array) => [mean(products(x).map((t, s) => (t > 0 === signs[s] > 0 ? 1 : 0)))],
    /** ‖a‖² of every sample. */
    squares: samples.map((a) => dot(a, a) + (bias ? 1 : 0)),
  };
};
const sigma = (t: number) => 1 / (1 + Math.exp(-t));
const nonconvex = (t: number) => (1 - sigma(t)) ** 2;
const logistic = (t: number) => Math.log(1 + Math.exp(-t));

/** (1/m) Σ ‖DEb − b‖² + (λ/2)‖DE − I‖². */
const autoencoder = (samples: number[][], lambda: number) => (x: Float64Array) => {
  const q = FEATURES;
  const entry = (i: number, j: number) => {
    let sum = 0;
    for (let a = 0; a < 16; a++) sum += x[i * 16 + a] * x[16 * q + a * q + j];
    return sum;
  };
  const product = Array.from({ length: q }, (_, i) => Array.from({ length: q }, (_, j) => entry(i, j)));
  const loss = mean(samples.map((b) => product.reduce((sum, row, i) => sum + (dot(row, b) - b[i]) ** 2, 0)));
  const off = product.flatMap((row, i) => row.map((v, j) => (v - (i === j ? 1 : 0)) ** 2));
  return loss + (lambda / 2) * off.reduce((sum, v) => sum + v, 0);
};

const quadratics = { offers: ['smoothness'], quadratic: true } as const;
describeProblem('quadratic', { spec: 'quadratic:d=11', ...quadratics });
describeProblem('heterogeneous-quadratic with targets', {
  spec: 'heterogeneous-quadratic:d=13,la2=2,lb2=9',
  ...quadratics,
});
describeProblem('heterogeneous-quadratic of random scales', {
  spec: 'heterogeneous-quadratic:d=13,nu=3,sigma=1',
  ...quadratics,
  workers: 5,
});

const instance = { c: [0.4, 0.8, 1.2, 1.6, 0.1], b: [1, -2, 3, -4, 5, 0.5] };
describeProblem('heterogeneous-quadratic from a file', {
  ...quadratics,
  spec: 'heterogeneous-quadratic',
  data: write('instance.json', JSON.stringify(instance)),
  workers: 5,
  f(x) {
    const { c, b } = instance;
    const Xx = x.map((v, j) => 0.25 * (2 * v - (x[j - 1] ?? 0) - (x[j + 1] ?? 0)));
    return 0.5 * mean(c) * dot(x, Xx) - dot(b, x);
  },
});

// λ = 30.6: the points must lie in its reach
const chain = {
  offers: ['smoothness', 'metrics'],
  scale: 30,
  metrics: (x: Float64Array) => [x.findLastIndex((v) => v !== 0) + 1],
} as const;
describeProblem('lower-bound', { ...chain, spec: 'lower-bound:t=9,l=3,delta=2000' });
describeProblem('lower-bound, not dealt', { ...chain, spec: 'lower-bound:t=9,l=3,delta=2000,dealt=false' });

const labelled = { offers: ['smoothness', 'samples', 'metrics', 'facts'], scale: 1 } as const;
const onPixels = classification(pixels, oddSigns, true);
const onReals = classification(real, realSigns, false);
describeProblem('nonconvex-logistic on pixels', {
  ...labelled,
  spec: 'nonconvex-logistic:lambda=0.02',
  data: pixelFile,
  f: onPixels.f(nonconvex, 0.02),
  metrics: onPixels.metrics,
  // the paper's max |ℓ″| is that much too small
  slack: 1e-4,
});
describeProblem('nonconvex-logistic without bias, sorted by label', {
  ...labelled,
  spec: 'nonconvex-logistic:bias=false,lambda=1e-6*L',
  data: realFile,
  split: 'label',
  f: onReals.f(nonconvex, 1e-6 * 0.15405 * Math.max(...onReals.squares)),
  metrics: onReals.metrics,
  slack: 1e-4,
});
describeProblem('logistic', {
  ...labelled,
  spec: 'logistic:lambda=0.02',
  data: realFile,
  split: 'shuffled',
  f: classification(real, realSigns, true).f(logistic, 0.02),
  metrics: classification(real, realSigns, true).metrics,
});
describeProblem('logistic without bias and regulariser, uneven shards', {
  ...labelled,
  spec: 'logistic:bias=false,lambda=0',
  data: pixelFile,
  split: 'dirichlet:alpha=0.5',
  f: classification(pixels, oddSigns, false).f(logistic, 0),
  metrics: classification(pixels, oddSigns, false).metrics,
});

/** ½ (aᵀx − y)² and R². */
const regression = (samples: number[][], labels: number[], bias: boolean, lambda: number) => {
  const misses = (x: Float64Array) =>
    samples.map((a, s) => (bias ? x[0] + dot(a, x.subarray(1)) : dot(a, x)) - labels[s]);
  const middle = mean(labels);
  return {
    f: (x: Float64Array) => mean(misses(x).map((miss) => 0.5 * miss ** 2)) + (lambda / 2) * dot(x, x),
    metrics: (x: Float64Array) => [
      1 - mean(misses(x).map((miss) => miss ** 2)) / mean(labels.map((y) => (y - middle) ** 2)),
    ],
  };
};
const targetValues = real.map((_, s) => 3 * Math.sin(s) + s / 4 - 2.5);
const regressionFile = write('regression.txt', sparseText(real, targetValues));
const square = rows(() => rng.normal()).map((row) => row.slice(0, 5).map((v) => v || rng.normal()));
const squareFile = write('square.txt', sparseText(square, targetValues));
describeProblem('least-squares on more samples than features', {
  ...labelled,
  spec: 'least-squares',
  data: squareFile,
  split: 'shuffled',
  quadratic: true,
  ...regression(square, targetValues, true, 0),
});
describeProblem('least-squares without bias, uneven shards', {
  ...labelled,
  spec: 'least-squares:bias=false,lambda=0.03',
  data: regressionFile,
  split: 'dirichlet:alpha=0.5',
  quadratic: true,
  ...regression(real, targetValues, false, 0.03),
});
describeProblem('least-squares on pixels, λ a multiple of L', {
  ...labelled,
  spec: 'least-squares:lambda=1e-2*L',
  data: pixelFile,
  quadratic: true,
  workers: 3,
  ...regression(
    pixels.slice(0, 21),
    digits.slice(0, 21),
    true,
    1e-2 * Math.max(...classification(pixels.slice(0, 21), oddSigns, true).squares),
  ),
  split: 'contiguous',
});

/** log Σ exp(z) − z_y, and the share of samples whose largest z is that of their label. */
const multiclass = (samples: number[][], labels: number[], bias: boolean, lambda: number) => {
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  const [K, q] = [classes.length, samples[0].length];
  const scores = (x: Float64Array, a: number[]) =>
    classes.map((_, c) => dot(a, x.subarray(c * q, (c + 1) * q)) + (bias ? x[K * q + c] : 0));
  return {
    f: (x: Float64Array) =>
      mean(
        samples.map((a, s) => {
          const z = scores(x, a);
          return Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0)) - z[classes.indexOf(labels[s])];
        }),
      ) +
      (lambda / 2) * dot(x, x),
    metrics: (x: Float64Array) => [
      mean(
        samples.map((a, s) => {
          const z = scores(x, a);
          return classes[z.indexOf(Math.max(...z))] === labels[s] ? 1 : 0;
        }),
      ),
    ],
  };
};
describeProblem('softmax on pixels', {
  ...labelled,
  spec: 'softmax:lambda=0.02',
  data: pixelFile,
  ...multiclass(pixels, digits, true, 0.02),
});
const threeLabels = real.map((_, s) => [-1, 0.5, 7][s % 3]);
describeProblem('softmax of three classes without bias, uneven shards', {
  ...labelled,
  spec: 'softmax:bias=false,lambda=0',
  data: write('three.txt', sparseText(real, threeLabels)),
  split: 'dirichlet:alpha=0.5',
  ...multiclass(real, threeLabels, false, 0),
});
describeProblem('softmax of two classes, sorted by label', {
  ...labelled,
  spec: 'softmax:lambda=1e-3*L',
  data: realFile,
  split: 'label',
  ...multiclass(real, realLabels, true, 1e-3 * 0.5 * Math.max(...classification(real, realSigns, true).squares)),
});

const offers = ['samples', 'linearMap', 'facts'] as const;
describeProblem('autoencoder on pixels', {
  spec: 'autoencoder',
  data: pixelFile,
  offers,
  f: autoencoder(pixels, 0.001),
});
describeProblem('autoencoder on real numbers, uneven shards', {
  spec: 'autoencoder:lambda=0.3',
  data: realFile,
  split: 'dirichlet:alpha=0.5',
  offers,
  workers: 3,
  f: autoencoder(real, 0.3),
});

describeProblem('a plug-in that leaves the loading to its kind of data', {
  spec: 'ridge:lambda=0.1',
  family: plugin.problems.ridge,
  module: new URL('./ridge.js', import.meta.url).href,
  data: realFile,
  split: 'shuffled',
  offers: ['smoothness', 'samples'],
  f: (x) => mean(real.map((a, s) => 0.5 * (dot(a, x) - realLabels[s]) ** 2)) + 0.05 * dot(x, x),
});

/** f_i(x) = ½‖x − t_i‖², with targets t_i from a file of its own form, a starting point, and a metric. */
const targets: ProblemFamily<{ targets: Float64Array[] }> = {
  name: 'targets',
  summary: 'distances from points',
  data: 'instance',
  init: 'problem',
  stepSize: () => '0.5',
  async load(_spec, { data, workers }) {
    const list = JSON.parse(readFileSync(data as string, 'utf8')) as number[][];
    return { shared: { targets: list.slice(0, workers).map((t) => Float64Array.from(t)) }, source: 'targets' };
  },
  create(spec, input) {
    const shift = spec.number('shift', -1e9, 1e9) ?? 0;
    spec.rejectUnknown();
    const dimension = input.targets[0].length;
    return {
      dimension,
      tensors: [
        { name: 'first', shape: [] },
        { name: 'rest', shape: [dimension - 1] },
      ],
      metrics: [{ name: 'squared distance', better: 'lower' }],
      start: (random) =>
        Float64Array.from({ length: dimension }, (_, j) => random.stream(new Rng(), 'init', j, 0).normal()),
      oracle(worker) {
        const squares = (x: Float64Array, out: Float64Array) => {
          for (let j = 0; j < dimension; j++) out[j] = x[j] - input.targets[worker][j] - shift;
          return dot(out, out);
        };
        return {
          smoothness: 1,
          gradient: (x, out) => 0.5 * squares(x, out),
          metrics(x, out) {
            out[0] = squares(x, new Float64Array(dimension));
          },
        };
      },
    };
  },
};
const points = [
  [1, 2, 3],
  [-1, 0, 1],
  [5, 5, 5],
];
const squaredDistance = (x: Float64Array) =>
  mean(points.map((t) => t.reduce((sum, v, j) => sum + (x[j] - v - 2) ** 2, 0)));
describeProblem('a family with data, tensors, a starting point and a metric of its own', {
  spec: 'targets:shift=2',
  family: targets,
  data: write('targets.json', JSON.stringify(points)),
  workers: 3,
  offers: ['smoothness', 'metrics', 'start'],
  f: (x) => 0.5 * squaredDistance(x),
  metrics: (x) => [squaredDistance(x)],
});
