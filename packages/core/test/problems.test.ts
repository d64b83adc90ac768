// Long: every problem against one table of properties, then the exact values of each.

import { beforeAll, describe, expect, test } from 'vitest';
import { type Dataset, shared } from '../dist/data/dataset.js';
import { loadMnist } from '../dist/data/mnist.js';
import { type Shards, split } from '../dist/data/split.js';
import { Kernels } from '../dist/kernels/kernels.js';
import { problems } from '../dist/problem/index.js';
import { initialPoint } from '../dist/problem/initial-point.js';
import { type Problem, type Smoothness, smoothnessFrom } from '../dist/problem/problem.js';
import { KeyedRandom, Rng } from '../dist/random.js';
import { Spec } from '../dist/spec.js';

const random = new KeyedRandom('problems');

/** A small random data set, as pixels or as real numbers; some features are never used. */
function smallData(samples: number, features: number, pixels: boolean): Dataset {
  const rng = random.stream(new Rng(), 'init', samples, features);
  const rows = Array.from({ length: samples }, () =>
    Array.from({ length: features }, (_, j) => j)
      .filter((j) => j % 5 !== 2 && rng.uniform() < 0.4)
      .map((j): [number, number] => [j, pixels ? 1 + rng.below(255) : rng.normal()]),
  );
  const flat = rows.flat();
  const value = shared<Uint8Array | Float64Array>(pixels ? Uint8Array : Float64Array, flat.length);
  const column = shared(Uint16Array, flat.length);
  flat.forEach(([j, v], k) => {
    column[k] = j;
    value[k] = v;
  });
  const rowStart = shared(Int32Array, samples + 1);
  rows.forEach((row, s) => {
    rowStart[s + 1] = rowStart[s] + row.length;
  });
  const label = shared(Float64Array, samples).map((_, s) => (s % 3 === 0 ? 2 : 1));
  return { name: 'small', samples, features, rowStart, column, value, scale: pixels ? 1 / 255 : 1, label };
}

function dense({ rowStart, column, value, scale, features }: Dataset, s: number): number[] {
  const row = new Array(features).fill(0);
  for (let k = rowStart[s]; k < rowStart[s + 1]; k++) row[column[k]] = value[k] * scale;
  return row;
}

function create(spec: string, workers: number, data?: Dataset, shards?: Shards): Problem {
  const parsed = Spec.parse('problem', spec);
  return problems[parsed.name].create(parsed, { workers, random, data, shards, instance: undefined });
}

/** Mean value and gradient over all workers. */
function evaluate(problem: Problem, workers: number, x: Float64Array) {
  const kernels = new Kernels();
  const gradient = new Float64Array(problem.dimension);
  const out = new Float64Array(problem.dimension);
  let value = 0;
  for (let i = 0; i < workers; i++) {
    value += problem.oracle(i, kernels).gradient(x, out) / workers;
    for (let j = 0; j < x.length; j++) gradient[j] += out[j] / workers;
  }
  return { value, gradient };
}

const point = (dimension: number, scale: number) => initialPoint(`normal:${scale}`, dimension, random);

const small = [
  { spec: 'quadratic:d=11', data: undefined },
  { spec: 'heterogeneous-quadratic:d=13,la2=2,lb2=9', data: undefined },
  { spec: 'lower-bound:t=9,l=3,delta=2000', data: undefined },
  { spec: 'heterogeneous-quadratic:d=13,nu=3,sigma=1', data: undefined },
  { spec: 'nonconvex-logistic', data: smallData(23, 17, true) },
  { spec: 'nonconvex-logistic:bias=false,lambda=0.1', data: smallData(23, 17, false) },
  { spec: 'logistic', data: smallData(23, 17, true) },
  { spec: 'logistic:bias=false,lambda=0', data: smallData(23, 17, false) },
  { spec: 'autoencoder', data: smallData(23, 17, true) },
  { spec: 'autoencoder:lambda=0.3', data: smallData(23, 17, false) },
];

