import { expect, test } from 'vitest';
import { type Extremes, lanczos } from '../dist/problem/lanczos.js';
import { KeyedRandom, Rng } from '../dist/random.js';
import { eigenvalues } from '../dist/testing/curvature.js';

const rng = new KeyedRandom('lanczos test').stream(new Rng(), 'init', 0, 0);
const multiply = (columns: readonly Float64Array[]) => (v: Float64Array, out: Float64Array) => {
  out.fill(0);
  for (const [k, column] of columns.entries()) for (let j = 0; j < out.length; j++) out[j] += column[j] * v[k];
};
const never = () => false;
/** B Bᵀ − shift I, B (d × rank). */
function matrix(d: number, rank: number, shift: number): Float64Array[] {
  const b = Array.from({ length: d }, () => Float64Array.from({ length: rank }, () => rng.normal()));
  return b.map((row, i) =>
    Float64Array.from(b, (other, j) => row.reduce((sum, v, k) => sum + v * other[k], i === j ? -shift : 0)),
  );
}

test.each([
  [1, 1, 0],
  [2, 2, 1],
  [17, 17, 3],
  [40, 60, 0],
  [40, 5, 0],
  [40, 5, 100],
])('%i × %i of rank %i: both ends of the spectrum', (d, rank, shift) => {
  const columns = matrix(d, rank, shift);
  const all = eigenvalues(columns);
  const size = Math.max(...all.map(Math.abs));
  const { min, max } = lanczos(d, multiply(columns), never, d) as Extremes;
  expect(Math.abs(min.value - Math.min(...all))).toBeLessThan(1e-12 * size);
  expect(Math.abs(max.value - Math.max(...all))).toBeLessThan(1e-12 * size);
  expect(Math.max(min.error, max.error)).toBeLessThan(1e-10 * size);
});

test('repeated eigenvalues, and none but zero', () => {
  const d = 9;
  const identity = Array.from({ length: d }, (_, j) => Float64Array.from({ length: d }, (_, i) => (i === j ? 3 : 0)));
  const same = lanczos(d, multiply(identity), never, d) as Extremes;
  for (const { value, error } of [same.min, same.max]) {
    expect(value).toBeCloseTo(3, 14);
    expect(error).toBe(0);
  }
  const zero = lanczos(d, (_v, out) => out.fill(0), never, d) as Extremes;
  expect([zero.min.value, zero.max.value]).toEqual([0, 0]);
});

test('after few steps the error says how far off it is', () => {
  const d = 60;
  const columns = matrix(d, 90, 0);
  const largest = Math.max(...eigenvalues(columns));
  for (const steps of [4, 8, 16, 32]) {
    const { max } = lanczos(d, multiply(columns), never, steps) as Extremes;
    expect(max.value).toBeLessThanOrEqual(largest * (1 + 1e-13));
    expect(max.value + max.error, `${steps} steps`).toBeGreaterThanOrEqual(largest * (1 - 1e-13));
  }
  let asked = 0;
  const { max } = lanczos(
    d,
    multiply(columns),
    ({ max: { value, error } }) => {
      asked++;
      return error < 1e-3 * value;
    },
    d,
  ) as Extremes;
  expect(Math.abs(max.value / largest - 1)).toBeLessThan(1e-3);
  expect(asked).toBeLessThan(15);
});

test('nothing comes of numbers that overflow, nor of no steps', () => {
  expect(lanczos(3, (v, out) => out.set(v.map((c) => 1e200 * c * 1e200)), never, 3)).toBeUndefined();
  expect(lanczos(3, (v, out) => out.set(v), never, 0.5)).toBeUndefined();
});

test('without a step nothing as long as the dimension is made, which may be refused for its size later', () => {
  const never = () => {
    throw new Error('there are no steps');
  };
  expect(lanczos(2 ** 33, never, never, 0.9)).toBeUndefined();
});
