import { expect, test } from 'vitest';
import { standardNormalQuantile } from '../dist/gaussian.js';
import { Kernels, KeyedRandom, Rng } from '../dist/index.js';
import { GaussianSketch } from '../dist/internal.js';

const random = new KeyedRandom('sketch');
const stream = (round = 0) => random.stream(new Rng(), 'coins', round, 0);

/** ξ_1 … ξ_m, one after another: the projections of the coordinate vectors, read off as combinations. */
function vectors(sketch: GaussianSketch): Float64Array[] {
  return Array.from({ length: sketch.count }, (_, j) => {
    const s = new Float64Array(sketch.count);
    s[j] = 1;
    return sketch.combination(s, 1).slice();
  });
}

test('the values are standard normal, to the tails', () => {
  const count = 4_000_000;
  const [xi] = vectors(new GaussianSketch(count, 1).at(stream()));
  let sum = 0;
  let squares = 0;
  let fourths = 0;
  let beyond = 0;
  const bins = 1000;
  const limits = Float64Array.from({ length: bins - 1 }, (_, k) => standardNormalQuantile((k + 1) / bins));
  const counts = new Float64Array(bins);
  for (const x of xi) {
    sum += x;
    squares += x * x;
    fourths += x ** 4;
    if (Math.abs(x) > 3.7) beyond++;
    let low = 0;
    for (let high = bins - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (x < limits[middle]) high = middle;
      else low = middle + 1;
    }
    counts[low]++;
  }
  // five standard errors
  expect(Math.abs(sum / count)).toBeLessThan(5 / Math.sqrt(count));
  expect(Math.abs(squares / count - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
  expect(Math.abs(fourths / count - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
  const chi = counts.reduce((total, seen) => total + (seen - count / bins) ** 2 / (count / bins), 0);
  expect(Math.abs(chi - (bins - 1))).toBeLessThan(5 * Math.sqrt(2 * bins));
  // P(|x| > 3.7) = 2.1560e-4, most of it drawn from the tail's own generator
  expect(Math.abs(beyond - 2.156e-4 * count)).toBeLessThan(5 * Math.sqrt(2.156e-4 * count));
});

test('the same vectors whatever part of them is kept, and others from another stream', () => {
  const [d, m] = [37, 5];
  const whole = vectors(new GaussianSketch(d, m).at(stream()));
  for (const rows of [0, 1, 4]) {
    const sketch = new GaussianSketch(d, m, new Kernels(), 4 * d * rows).at(stream());
    expect(vectors(sketch)).toEqual(whole);
    expect(vectors(sketch)).toEqual(whole);
    const other = vectors(sketch.at(stream(1)));
    expect(other.every((xi, j) => xi.every((v, i) => v !== whole[j][i]))).toBe(true);
    expect(vectors(sketch.at(stream()))).toEqual(whole);
  }
  expect(new Set(whole.flatMap((xi) => [...xi])).size).toBe(d * m);
});

test('projections are the inner products, and a combination is their sum, whatever was asked before', () => {
  const [d, m] = [41, 7];
  const sketch = new GaussianSketch(d, m).at(stream(3));
  const xi = vectors(sketch);
  const x = Float64Array.from({ length: d }, (_, i) => Math.sin(i));
  const q = new Float64Array(m);
  sketch.project(x, q);
  for (const [j, value] of q.entries()) {
    expect(value).toBeCloseTo(
      xi[j].reduce((sum, v, i) => sum + v * x[i], 0),
      12,
    );
  }
  const sum = (s: Float64Array) =>
    Array.from(x, (_, i) => s.reduce((all, value, j) => all + 0.5 * value * xi[j][i], 0));
  expect([...sketch.combination(q, 0.5)]).toEqual(sum(q));
  expect([...sketch.combination(q, 0.5)]).toEqual(sum(q));
  expect([...sketch.combination(q, -1)]).not.toEqual(sum(q));
  q[3]++;
  expect([...sketch.combination(q, 0.5)]).toEqual(sum(q));
  const before = sum(q);
  sketch.at(stream(4));
  expect([...sketch.combination(q, 0.5)]).not.toEqual(before);
  // kept vectors are added four at a time, drawn ones one at a time
  for (const rows of [0, 3, 4, 6]) {
    expect([...new GaussianSketch(d, m, new Kernels(), 4 * d * rows).at(stream(3)).combination(q, 0.5)]).toEqual(
      before,
    );
  }
});

// A difference here is a change of what both ends of a link draw.
test('golden values', () => {
  const [xi] = vectors(new GaussianSketch(1000, 1).at(stream()));
  const bits = new Uint32Array(Float32Array.from(xi).buffer);
  expect([...xi.subarray(0, 4)]).toMatchInlineSnapshot(`
    [
      1.5872735977172852,
      -0.8244341611862183,
      -0.11853716522455215,
      0.8657332062721252,
    ]
  `);
  expect(bits.reduce((hash, word) => Math.imul(hash ^ word, 0x01000193) >>> 0, 0)).toMatchInlineSnapshot(`1024290700`);
});
