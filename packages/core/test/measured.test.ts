import { describe, expect, test } from 'vitest';
import { Kernels, KeyedRandom, problems, Rng, type Smoothness, Spec } from '../dist/index.js';
import { type Derivatives, loadData, measureSmoothness } from '../dist/internal.js';
import { eigenvalues } from '../dist/testing/curvature.js';

const ALL = { LA: true, LPlusMinus: true };
const random = new KeyedRandom('measured');

/** f_i with gradients and Hessians (by columns) in closed form. */
function derivatives(
  dimension: number,
  gradients: readonly ((x: Float64Array) => ArrayLike<number>)[],
  hessians: readonly ((x: Float64Array) => readonly Float64Array[])[],
  value: (x: Float64Array) => number,
): Derivatives & { asked: number } {
  const workers = gradients.length;
  return {
    workers,
    dimension,
    asked: 0,
    async gradient(x, out) {
      out.fill(0);
      for (const own of gradients) {
        const g = own(x);
        for (let j = 0; j < dimension; j++) out[j] += g[j] / workers;
      }
      return value(x);
    },
    async products(x, asked, v, take) {
      for (const i of asked) {
        this.asked++;
        const product = new Float64Array(dimension);
        for (const [k, column] of hessians[i](x).entries())
          for (let j = 0; j < dimension; j++) product[j] += column[j] * v(i)[k];
        take(i, product);
      }
    },
  };
}

/** Random symmetric matrices about a common one, of both signs, and the quadratics that have them. */
function quadratics(workers: number, d: number, spread: number) {
  const rng = random.stream(new Rng(), 'init', 0, workers);
  const symmetric = () => {
    const a = Array.from({ length: d }, () => Float64Array.from({ length: d }, () => rng.normal()));
    return a.map((row, i) => row.map((v, j) => (v + a[j][i]) / 2));
  };
  const common = symmetric();
  const own = Array.from({ length: workers }, () => {
    const other = symmetric();
    return common.map((column, k) => column.map((v, j) => v + spread * other[k][j]));
  });
  const times = (h: readonly Float64Array[], x: Float64Array) =>
    Float64Array.from(x, (_, j) => h.reduce((sum, column, k) => sum + column[j] * x[k], 0));
  const mean = common.map((_, k) =>
    Float64Array.from(common, (_, j) => own.reduce((s, h) => s + h[k][j] / workers, 0)),
  );
  const f = derivatives(
    d,
    own.map((h) => (x: Float64Array) => times(h, x)),
    own.map((h) => () => h),
    (x) => 0.5 * times(mean, x).reduce((sum, v, j) => sum + v * x[j], 0),
  );
  const norm = (h: readonly Float64Array[]) => Math.max(...eigenvalues(h).map(Math.abs));
  const minus = own.map((h) => h.map((column, k) => column.map((v, j) => v - mean[k][j])));
  const variance = mean.map((_, k) =>
    Float64Array.from(mean, (_, j) => minus.reduce((s, h) => s + h.reduce((t, c) => t + c[k] * c[j], 0) / workers, 0)),
  );
  const lengths = own.map(norm);
  const exact = {
    f: norm(mean),
    rms: Math.hypot(...lengths) / Math.sqrt(workers),
    max: Math.max(...lengths),
    LA: Math.SQRT2 * Math.max(...minus.map(norm)),
    LB: (Math.SQRT2 * lengths.reduce((s, L) => s + L, 0)) / workers,
    LPlusMinus: Math.sqrt(norm(variance)),
  };
  return { f, exact };
}

describe('quadratics: what is measured is exact, to 0.2 per cent and from below', () => {
  test.each([
    [1, 6, 1],
    [4, 12, 1],
    [5, 30, 0.1],
    [7, 30, 3],
  ])('n = %i, d = %i, spread %d', async (workers, d, spread) => {
    const { f, exact } = quadratics(workers, d, spread);
    // no minimum: the path goes where the curvature is negative, and f falls all the same
    const found = await measureSmoothness(f, new Float64Array(d).fill(1e-3), random, undefined, ALL);
    if (found === undefined) throw new Error('nothing was measured');
    for (const [name, value] of Object.entries(exact)) {
      const got = found[name as keyof Smoothness] as number;
      expect(got, name).toBeLessThanOrEqual(value * (1 + 1e-9) + 1e-12);
      expect(got, name).toBeGreaterThanOrEqual(value * (1 - 2e-3) - 1e-3 * (workers === 1 ? 1 : 0));
    }
    expect(found.LPlusMinus as number).toBeLessThanOrEqual(found.rms);
    expect(found.measured).toEqual(['f', 'perWorker', 'rms', 'max', 'LA', 'LB', 'LPlusMinus']);
  });

  test('equal f_i have L_A = L_± = 0', async () => {
    const { f } = quadratics(3, 10, 0);
    const found = await measureSmoothness(f, new Float64Array(10).fill(1e-3), random, undefined, ALL);
    expect(found).toMatchObject({ LA: 0, LPlusMinus: 0 });
  });
});

