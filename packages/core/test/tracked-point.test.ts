import { expect, test } from 'vitest';
import type { Incoming, Sparse } from '../dist/message.js';
import { TrackedPoint } from '../dist/method/tracked-point.js';
import { gradientOf, linearFunction, productOf } from './support.js';

const start = Float64Array.from({ length: 16 }, (_, j) => (j % 5) - 2);

const dense = (vector: Float64Array): Incoming => ({
  form: 'dense',
  coins: 0,
  vectors: 1,
  copyTo: (target) => target.set(vector),
  addTo() {
    throw new Error('a dense message is a new point, not a step');
  },
});

/** A step by one in the first `count` of the coordinates 15, 14, …; listed, or not. */
const step = (count: number, listed: boolean): Incoming => {
  const index = Int32Array.from({ length: count + 1 }, (_, k) => 15 - k);
  const sparse: Sparse = { index, values: new Float64Array(count + 1).fill(1), count };
  return {
    form: 'compressed',
    coins: 0,
    vectors: 1,
    sparse: listed ? sparse : undefined,
    copyTo() {
      throw new Error('a compressed message is a step, not a point');
    },
    addTo(target, weight) {
      for (let k = 0; k < count; k++) target[index[k]] += weight;
    },
  };
};

/** Holds a point and its gradient to plain loops. */
function expectAt(point: TrackedPoint, x: ArrayLike<number>): void {
  expect([...point.x]).toEqual(Array.from(x));
  if (point.product !== undefined) expect([...point.product]).toEqual(productOf(x));
  const gradient = new Float64Array(16);
  const value = point.gradient(gradient);
  expect([...gradient]).toEqual(gradientOf(x));
  expect(value).toBe(productOf(x).reduce((sum, v) => sum + (v * v) / 2, 0));
}

test('starts at a copy, with one product, and takes gradients from there', () => {
  const { f, calls } = linearFunction();
  const from = start.slice();
  const point = TrackedPoint.from(from, f);
  from.fill(9);
  expectAt(point, start);
  expect(calls).toEqual({ gradient: 0, product: 1, addProduct: 0, gradientAt: 1 });
});

test('a dense message is the new point', () => {
  const { f, calls } = linearFunction();
  const point = TrackedPoint.from(start, f);
  const next = start.map((v, j) => 2 * v + j);
  point.receive(dense(next));
  expectAt(point, next);
  expect(calls).toMatchObject({ product: 2, addProduct: 0 });
});

test.each([
  [2, true, 'followed: an eighth of the coordinates', { product: 1, addProduct: 1 }],
  [0, true, 'followed: nothing has moved', { product: 1, addProduct: 1 }],
  [3, true, 'computed anew: more than an eighth', { product: 2, addProduct: 0 }],
  [2, false, 'computed anew: the coordinates are not listed', { product: 2, addProduct: 0 }],
])('a step in %i of 16 coordinates, listed: %s, is %s', (count, listed, _what, expected) => {
  const { f, calls } = linearFunction();
  const point = TrackedPoint.from(start, f);
  point.receive(step(count, listed));
  expectAt(
    point,
    start.map((v, j) => v + (j > 15 - count ? 1 : 0)),
  );
  expect(calls).toMatchObject(expected);
});

test('in f32 the product follows what the coordinates have moved by, rounded as they are', () => {
  const { f, calls } = linearFunction();
  const point = TrackedPoint.from(
    Float32Array.from(start, (v) => v + 0.1),
    f,
  );
  const tiny = step(2, true);
  const { index, count } = tiny.sparse as Sparse;
  const values = new Float64Array(3).fill(1e-3 / 3);
  const third: Incoming = {
    ...tiny,
    sparse: { index, values, count },
    addTo: (target) => {
      for (let k = 0; k < count; k++) target[index[k]] += values[k];
    },
  };
  for (let round = 0; round < 3000; round++) point.receive(third);
  expect(calls).toMatchObject({ product: 1, addProduct: 3000 });
  // rounding has taken each of the two further from 1 more than it was than an f64 step would be
  expect(Math.abs(point.x[15] - start[15] - 1.1)).toBeGreaterThan(1e-6);
  const expected = productOf(point.x);
  for (const [i, v] of (point.product as Float64Array).entries()) expect(Math.abs(v - expected[i])).toBeLessThan(1e-9);
});

test('the gradient of a dense round is the gradient, or what the function has for one', () => {
  const { f } = linearFunction();
  const [out, expected] = [new Float64Array(16), new Float64Array(16)];
  const point = TrackedPoint.from(start, f);
  expect(point.denseGradient(out)).toBe(point.gradient(expected));
  expect(out).toEqual(expected);
  const other = TrackedPoint.from(start, {
    gradient: () => 1,
    denseGradient: (x, target) => {
      target.set(x);
      return 2;
    },
  });
  expect([other.gradient(out), other.denseGradient(out)]).toEqual([1, 2]);
  expect(out).toEqual(start);
});

test('a copy is another point at the same place, without a product of its own to compute', () => {
  const { f, calls } = linearFunction();
  const w = TrackedPoint.from(start, f);
  const z = w.copy();
  expect(calls.product).toBe(1);
  w.receive(step(2, true));
  expectAt(z, start);
  z.receive(dense(new Float64Array(16)));
  expectAt(z, new Float64Array(16));
  expectAt(
    w,
    start.map((v, j) => v + (j > 13 ? 1 : 0)),
  );
});

test('blend moves a point and its product to β other + (1 − β) x, and leaves the other', () => {
  const { f, calls } = linearFunction();
  const w = TrackedPoint.from(start, f);
  const z = w.copy();
  w.receive(step(2, true));
  const there = w.x.slice();
  z.blend(0.25, w);
  expectAt(
    z,
    start.map((v, j) => 0.25 * there[j] + 0.75 * v),
  );
  expectAt(w, there);
  expect(calls.product).toBe(1);
});

test('without a linear map it is the point alone', () => {
  const { f, calls } = linearFunction();
  const w = TrackedPoint.from(start, { gradient: f.gradient });
  const z = w.copy();
  w.receive(step(2, true));
  z.blend(0.5, w);
  expect([w.product, z.product]).toEqual([undefined, undefined]);
  expectAt(
    z,
    start.map((v, j) => v + (j > 13 ? 0.5 : 0)),
  );
  expect(calls).toEqual({ gradient: 1, product: 0, addProduct: 0, gradientAt: 0 });
});
