import { describe, expect, test } from 'vitest';
import { tridiagonal } from '../dist/problem/scaled-quadratics.js';
import { addScaled, axpy, blend, subtract, type Vector } from '../dist/vector.js';

/** As far as the kernels differ from a loop: with and without them, a few more than fours, more than is staged at a time. */
const LENGTHS = [0, 1, 5, 128, 129, 130, 131, 132, 1000, 2047, 2048, 2049, 5003];

/** Numbers of all magnitudes, with zeros of both signs and what is no number. */
function numbers(length: number, kind: 'Float32Array' | 'Float64Array', seed: number): Vector {
  const out = kind === 'Float32Array' ? new Float32Array(length) : new Float64Array(length);
  const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.MIN_VALUE, 1.4e-45, 3.4e38, 1e-320, 1];
  let word = seed;
  for (let i = 0; i < length; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) | 0;
    const exponent = (word >>> 20) % 60;
    out[i] =
      i % 7 === seed % 7
        ? (special[(word >>> 8) % special.length] as number)
        : (word / 2 ** 20) * 10 ** (exponent - 30);
  }
  return out;
}

describe.each(['Float32Array', 'Float64Array'] as const)(
  'vectors of %s are combined as by a loop, bit for bit',
  (kind) => {
    test.each(LENGTHS)('%i coordinates', (length) => {
      const x = numbers(length, kind, 3);
      const y = numbers(length, kind, 5);
      const a = 0.1;
      const loop = (at: (xi: number, yi: number) => number) => x.map((xi, i) => at(xi, y[i] as number));
      const into = (work: (target: Vector) => void, start: Vector) => {
        const target = start.slice();
        work(target);
        return target;
      };
      expect(into((t) => axpy(a, x, t), y)).toEqual(loop((xi, yi) => yi + a * xi));
      expect(into((t) => addScaled(x, a, y, t), y)).toEqual(loop((xi, yi) => xi + a * yi));
      expect(into((t) => addScaled(t, a, y, t), x)).toEqual(loop((xi, yi) => xi + a * yi));
      expect(into((t) => subtract(x, y, t), x)).toEqual(loop((xi, yi) => xi - yi));
      expect(into((t) => subtract(x, t, t), y)).toEqual(loop((xi, yi) => xi - yi));
      expect(into((t) => blend(a, x, t), y)).toEqual(loop((xi, yi) => a * xi + (1 - a) * yi));
    });
  },
);

describe.each(['Float32Array', 'Float64Array'] as const)('the gradient of a tridiagonal quadratic at %s', (kind) => {
  test.each([1, 2, 3, 4, 5, 1000, 2047, 2048, 2049, 5003])(
    'of %i coordinates is that of its formula, bit for bit',
    (d) => {
      const make = (at: (j: number) => number) => {
        const length = { length: d };
        return kind === 'Float32Array'
          ? Float32Array.from(length, (_, j) => at(j))
          : Float64Array.from(length, (_, j) => at(j));
      };
      const x = make((j) => Math.sin(3 * j + 1));
      const b = Float64Array.from({ length: d }, (_, j) => Math.cos(5 * j + 2));
      const c = 0.37;
      const at = (j: number) => x[j] ?? 0;
      const ax = Array.from({ length: d }, (_, j) => 0.25 * c * (2 * at(j) - at(j - 1) - at(j + 1)));
      const out = make(() => Number.NaN);
      const value = tridiagonal.gradient(c, b, x, out);
      expect(out).toEqual(make((j) => (ax[j] as number) + (b[j] as number)));
      expect(value).toBe(ax.reduce((sum, axj, j) => sum + at(j) * (0.5 * axj + (b[j] as number)), 0));
    },
  );
});