/** f_i(x) = log(1 + e^{−a_i x}) + x/2, whose second derivative a_i² σ(1 − σ) has its maximum at 0, where ∇f is (1 − ā)/2. */
function logistic(a: readonly number[]) {
  const sigma = (t: number) => 1 / (1 + Math.exp(-t));
  return derivatives(
    1,
    a.map((ai) => ([x]: Float64Array) => [-ai * sigma(-ai * x) + 0.5]),
    a.map((ai) => ([x]: Float64Array) => [Float64Array.of(ai * ai * sigma(ai * x) * sigma(-ai * x))]),
    ([x]) => a.reduce((sum, ai) => sum + Math.log1p(Math.exp(-ai * x)) + x / 2, 0) / a.length,
  );
}

test('logistic regression in one dimension, by hand', async () => {
  // f_i″(0) = a_i²/4 = 1/4 and 9/4; the mean 5/4, both 1 away from it
  const found = await measureSmoothness(logistic([1, 3]), Float64Array.of(0), random, undefined, ALL);
  const expected = {
    f: 1.25,
    max: 2.25,
    rms: Math.sqrt((1 + 81) / 32),
    LA: Math.SQRT2,
    LB: 1.25 * Math.SQRT2,
    LPlusMinus: 1,
  };
  for (const [name, value] of Object.entries(expected))
    expect(found?.[name as keyof Smoothness]).toBeCloseTo(value, 12);
  expect(found?.perWorker).toEqual([0.25, 2.25]);
  expect(found?.points.map(({ round }) => round)).toEqual([0, 5, 20, 50]);
  expect(found?.points[0].gradNormSq).toBeCloseTo(0.25, 14);
});

test('what is not asked for is not measured: L_max and 0 stand for L_A and L_B, and it takes n times fewer products', async () => {
  const [full, part] = [quadratics(12, 20, 1).f, quadratics(12, 20, 1).f];
  const start = new Float64Array(20).fill(1e-3);
  const [all, some] = [
    await measureSmoothness(full, start, random, undefined, ALL),
    await measureSmoothness(part, start, random, undefined, { LA: false, LPlusMinus: false }),
  ];
  expect(some).toMatchObject({
    f: all?.f,
    rms: all?.rms,
    LA: all?.max,
    LB: 0,
    measured: ['f', 'perWorker', 'rms', 'max'],
  });
  expect(some?.LPlusMinus).toBeUndefined();
  expect(full.asked).toBeGreaterThan(5 * part.asked);
});

test('where f has no curvature at x⁰: a bound of it says how far to go, and without one there is nothing', async () => {
  // f(x) = x for x ≤ 0, x − x³/6 for 0 ≤ x ≤ 1, on the way down from 0 to the left: nothing; to the right: curvature x
  const ramp = derivatives(
    1,
    [([x]) => [x < 0 ? -1 : -1 + Math.min(x, 1) ** 2 / 2]],
    [([x]) => [Float64Array.of(x < 0 ? 0 : Math.min(x, 1))]],
    ([x]) => (x < 0 ? -x : x < 1 ? -x + x ** 3 / 6 : -1 + 1 / 6 - (x - 1) / 2),
  );
  const known = { f: 4, perWorker: [4], rms: 4, max: 4, LA: 4, LB: 0, sampleRms: 7, mu: undefined };
  const found = await measureSmoothness(ramp, Float64Array.of(0), random, known, ALL);
  // after 5 steps of at most 1/4 the curvature is 1
  expect(found).toMatchObject({ f: 1, max: 1, sampleRms: 7 });
  expect(await measureSmoothness(ramp, Float64Array.of(0), random, undefined, ALL)).toBeUndefined();
});

test('a function that is not finite at x⁰ has nothing to measure', async () => {
  const f = derivatives(1, [() => [Number.NaN]], [() => [Float64Array.of(1)]], () => 1);
  expect(await measureSmoothness(f, Float64Array.of(0), random, undefined, ALL)).toBeUndefined();
});

describe('bounds of losses of a_jᵀx', () => {
  test('nonconvex-logistic: ℓ″ lies between −0.1202 and 0.1541, and L_± is half the distance', async () => {
    const family = problems['nonconvex-logistic'];
    const text = 'nonconvex-logistic:bias=false,lambda=0';
    const data = { x: Float64Array.of(1, 1), shape: [2, 1] as const, y: Float64Array.of(1, -1) };
    const { shared } = await loadData(family, Spec.parse('problem', text), {
      data,
      split: 'contiguous',
      workers: 2,
      random,
    });
    const problem = family.create(Spec.parse('problem', text), { ...shared, workers: 2, random });
    const oracle = problem.oracle(0, new Kernels());
    const slope = (t: number) => {
      const out = new Float64Array(1);
      oracle.gradient(Float64Array.of(t), out);
      return out[0];
    };
    const curvatures = Array.from({ length: 4001 }, (_, k) => -10 + k / 200).map(
      (t) => (slope(t + 1e-4) - slope(t - 1e-4)) / 2e-4,
    );
    const half = (Math.max(...curvatures) - Math.min(...curvatures)) / 2;
    const { LPlusMinus = 0, estimated } = problem.smoothness as Smoothness;
    expect(LPlusMinus).toBeGreaterThanOrEqual(half);
    expect(LPlusMinus).toBeLessThan(half * 1.002);
    expect(estimated).toContain('LPlusMinus');
  });
});