describe.each(small)('$spec', ({ spec, data }) => {
  const workers = 4;
  const shards = data && split('shuffled', data, workers, random);
  const problem = create(spec, workers, data, shards);

  test('the gradient is the derivative of the value', () => {
    const x = point(problem.dimension, 0.5);
    const oracle = problem.oracle(1, new Kernels());
    const gradient = new Float64Array(problem.dimension);
    oracle.gradient(x, gradient);
    const scratch = new Float64Array(problem.dimension);
    for (let j = 0; j < problem.dimension; j += 7) {
      const h = 1e-5;
      const at = (delta: number) => {
        const moved = x.slice();
        moved[j] += delta;
        return oracle.gradient(moved, scratch);
      };
      const slope = (at(h) - at(-h)) / (2 * h);
      expect(Math.abs(slope - gradient[j])).toBeLessThan(1e-6 * (1 + Math.abs(gradient[j])));
    }
  });

  test('the image of a moving point follows its steps', () => {
    const oracle = problem.oracle(2, new Kernels());
    const { image } = oracle;
    if (image === undefined) return expect(spec).not.toMatch(/^autoencoder/);
    const x = point(problem.dimension, 0.5);
    const at = image.vector();
    image.of(x, at);
    const rng = random.stream(new Rng(), 'init', 7, 7);
    const all = Int32Array.from(x, (_, j) => j);
    const [exact, followed] = [new Float64Array(x.length), new Float64Array(x.length)];
    for (const count of [0, 1, x.length >> 4, x.length >> 1, x.length]) {
      rng.shuffle(all);
      const values = Float64Array.from({ length: count + 3 }, () => rng.normal());
      for (let k = 0; k < count; k++) x[all[k]] += values[k];
      image.add(all, values, count, at);
      const value = oracle.gradient(x, exact);
      expect(Math.abs(image.gradientAt(x, at, followed) / value - 1)).toBeLessThan(1e-12);
      const size = Math.hypot(...exact);
      followed.forEach((v, j) => {
        expect(Math.abs(v - exact[j])).toBeLessThan(1e-12 * size);
      });
    }
  });

  test('the image of a point is as exact after thousands of steps', () => {
    const { image } = problem.oracle(3, new Kernels());
    if (image === undefined) return expect(spec).not.toMatch(/^autoencoder/);
    const x = point(problem.dimension, 0.5);
    const [followed, anew] = [image.vector(), image.vector()];
    image.of(x, followed);
    const rng = random.stream(new Rng(), 'init', 8, 8);
    const index = Int32Array.from({ length: 5 }, (_, k) => k);
    for (let step = 0; step < 5000; step++) {
      const values = Float64Array.from(index, () => 0.1 * rng.normal());
      index.forEach((_, k) => {
        index[k] = rng.below(Math.floor(x.length / 5)) * 5 + k;
        x[index[k]] += values[k];
      });
      image.add(index, values, 5, followed);
    }
    image.of(x, anew);
    const size = Math.max(...anew.map(Math.abs));
    followed.forEach((v, j) => {
      expect(Math.abs(v - anew[j])).toBeLessThan(1e-12 * size);
    });
  });

  test('L_i bounds the change of the gradient', () => {
    const oracle = problem.oracle(0, new Kernels());
    const L = oracle.smoothness;
    if (L === undefined) return expect(spec).toMatch(/^autoencoder/);
    const [a, b] = [new Float64Array(problem.dimension), new Float64Array(problem.dimension)];
    const x = point(problem.dimension, 1);
    const y = x.map((v, j) => v + 0.1 * Math.sin(j + 1));
    oracle.gradient(x, a);
    oracle.gradient(y, b);
    const change = Math.hypot(...a.map((v, j) => v - b[j]));
    const distance = Math.hypot(...x.map((v, j) => v - y[j]));
    expect(change / distance).toBeLessThanOrEqual(L * (1 + 1e-12));
    expect(change / distance).toBeGreaterThan(0);
  });

  test('a batch of all samples, in any order, is the whole function; any other is the mean over its samples', () => {
    const worker = 2;
    const oracle = problem.oracle(worker, new Kernels());
    if (oracle.samples === undefined) {
      expect(oracle.batchGradient).toBeUndefined();
      return expect(spec).toMatch(/^(.*quadratic|lower-bound)/);
    }
    const m = oracle.samples;
    expect(m).toBe((shards as Shards).start[worker + 1] - (shards as Shards).start[worker]);
    const x = point(problem.dimension, 0.5);
    const at = (batch: number[]) => {
      const out = new Float64Array(problem.dimension).fill(Number.NaN);
      return [oracle.batchGradient?.(x, Int32Array.from(batch), out) as number, ...out];
    };
    const close = (a: number[], b: number[]) => {
      a.forEach((v, j) => {
        expect(Math.abs(v - b[j])).toBeLessThan(1e-13 * (1 + Math.abs(v)));
      });
    };
    const all = Array.from({ length: m }, (_, j) => j);
    const out = new Float64Array(problem.dimension);
    close([oracle.gradient(x, out), ...out], at(all.toReversed()));
    // longer than the shard, with repeats, and shorter again
    for (const batch of [[...all, 0, 0, 3], [4, 1, 4], [2]]) {
      const parts = batch.map((j) => at([j]));
      const mean = parts[0].map((_, c) => parts.reduce((sum, part) => sum + part[c], 0) / batch.length);
      close(at(batch), mean);
    }
    expect(at([0])).not.toEqual(at([1]));
  });

  test('max_j L_ij bounds the change of every sample’s gradient', () => {
    const oracle = problem.oracle(1, new Kernels());
    if (oracle.sampleSmoothness === undefined)
      return expect(oracle.smoothness === undefined || oracle.samples === undefined).toBe(true);
    const [a, b] = [new Float64Array(problem.dimension), new Float64Array(problem.dimension)];
    let steepest = 0;
    for (let j = 0; j < (oracle.samples as number); j++) {
      for (let trial = 0; trial < 200; trial++) {
        const rng = random.stream(new Rng(), 'init', trial, j);
        const x = Float64Array.from({ length: problem.dimension }, () => rng.normal());
        const y = x.map((v) => v + 0.01 * rng.normal());
        oracle.batchGradient?.(x, Int32Array.of(j), a);
        oracle.batchGradient?.(y, Int32Array.of(j), b);
        const change = Math.hypot(...a.map((v, k) => v - b[k])) / Math.hypot(...x.map((v, k) => v - y[k]));
        steepest = Math.max(steepest, change);
      }
    }
    expect(steepest).toBeLessThanOrEqual(oracle.sampleSmoothness as number);
    expect(steepest).toBeGreaterThan(0.05 * (oracle.sampleSmoothness as number));
  });

  test('f does not depend on how the samples are dealt', () => {
    if (data === undefined) return;
    const x = point(problem.dimension, 0.5);
    const whole = evaluate(create(spec, 1, data, split('shuffled', data, 1, random)), 1, x);
    const dealt = evaluate(problem, workers, x);
    // λ = 1e-6·L does not depend on the deal either
    expect(dealt.value).toBeCloseTo(whole.value, 12);
    dealt.gradient.forEach((v, j) => {
      expect(v).toBeCloseTo(whole.gradient[j], 10);
    });
  });
});

