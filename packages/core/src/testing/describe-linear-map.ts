import { expect, test } from 'vitest';
import type { LinearMap, Oracle } from '../problem/problem.js';
import { norm } from './curvature.js';
import type { MadeProblem } from './suite-options.js';

/** Holds the linear maps of a problem's oracles to their contract. Part of `describeProblem`. */
export function describeLinearMap(made: () => MadeProblem): void {
  const mapOf = (oracle: Oracle) => oracle.linearMap as LinearMap;
  /** A new product. */
  const productAt = (oracle: Oracle, x: Float64Array) => {
    const product = mapOf(oracle).allocate();
    expect(
      product.every((v) => v === 0),
      'allocated as zeros',
    ).toBe(true);
    mapOf(oracle).product(x, product);
    return product;
  };
  /** Compares value and gradient at x with those from its product. */
  const compare = (oracle: Oracle, x: Float64Array, product: Float64Array) => {
    const exact = new Float64Array(x.length);
    const found = new Float64Array(x.length).fill(Number.NaN);
    const value = oracle.gradient(x, exact);
    expect(Math.abs(mapOf(oracle).gradientAt(x, product, found) - value)).toBeLessThan(1e-12 * Math.abs(value));
    expect(norm(found.map((v, j) => v - exact[j]))).toBeLessThan(1e-12 * norm(exact));
  };

  test('after steps of any number of coordinates', () => {
    const { oracles, point, rng } = made();
    for (const oracle of oracles) {
      const x = point();
      const product = productAt(oracle, x);
      compare(oracle, x, product);
      const all = Int32Array.from(x, (_, j) => j);
      for (const count of [0, 1, x.length >> 4, x.length >> 1, x.length]) {
        rng.shuffle(all);
        // there may be more of both than `count`
        const values = Float64Array.from({ length: count + 3 }, () => rng.normal());
        for (let k = 0; k < count; k++) x[all[k]] += values[k];
        mapOf(oracle).addProduct(all, values, count, product);
        compare(oracle, x, product);
      }
    }
  });

  test('as a combination of products at a combination of points', () => {
    const { oracles, point } = made();
    const blend = (a: Float64Array, b: Float64Array) => {
      for (let j = 0; j < a.length; j++) a[j] = 0.3 * a[j] + 0.7 * b[j];
    };
    for (const oracle of oracles) {
      const [x, y] = [point(), point()];
      const [ofX, ofY] = [productAt(oracle, x), productAt(oracle, y)];
      blend(x, y);
      blend(ofX, ofY);
      compare(oracle, x, ofX);
    }
  });

  test.each(['f64', 'f32'] as const)(
    'points where the kernels reach them are as good as any: the same bits, %s',
    (precision) => {
      const { oracles, point, problem } = made();
      if (precision === 'f32' && problem.precisions?.includes('f32') !== true) return;
      const of = (values: ArrayLike<number>) =>
        (precision === 'f32' ? Float32Array.from(values) : Float64Array.from(values)) as Float64Array;
      for (const oracle of oracles) {
        const map = mapOf(oracle);
        if (map.allocatePoint === undefined) continue;
        const reached = (from?: Float64Array) => {
          const own = map.allocatePoint?.(precision) as Float64Array;
          expect(
            own.every((v) => v === 0),
            'allocated as zeros',
          ).toBe(true);
          own.set(from ?? []);
          return own;
        };
        const [x, y] = [of(point()), of(point())];
        const out = of(new Float64Array(x.length));
        const product = productAt(oracle, x);
        const value = map.gradientAt(x, product, out);
        const [ownX, ownOut] = [reached(x), reached()];
        expect([map.gradientAt(ownX, product, ownOut), oracle.gradient(ownX, ownOut)]).toEqual([
          value,
          oracle.gradient(x, out),
        ]);
        expect([...ownOut]).toEqual([...out]);
        expect(productAt(oracle, ownX)).toEqual(product);
        // of points that lie in different places too
        const sum = x.map((v, j) => 0.3 * v + (1 - 0.3) * y[j]);
        for (const [a, b] of [
          [ownX, reached(y)],
          [x, reached(y)],
          [ownX, y.slice()],
        ] as const) {
          map.blend?.(0.3, a, b);
          if (map.blend !== undefined) expect([...b]).toEqual([...sum]);
        }
        const ofY = productAt(oracle, y);
        const ofSum = product.map((v, j) => 0.3 * v + (1 - 0.3) * ofY[j]);
        map.blend?.(0.3, product, ofY);
        if (map.blend !== undefined) expect([...ofY]).toEqual([...ofSum]);
      }
    },
  );

  test('after thousands of sparse steps', () => {
    const { oracles, point, rng } = made();
    const [oracle] = oracles;
    const x = point();
    const updated = productAt(oracle, x);
    const count = Math.min(5, x.length);
    const stride = Math.floor(x.length / count);
    const index = new Int32Array(count);
    for (let step = 0; step < 5000; step++) {
      const values = Float64Array.from(index, () => 0.1 * rng.normal());
      for (let k = 0; k < count; k++) {
        index[k] = k * stride + rng.below(stride);
        x[index[k]] += values[k];
      }
      mapOf(oracle).addProduct(index, values, count, updated);
    }
    const anew = productAt(oracle, x);
    const size = Math.max(...anew.map(Math.abs));
    expect(Math.max(...updated.map((v, j) => Math.abs(v - anew[j])))).toBeLessThan(1e-12 * size);
  });
}
