import type { TrackedFunction } from '../dist/method/tracked-point.js';
import type { Vector } from '../dist/vector.js';

/** Rows of A: 2 × 16, small whole numbers, so that every sum is exact. */
const rows = [0, 1].map((i) => Array.from({ length: 16 }, (_, j) => ((3 * j + 5 * i) % 7) - 3));

/** A x, by plain loops. */
export function productOf(x: ArrayLike<number>): number[] {
  return rows.map((row) => row.reduce((sum, a, j) => sum + a * x[j], 0));
}

/** Aᵀ A x, by plain loops: the gradient of f(x) = ½‖A x‖². */
export function gradientOf(x: ArrayLike<number>): number[] {
  const product = productOf(x);
  return rows[0].map((_, j) => rows.reduce((sum, row, i) => sum + row[j] * product[i], 0));
}

/** f(x) = ½‖A x‖² in 16 dimensions with its linear map, and how often each operation was asked for. */
export function linearFunction() {
  const calls = { gradient: 0, product: 0, addProduct: 0, gradientAt: 0 };
  const write = (product: ArrayLike<number>, out: Vector): number => {
    out.forEach((_, j) => {
      out[j] = rows.reduce((sum, row, i) => sum + row[j] * product[i], 0);
    });
    return 0.5 * Array.from(product).reduce((sum, v) => sum + v * v, 0);
  };
  const f: TrackedFunction = {
    gradient(x, out) {
      calls.gradient++;
      return write(productOf(x), out);
    },
    linearMap: {
      allocate: () => new Float64Array(rows.length),
      product(x, out) {
        calls.product++;
        out.set(productOf(x));
      },
      addProduct(index, values, count, out) {
        calls.addProduct++;
        for (let k = 0; k < count; k++) for (const [i, row] of rows.entries()) out[i] += row[index[k]] * values[k];
      },
      gradientAt(_x, product, out) {
        calls.gradientAt++;
        return write(product, out);
      },
    },
  };
  return { f, calls };
}