test('nonconvex-logistic is the mean of (1 − σ(y aᵀx))² with a bias first', () => {
  const data = smallData(23, 17, false);
  const problem = create('nonconvex-logistic:lambda=0.02', 1, data, split('contiguous', data, 1, random));
  const x = point(18, 0.5);
  let sum = 0;
  for (let s = 0; s < 23; s++) {
    const t = dense(data, s).reduce((p, v, j) => p + v * x[j + 1], x[0]);
    // labels 1 and 2 become −1 and +1
    sum += (1 - 1 / (1 + Math.exp(-(data.label[s] === 2 ? 1 : -1) * t))) ** 2;
  }
  const squares = x.reduce((total, v) => total + v * v, 0);
  expect(evaluate(problem, 1, x).value).toBeCloseTo(sum / 23 + 0.01 * squares, 12);
});

test('logistic is the mean of log(1 + exp(−y aᵀx)), finite far out, and λ-strongly convex', () => {
  const data = smallData(23, 17, false);
  const problem = create('logistic:lambda=0.02', 1, data, split('contiguous', data, 1, random));
  const sign = (s: number) => (data.label[s] === 2 ? 1 : -1);
  const value = (x: Float64Array) => {
    let sum = 0;
    for (let s = 0; s < 23; s++) {
      sum += Math.log(1 + Math.exp(-sign(s) * dense(data, s).reduce((p, v, j) => p + v * x[j + 1], x[0])));
    }
    return sum / 23 + 0.01 * x.reduce((total, v) => total + v * v, 0);
  };
  const [x, y] = [point(18, 0.5), point(18, 2).reverse()];
  const [fx, fy] = [evaluate(problem, 1, x), evaluate(problem, 1, y)];
  expect(fx.value).toBeCloseTo(value(x), 12);
  expect(problem.smoothness?.mu).toBe(0.02);
  // f(y) ≥ f(x) + ⟨∇f(x), y − x⟩ + (μ/2)‖y − x‖²
  const below = (mu: number) =>
    fx.value + fx.gradient.reduce((sum, g, j) => sum + g * (y[j] - x[j]) + (mu / 2) * (y[j] - x[j]) ** 2, 0);
  expect(fy.value).toBeGreaterThan(below(0.02));
  expect(fy.value).toBeLessThan(below(problem.smoothness?.f as number));
  const far = evaluate(
    problem,
    1,
    x.map((v) => 1e4 * v),
  );
  expect(Number.isFinite(far.value)).toBe(true);
  expect(far.value).toBeGreaterThan(1e3);
});

