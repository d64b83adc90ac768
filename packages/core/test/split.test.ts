import { describe, expect, test } from 'vitest';
import { type Dataset, shared } from '../dist/data/dataset.js';
import { drawDirichlet } from '../dist/data/dirichlet.js';
import { checkSplit, type Shards, split } from '../dist/data/split.js';
import { Kernels } from '../dist/kernels/kernels.js';
import { problems } from '../dist/problem/index.js';
import { KeyedRandom, Rng } from '../dist/random.js';
import { Spec } from '../dist/spec.js';

const random = new KeyedRandom('split');

/** Points around the centre of their class: coordinate `label` is 1 + noise, the rest noise. Labels in no order. */
function blobs(samples: number, classes: number): Dataset {
  const rng = random.stream(new Rng(), 'init', samples, classes);
  const rowStart = Int32Array.from({ length: samples + 1 }, (_, s) => s * classes);
  const column = Uint16Array.from({ length: samples * classes }, (_, k) => k % classes);
  const label = shared(Float64Array, samples);
  const value = shared(Float64Array, samples * classes);
  for (let s = 0; s < samples; s++) {
    label[s] = rng.below(classes);
    for (let j = 0; j < classes; j++) value[s * classes + j] = (label[s] === j ? 1 : 0) + 0.1 * rng.normal();
  }
  return { name: 'blobs', samples, features: classes, rowStart, column, value, scale: 1, label };
}

const data = blobs(103, 3);
const sizes = ({ start }: Shards) => Array.from({ length: start.length - 1 }, (_, i) => start[i + 1] - start[i]);
const everySample = ({ order }: Shards) => [...order].sort((a, b) => a - b);

describe.each(['shuffled', 'label', 'dirichlet:alpha=0.3', 'dirichlet:alpha=0.001', 'dirichlet:alpha=1e6'])(
  '%s',
  (spec) => {
    test.each([1, 7, 103])('assigns every sample once, some to each of %i workers', (workers) => {
      const shards = split(spec, data, workers, random);
      expect(shards.samples).toBe(103);
      expect(everySample(shards)).toEqual(Array.from({ length: 103 }, (_, s) => s));
      expect(shards.start[workers]).toBe(103);
      expect(Math.min(...sizes(shards))).toBeGreaterThanOrEqual(1);
      if (!spec.startsWith('dirichlet')) {
        expect(Math.max(...sizes(shards)) - Math.min(...sizes(shards))).toBeLessThanOrEqual(1);
      }
    });

    test('is the same for the same seed, and only by chance for another', () => {
      const { order } = split(spec, data, 7, random);
      expect(split(spec, data, 7, random).order).toEqual(order);
      const other = split(spec, data, 7, new KeyedRandom('other')).order;
      if (spec === 'label') expect(other).toEqual(order);
      else expect(other).not.toEqual(order);
    });
  },
);

test('contiguous: equal blocks in file order, the rest dropped', () => {
  const { order, start, samples } = split('contiguous', data, 7, random);
  expect(samples).toBe(98);
  expect([...order]).toEqual(Array.from({ length: 98 }, (_, s) => s));
  expect([...start]).toEqual([0, 14, 28, 42, 56, 70, 84, 98]);
});

test('label: labels ascend, and file order within a label', () => {
  const { order } = split('label', data, 7, random);
  for (let k = 1; k < order.length; k++) {
    const [a, b] = [order[k - 1], order[k]];
    expect(data.label[a] < data.label[b] || (data.label[a] === data.label[b] && a < b)).toBe(true);
  }
});

test.each([
  ['dirichlet:alpha=0', 'alpha must be a number in [0.001, 1000000]'],
  ['dirichlet:alpha=x', 'alpha must be a number'],
  ['dirichlet:beta=1', 'has no parameter beta; it takes alpha'],
  ['label:alpha=1', 'split label has no parameter alpha'],
  ['even', 'unknown split "even"; known: contiguous, shuffled, label, dirichlet'],
])('%s is refused', (spec, message) => {
  expect(() => checkSplit(spec)).toThrow(message);
});

test('what the data cannot give', () => {
  expect(() => split('shuffled', data, 104, random)).toThrow('104 workers cannot share 103 samples');
  const unlabelled = { ...data, label: new Float64Array(0) };
  expect(split('shuffled', unlabelled, 2, random).samples).toBe(103);
  for (const spec of ['label', 'dirichlet'])
    expect(() => split(spec, unlabelled, 2, random)).toThrow('data set blobs has no labels');
  const real = { ...data, samples: 1001, label: Float64Array.from({ length: 1001 }, (_, s) => s / 7) };
  expect(() => split('dirichlet', real, 2, random)).toThrow('more than 1000 labels');
});

