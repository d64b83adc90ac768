import { beforeAll, describe, expect, test } from 'vitest';
import { type Dataset, shared } from '../dist/data/dataset.js';
import { loadMnist } from '../dist/data/mnist.js';
import { type Shards, split } from '../dist/data/split.js';
import { Kernels } from '../dist/kernels/kernels.js';
import { problems } from '../dist/problem/index.js';
import { initialPoint } from '../dist/problem/initial-point.js';
import { type Oracle, type Problem, type Smoothness, smoothnessFrom } from '../dist/problem/problem.js';
import { KeyedRandom, Rng } from '../dist/random.js';
import { Spec } from '../dist/spec.js';

const random = new KeyedRandom('problems');

/** A small random data set. */
function smallData(samples: number, features: number): Dataset {
  const rng = random.stream(new Rng(), 'init', samples, features);
  const rows = Array.from({ length: samples }, () =>
    Array.from({ length: features }, (_, j) => j)
      .filter((j) => j % 5 !== 2 && rng.uniform() < 0.4)
      .map((j): [number, number] => [j, rng.normal()]),
  );
  const flat = rows.flat();
  const value = shared(Float64Array, flat.length);
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
  return { name: 'small', samples, features, rowStart, column, value, scale: 1, label };
}

function create(spec: string, workers: number, data?: Dataset, shards?: Shards): Problem {
  const parsed = Spec.parse('problem', spec);
  const input = { workers, random, data, shards };
  return problems[parsed.name].create(parsed, input);
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

const point = (dimension: number, scale: number) => initialPoint(`normal:${scale}`, { dimension }, random);

test('logistic is finite far out, and λ-strongly convex', () => {
  const data = smallData(23, 17);
  const problem = create('logistic:lambda=0.02', 1, data, split('contiguous', data, 1, random));
  const [x, y] = [point(18, 0.5), point(18, 2).reverse()];
  const [fx, fy] = [evaluate(problem, 1, x), evaluate(problem, 1, y)];
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

describe('on MNIST', () => {
  let data: Dataset;
  beforeAll(async () => {
    data = await loadMnist();
  });

  test.each([1, 7, 20])('autoencoder with %i workers has the exact values at the reference point', (workers) => {
    const problem = create('autoencoder', workers, data, split('shuffled', data, workers, random));
    expect(problem.dimension).toBe(25_088);
    const { value, gradient } = evaluate(problem, workers, initialPoint('reference', problem, random));
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

test('heterogeneous-quadratic: ξ_i is truncated to [−ν, ν], not moved to its ends', () => {
  const { smoothness } = create('heterogeneous-quadratic:d=3,nu=1,sigma=1', 4000);
  // ‖X‖ = ½(1 + cos(π/4)), L_i = (1 + ξ_i)‖X‖; of clipped ξ_i a third would be at an end
  const norm = 0.5 * (1 + Math.cos(Math.PI / 4));
  const xi = smoothness?.perWorker?.map((L) => L / norm - 1) ?? [];
  expect(xi).toHaveLength(4000);
  expect(xi.filter((v) => Math.abs(v) > 1 - 1e-9)).toEqual([]);
  // variance 0.29112; clipped it would be 0.516
  const variance = xi.reduce((sum, v) => sum + v * v, 0) / 4000;
  expect(Math.abs(variance - 0.29112)).toBeLessThan(4 * Math.sqrt((0.1645 - 0.29112 ** 2) / 4000));
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

/** Ψ and Φ by their definitions, Φ by Simpson’s rule. */
const Psi = (z: number) => (z <= 0.5 ? 0 : Math.exp(1 - 1 / (2 * z - 1) ** 2));
const Phi = (z: number) => {
  const [low, steps] = [-12, 4000];
  const h = (z - low) / steps;
  let sum = 0;
  for (let k = 0; k <= steps; k++) {
    sum += (k === 0 || k === steps ? 1 : k % 2 === 1 ? 4 : 2) * Math.exp(-((low + k * h) ** 2) / 2);
  }
  return (Math.sqrt(Math.E) * sum * h) / 3;
};

describe('lower-bound', () => {
  const T = 12;
  const n = 5;
  const [L, delta] = [5, 3];
  const epsilon = (delta * L) / (2 * T * 152 * 12);
  const problem = create(`lower-bound:t=${T},l=${L},delta=${delta}`, n);
  const lambda = (Math.sqrt(2 * epsilon) * 152) / L;
  const at = (x: Float64Array) => evaluate(problem, n, x);
  const oracles = (of = problem, workers = n) => Array.from({ length: workers }, (_, i) => of.oracle(i, new Kernels()));
  const valueAndGradient = (oracle: Oracle, x: Float64Array) => {
    const gradient = new Float64Array(x.length);
    return { value: oracle.gradient(x, gradient), gradient };
  };
  const rng = random.stream(new Rng(), 'init', 1, 1);
  const normal = (scale: number, length = T) => Float64Array.from({ length }, () => scale * rng.normal());

  test('the blocks are dealt out, n times the share: f_i has blocks i, i + n, i + 2n, …', () => {
    const block = (x: Float64Array, j: number) =>
      j === 1 ? -Psi(1) * Phi(x[0]) : Psi(-x[j - 2]) * Phi(-x[j - 1]) - Psi(x[j - 2]) * Phi(x[j - 1]);
    for (const scale of [0.5, 1, 3]) {
      const x = normal(scale);
      for (const [worker, oracle] of oracles().entries()) {
        let share = 0;
        for (let j = worker + 1; j <= T; j += n) share += block(x, j);
        const { value } = valueAndGradient(
          oracle,
          x.map((v) => v * lambda),
        );
        expect(value / ((n * L * lambda * lambda) / 152)).toBeCloseTo(share, 10);
      }
    }
  });

  test('their mean is the function that all workers hold when it is not dealt', () => {
    const equal = create(`lower-bound:t=${T},l=${L},delta=${delta},dealt=false`, n);
    for (const scale of [0.5, 1, 3]) {
      const x = normal(scale * lambda);
      const { value, gradient } = at(x);
      for (const oracle of oracles(equal)) {
        const one = valueAndGradient(oracle, x);
        expect(Math.abs(one.value / value - 1)).toBeLessThan(1e-12);
        for (let j = 0; j < T; j++) expect(one.gradient[j]).toBeCloseTo(gradient[j], 14);
      }
    }
    // one worker holds all blocks either way
    const x = normal(lambda);
    const alone = valueAndGradient(create(`lower-bound:t=${T},l=${L},delta=${delta}`, 1).oracle(0, new Kernels()), x);
    expect(Math.abs(alone.value / at(x).value - 1)).toBeLessThan(1e-12);
  });

  test('a zero-chain: after k leading non-zeros the gradient has one more, which one worker alone sees', () => {
    for (let k = 0; k < T; k++) {
      const x = Float64Array.from({ length: T }, (_, j) => (j < k ? 2 * lambda : 0));
      for (const [worker, oracle] of oracles().entries()) {
        const { gradient } = valueAndGradient(oracle, x);
        expect(gradient.subarray(k + 1).every((g) => g === 0)).toBe(true);
        expect(gradient[k] < 0, `worker ${worker}, coordinate ${k}`).toBe(worker === k % n);
      }
      const out = new Float64Array(1);
      problem.oracle(k % n, new Kernels()).metrics?.(x, out);
      expect(out[0], 'prog').toBe(k);
    }
    expect(problem.metrics).toEqual([{ name: 'prog', better: 'higher' }]);
  });

  test('‖∇f‖² > 2ε while x_T = 0; f falls by at most δ⁰; ∇f is L-Lipschitz and no flat function', () => {
    const start = at(new Float64Array(T)).value;
    let steepest = 0;
    for (let trial = 0; trial < 3000; trial++) {
      const x = normal(lambda * 2);
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

  test('L_i of a worker is the largest curvature of a block, on a grid, and no more', () => {
    // B(a, b) = −Ψ(a) Φ(b): the norm of its Hessian by Ψ′ = 4Ψ/y³, Ψ″ = Ψ(16/y⁶ − 24/y⁴), y = 2a − 1, and Φ″ = −b Φ′
    let most = 0;
    let rowOfB = 0;
    for (let b = -4; b <= 10; b += 0.05) {
      const [big, slope] = [Phi(b), Math.exp(0.5 - (b * b) / 2)];
      for (let a = 0.5005; a <= 4; a += a < 1 ? 0.0005 : 0.01) {
        const y = 2 * a - 1;
        const psi = Psi(a);
        const [aa, ab, bb] = [psi * (16 / y ** 6 - 24 / y ** 4) * big, (4 * psi * slope) / y ** 3, -psi * b * slope];
        most = Math.max(most, Math.abs(aa + bb) / 2 + Math.hypot((aa - bb) / 2, ab));
        rowOfB = Math.max(rowOfB, Math.hypot(ab, bb));
      }
    }
    const { perWorker, f, LA, LB, estimated } = problem.smoothness as Smoothness;
    const block = perWorker[1] / ((n * L) / 152);
    expect(most).toBeLessThanOrEqual(block * (1 + 1e-9));
    expect(most).toBeGreaterThan(block * (1 - 1e-5));
    // L_A = √n L takes its two rows
    expect(rowOfB).toBeLessThanOrEqual(Math.sqrt(54));
    expect(block + Math.sqrt(54)).toBeLessThan(152);
    expect([f, LA, LB]).toEqual([L, Math.sqrt(n) * L, 0]);
    expect(estimated).toEqual(['f', 'LA', 'LB']);
    // who has block 1 alone, and who has none
    const few = create(`lower-bound:t=2,l=${L}`, 4).smoothness as Smoothness;
    expect(few.perWorker).toEqual([(4 * L) / 152, (4 * L * block) / 152, 0, 0].map((v) => expect.closeTo(v, 12)));
    expect((create(`lower-bound:l=${L},dealt=false`, 3).smoothness as Smoothness).perWorker).toEqual([L, L, L]);
    expect((create(`lower-bound:l=${L}`, 1).smoothness as Smoothness).perWorker).toEqual([L]);
  });

  test('ε in place of T', () => {
    expect(create('lower-bound:epsilon=1e-5', 2).dimension).toBe(Math.floor(1 / (2e-5 * 152 * 12)));
    expect(create('lower-bound', 2).dimension).toBe(100);
    expect(() => create('lower-bound:epsilon=1', 2)).toThrow('such that T = 0 lies in [1, 1000000]');
    expect(() => create('lower-bound:epsilon=1e-5,t=3', 2)).toThrow('has no parameter t');
    expect(() => create('lower-bound:dealt=no', 2)).toThrow('dealt must be true or false');
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
  expect([...initialPoint('zeros', { dimension: 3 }, random)]).toEqual([0, 0, 0]);
  expect(initialPoint('reference', { dimension: 2 }, random)[1]).toBe((((7919 + 104_729) % 2003) / 2003 - 0.5) * 0.2);
  const normal = initialPoint('normal:0.5', { dimension: 20_000 }, random);
  const variance = normal.reduce((sum, v) => sum + v * v, 0) / 20_000;
  expect(Math.abs(variance - 0.25)).toBeLessThan(0.25 * 4 * Math.sqrt(2 / 20_000));
  for (const bad of ['', 'normal', 'normal:-1', 'ones'])
    expect(() => initialPoint(bad, { dimension: 2 }, random)).toThrow('allowed: reference');
});