test('autoencoder is the mean of ‖DEb − b‖² and its regulariser', () => {
  const data = smallData(9, 6, true);
  const lambda = 0.3;
  const problem = create(`autoencoder:lambda=${lambda}`, 1, data, split('contiguous', data, 1, random));
  const x = point(2 * 16 * 6, 0.3);
  const D = (i: number, a: number) => x[i * 16 + a];
  const E = (a: number, j: number) => x[96 + a * 6 + j];
  const product = (i: number, j: number) =>
    Array.from({ length: 16 }, (_, a) => D(i, a) * E(a, j)).reduce((p, v) => p + v, 0);
  let loss = 0;
  for (let s = 0; s < 9; s++) {
    const b = dense(data, s);
    for (let i = 0; i < 6; i++) loss += (b.reduce((p, v, j) => p + product(i, j) * v, 0) - b[i]) ** 2 / 9;
  }
  for (let i = 0; i < 6; i++)
    for (let j = 0; j < 6; j++) loss += (lambda / 2) * (product(i, j) - (i === j ? 1 : 0)) ** 2;
  expect(evaluate(problem, 1, x).value).toBeCloseTo(loss, 10);
});

describe('on MNIST', () => {
  let data: Dataset;
  beforeAll(async () => {
    data = await loadMnist();
  });

  test.each([1, 7, 20])('autoencoder with %i workers has the exact values at the reference point', (workers) => {
    const problem = create('autoencoder', workers, data, split('shuffled', data, workers, random));
    expect(problem.dimension).toBe(25_088);
    const { value, gradient } = evaluate(problem, workers, initialPoint('reference', 25_088, random));
    expect(Math.abs(value / 90.28218564475121 - 1)).toBeLessThan(1e-12);
    const squares = gradient.reduce((sum, v) => sum + v * v, 0);
    expect(Math.abs(squares / 355.35768905031404 - 1)).toBeLessThan(1e-11);
  });

  test('nonconvex-logistic tells odd from even: d = 785, f(0) = 1/4', () => {
    const problem = create('nonconvex-logistic', 4, data, split('shuffled', data, 4, random));
    expect(problem.dimension).toBe(785);
    expect(evaluate(problem, 4, new Float64Array(785)).value).toBeCloseTo(0.25, 14);
  });
});

test('heterogeneous-quadratic: constants by hand', () => {
  const { smoothness } = create('heterogeneous-quadratic:d=300,nu=2', 5);
  const lambda = 0.5 * (1 + Math.cos(Math.PI / 301));
  expect(smoothness?.f).toBeCloseTo(2 * lambda, 14);
  expect(smoothness?.LA).toBe(0);
  expect(smoothness?.LB).toBeCloseTo(Math.SQRT2 * 2 * lambda, 14);
});