test.each([0.05, 0.3, 1, 4])('Dirichlet(α = %d): mean 1/n, variance (n − 1)/(n²(nα + 1)) of every share', (alpha) => {
  const [n, draws] = [5, 20_000];
  const rng = random.stream(new Rng(), 'data/dirichlet', 1000 * alpha, 0);
  const shares = new Float64Array(n);
  const values: number[][] = Array.from({ length: n }, () => []);
  for (let k = 0; k < draws; k++) {
    drawDirichlet(rng, alpha, shares);
    expect(Math.abs(shares.reduce((sum, v) => sum + v, 0) - 1)).toBeLessThan(1e-14);
    shares.forEach((v, i) => {
      values[i].push(v);
    });
  }
  const variance = (n - 1) / (n * n * (n * alpha + 1));
  for (const list of values) {
    const mean = list.reduce((sum, v) => sum + v, 0) / draws;
    expect(Math.abs(mean - 1 / n)).toBeLessThan(4 * Math.sqrt(variance / draws));
    const squares = list.map((v) => (v - 1 / n) ** 2);
    const found = squares.reduce((sum, v) => sum + v, 0) / draws;
    const spread = Math.sqrt(squares.reduce((sum, v) => sum + (v - found) ** 2, 0) / draws);
    expect(Math.abs(found - variance)).toBeLessThan((4 * spread) / Math.sqrt(draws));
  }
});

test('Dirichlet draws are the same on every machine', () => {
  const shares = new Float64Array(3);
  drawDirichlet(new Rng().seed(1, 2, 3), 0.3, shares);
  expect([...shares]).toEqual([0.000004121378336291762, 0.3033949026827722, 0.6966009759388915]);
});

describe('heterogeneity grows as α falls', () => {
  const workers = 10;
  const big = blobs(4000, 10);
  const spec = 'nonconvex-logistic:lambda=0';
  // odd labels against even ones, as with digits
  const digits = { ...big, digits: true };

  /** Mean distance (total variation) of a worker's label distribution from that of all samples. */
  function labelDistance({ order, start }: Shards): number {
    const distribution = (from: number, to: number) => {
      const share = new Array(10).fill(0);
      for (let k = from; k < to; k++) share[big.label[order[k]]] += 1 / (to - from);
      return share;
    };
    const all = distribution(0, order.length);
    let sum = 0;
    for (let i = 0; i < workers; i++) {
      distribution(start[i], start[i + 1]).forEach((v, c) => {
        sum += Math.abs(v - all[c]) / 2;
      });
    }
    return sum / workers;
  }

  /** (1/n) Σ‖∇f_i(0) − ∇f(0)‖². */
  function gradientSpread(shards: Shards): number {
    const input = { workers, random, data: digits, shards, instance: undefined };
    const problem = problems['nonconvex-logistic'].create(Spec.parse('problem', spec), input);
    const kernels = new Kernels();
    const gradients = Array.from({ length: workers }, (_, i) => {
      const out = new Float64Array(problem.dimension);
      problem.oracle(i, kernels).gradient(new Float64Array(problem.dimension), out);
      return out;
    });
    const mean = gradients[0].map((_, j) => gradients.reduce((sum, g) => sum + g[j], 0) / workers);
    return gradients.reduce((sum, g) => sum + g.reduce((s, v, j) => s + (v - mean[j]) ** 2, 0), 0) / workers;
  }

  /** Mean over seeds. */
  const over = (measure: (shards: Shards) => number, spec: string) =>
    [0, 1, 2, 3, 4].reduce((sum, seed) => sum + measure(split(spec, digits, workers, new KeyedRandom(`${seed}`))), 0) /
    5;
  const falling = [100, 10, 1, 0.3, 0.1, 0.01].map((alpha) => `dirichlet:alpha=${alpha}`);

  test('in labels, from below that of a shuffle to that of split label', () => {
    const distances = [...falling, 'label'].map((spec) => over(labelDistance, spec));
    for (let k = 1; k < distances.length; k++)
      expect(distances[k], distances.join(' ')).toBeGreaterThan(distances[k - 1]);
    const shuffled = over(labelDistance, 'shuffled');
    // the labels of a shuffled shard vary by chance, at α = 100 hardly at all
    expect(shuffled).toBeGreaterThan(distances[0]);
    expect(shuffled).toBeLessThan(distances[1]);
    // ten labels, ten workers: nearly everything a worker has bears one label
    expect(distances.at(-1)).toBeGreaterThan(0.8);
  });

  test('in gradients, up to that of split label', () => {
    const spreads = falling.map((spec) => over(gradientSpread, spec));
    for (let k = 1; k < spreads.length; k++) expect(spreads[k], spreads.join(' ')).toBeGreaterThan(spreads[k - 1]);
    const label = over(gradientSpread, 'label');
    expect(label).toBeGreaterThan(20 * over(gradientSpread, 'shuffled'));
    expect(spreads.at(-1)).toBeLessThan(label);
  });

  test('f and ∇f are those of all samples, however they are assigned', () => {
    const at = (spec: string, n: number) => {
      const shards = split(spec, digits, n, random);
      const input = { workers: n, random, data: digits, shards, instance: undefined };
      const problem = problems['nonconvex-logistic'].create(Spec.parse('problem', 'nonconvex-logistic'), input);
      const x = Float64Array.from({ length: problem.dimension }, (_, j) => Math.sin(j));
      const [out, sum] = [new Float64Array(x.length), new Float64Array(x.length + 1)];
      for (let i = 0; i < n; i++) {
        sum[x.length] += problem.oracle(i, new Kernels()).gradient(x, out) / n;
        out.forEach((v, j) => {
          sum[j] += v / n;
        });
      }
      return sum;
    };
    const whole = at('shuffled', 1);
    for (const spec of ['label', 'dirichlet:alpha=0.1'])
      at(spec, 6).forEach((v, j) => {
        expect(v).toBeCloseTo(whole[j], 13);
      });
  });
});
