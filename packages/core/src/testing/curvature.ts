import type { Rng } from '../random.js';

/** Writes ∇f(x) to `out`. */
export type Gradient = (x: Float64Array, out: Float64Array) => unknown;

export function norm(v: Float64Array): number {
  return Math.sqrt(v.reduce((sum, c) => sum + c * c, 0));
}

/**
 * The largest of the quotients ‖∇f(x + hv) − ∇f(x)‖/h, ‖v‖ = 1, that power iteration finds at x: every one of them is at most a
 * Lipschitz constant of ∇f, and the last are close to the largest |eigenvalue| of ∇²f(x).
 */
export function steepestQuotient(gradient: Gradient, x: Float64Array, h: number, rng: Rng, iterations = 30): number {
  const here = new Float64Array(x.length);
  const there = new Float64Array(x.length);
  gradient(x, here);
  let direction = Float64Array.from(x, () => rng.normal());
  let steepest = 0;
  for (let k = 0; k < iterations; k++) {
    const length = norm(direction);
    if (length === 0) break;
    const moved = x.map((c, j) => c + (h * direction[j]) / length);
    gradient(moved, there);
    // the step as it was rounded
    const step = norm(moved.map((c, j) => c - x[j]));
    direction = there.map((c, j) => c - here[j]);
    steepest = Math.max(steepest, norm(direction) / step);
  }
  return steepest;
}

/** The Hessian of a quadratic with that gradient, by columns. */
export function hessian(gradient: Gradient, dimension: number): Float64Array[] {
  const [origin, out] = [new Float64Array(dimension), new Float64Array(dimension)];
  gradient(new Float64Array(dimension), origin);
  return Array.from({ length: dimension }, (_, j) => {
    const unit = new Float64Array(dimension);
    unit[j] = 1;
    gradient(unit, out);
    return out.map((c, i) => c - origin[i]);
  });
}

/** The eigenvalues of a symmetric matrix, in no order (cyclic Jacobi). */
export function eigenvalues(columns: readonly Float64Array[]): number[] {
  const a = columns.map((column) => column.slice());
  const n = a.length;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        off += Math.abs(a[p][q]);
        if (a[p][q] === 0) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
        for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      }
    }
    if (off === 0) break;
  }
  return a.map((row, j) => row[j]);
}