describe('heterogeneous-quadratic with targets', () => {
  /** λ_max(X) of the tridiagonal X by power iteration, and the c_i from the gradients' differences: nothing shared. */
  function measured(problem: Problem, workers: number) {
    const d = problem.dimension;
    const kernels = new Kernels();
    const [a, b] = [new Float64Array(d), new Float64Array(d)];
    const norms = Array.from({ length: workers }, (_, i) => {
      const oracle = problem.oracle(i, kernels);
      let v = point(d, 1);
      let norm = 0;
      oracle.gradient(new Float64Array(d), b);
      for (let k = 0; k < 4000; k++) {
        oracle.gradient(v, a);
        const image = a.map((g, j) => g - b[j]);
        norm = Math.hypot(...image);
        v = norm === 0 ? v : image.map((g) => g / norm);
      }
      return norm;
    });
    const mean = norms.reduce((sum, v) => sum + v, 0) / workers;
    return { LA2: 2 * Math.max(...norms.map((v) => (v - mean) ** 2)), LB2: 2 * mean ** 2 };
  }

  test.each([
    [0, 100, 10],
    [1, 1000, 10],
    [10, 1e4, 7],
    [100, 1e5, 3],
    [5, 5, 2],
  ])('L_A² = %d and L_B² = %d are met exactly, n = %i', (la2, lb2, workers) => {
    const problem = create(`heterogeneous-quadratic:d=20,la2=${la2},lb2=${lb2}`, workers);
    const { LA, LB, estimated } = problem.smoothness as Smoothness;
    expect(estimated).toBeUndefined();
    expect(Math.abs(LA ** 2 - la2)).toBeLessThan(1e-12 * lb2);
    expect(Math.abs(LB ** 2 / lb2 - 1)).toBeLessThan(1e-13);
    const found = measured(problem, workers);
    expect(Math.abs(found.LA2 - la2)).toBeLessThan(1e-6 * lb2);
    expect(Math.abs(found.LB2 / lb2 - 1)).toBeLessThan(1e-6);
  });

  test.each([
    ['la2=1', 4, 'la2 must be given together with lb2'],
    ['la2=2,lb2=1', 4, 'la2 must be at most lb2 = 1'],
    ['la2=1,lb2=1', 1, 'la2 must be 0 with a single worker'],
    ['lb2=0', 4, 'lb2 must be a number in (0, 1000000000000000000]'],
    ['lb2=1,nu=1', 4, 'has no parameter nu'],
    ['d=1.5', 4, 'd must be a whole number'],
  ])('%s with %i workers is refused', (parameters, workers, message) => {
    expect(() => create(`heterogeneous-quadratic:${parameters}`, workers)).toThrow(message);
  });
});

test('quadratic: A_i = (1 + ξ_i) I with ξ_i ~ N(0, 0.01), and one step of 1/L reaches the minimum', () => {
  const workers = 4000;
  const { smoothness } = create('quadratic:d=3', workers);
  const { perWorker, f, mu, LB } = smoothness as Smoothness;
  expect(Math.abs(f - 1)).toBeLessThan((4 * 0.1) / Math.sqrt(workers));
  const variance = perWorker.reduce((sum, L) => sum + (L - f) ** 2, 0) / workers;
  expect(Math.abs(variance / 0.01 - 1)).toBeLessThan(4 * Math.sqrt(2 / workers));
  expect(mu).toBe(f);
  expect(LB).toBeCloseTo(Math.SQRT2 * f, 12);
  const problem = create('quadratic', 10);
  expect(problem.dimension).toBe(1000);
  const start = evaluate(problem, 10, new Float64Array(1000)).gradient;
  expect(Math.hypot(...start)).toBeGreaterThan(1);
  const minimum = start.map((g) => -g / (problem.smoothness as Smoothness).f);
  expect(Math.hypot(...evaluate(problem, 10, minimum).gradient)).toBeLessThan(1e-12);
});

describe('lower-bound', () => {
  const T = 12;
  const [L, delta] = [5, 3];
  const epsilon = (delta * L) / (2 * T * 152 * 12);
  const problem = create(`lower-bound:t=${T},l=${L},delta=${delta}`, 3);
  const lambda = (Math.sqrt(2 * epsilon) * 152) / L;
  const at = (x: Float64Array) => evaluate(problem, 1, x);
  const rng = random.stream(new Rng(), 'init', 1, 1);

  test('F_T against its definition, Φ by Simpson’s rule', () => {
    const Phi = (z: number) => {
      const [low, steps] = [-12, 4000];
      const h = (z - low) / steps;
      let sum = 0;
      for (let k = 0; k <= steps; k++) {
        sum += (k === 0 || k === steps ? 1 : k % 2 === 1 ? 4 : 2) * Math.exp(-((low + k * h) ** 2) / 2);
      }
      return (Math.sqrt(Math.E) * sum * h) / 3;
    };
    const Psi = (z: number) => (z <= 0.5 ? 0 : Math.exp(1 - 1 / (2 * z - 1) ** 2));
    for (const scale of [0.5, 1, 3]) {
      const x = Float64Array.from({ length: T }, () => scale * rng.normal());
      let F = -Psi(1) * Phi(x[0]);
      for (let i = 1; i < T; i++) F += Psi(-x[i - 1]) * Phi(-x[i]) - Psi(x[i - 1]) * Phi(x[i]);
      const { value } = at(x.map((v) => v * lambda));
      expect(value / ((L * lambda * lambda) / 152)).toBeCloseTo(F, 10);
    }
  });

  test('a zero-chain: a point with k leading non-zeros has a gradient with at most k + 1', () => {
    for (let k = 0; k < T; k++) {
      const x = Float64Array.from({ length: T }, (_, j) => (j < k ? lambda * 2 * rng.normal() : 0));
      const { gradient } = at(x);
      expect(gradient.subarray(k + 1).every((g) => g === 0)).toBe(true);
    }
    const reached = Float64Array.from({ length: T }, (_, j) => (j < 5 ? 2 * lambda : 0));
    expect(at(reached).gradient[5]).toBeLessThan(0);
  });

  test('‖∇f‖² > 2ε while x_T = 0; f falls by at most δ⁰; ∇f is L-Lipschitz and no flat function', () => {
    const start = at(new Float64Array(T)).value;
    let steepest = 0;
    for (let trial = 0; trial < 3000; trial++) {
      const x = Float64Array.from({ length: T }, () => lambda * 2 * rng.normal());
      const y = x.map((v) => v + 0.01 * lambda * rng.normal());
      const [a, b] = [at(x), at(y)];
      expect(start - a.value).toBeLessThan(delta);
      const slope =
        Math.hypot(...a.gradient.map((g, j) => g - b.gradient[j])) / Math.hypot(...x.map((v, j) => v - y[j]));
      steepest = Math.max(steepest, slope);
      x[T - 1] = 0;
      expect(at(x).gradient.reduce((sum, g) => sum + g * g, 0)).toBeGreaterThan(2 * epsilon);
    }
    expect(steepest).toBeLessThan(L);
    expect(steepest).toBeGreaterThan(0.05 * L);
  });

  test('ε in place of T', () => {
    expect(create('lower-bound:epsilon=1e-5', 2).dimension).toBe(Math.floor(1 / (2e-5 * 152 * 12)));
    expect(create('lower-bound', 2).dimension).toBe(100);
    expect(() => create('lower-bound:epsilon=1', 2)).toThrow('such that T = 0 lies in [1, 1000000]');
    expect(() => create('lower-bound:epsilon=1e-5,t=3', 2)).toThrow('has no parameter t');
    expect((create('lower-bound', 2).smoothness as Smoothness).estimated).toContain('f');
  });
});

test('constants that follow from the L_i', () => {
  expect(smoothnessFrom([1, 2, 2])).toEqual({
    f: 5 / 3,
    perWorker: [1, 2, 2],
    rms: Math.sqrt(3),
    max: 2,
    LA: 2,
    LB: 0,
    sampleRms: undefined,
    estimated: ['f', 'perWorker', 'rms', 'max', 'LA', 'LB', 'sampleRms'],
  });
  expect(smoothnessFrom([1, 2, 2], [3, 4, 0]).sampleRms).toBe(Math.sqrt(25 / 3));
});

test('initial points', () => {
  expect([...initialPoint('zeros', 3, random)]).toEqual([0, 0, 0]);
  expect(initialPoint('reference', 2, random)[1]).toBe((((7919 + 104_729) % 2003) / 2003 - 0.5) * 0.2);
  const normal = initialPoint('normal:0.5', 20_000, random);
  const variance = normal.reduce((sum, v) => sum + v * v, 0) / 20_000;
  expect(Math.abs(variance - 0.25)).toBeLessThan(0.25 * 4 * Math.sqrt(2 / 20_000));
  for (const bad of ['', 'normal', 'normal:-1', 'ones'])
    expect(() => initialPoint(bad, 2, random)).toThrow('allowed: reference');
});
