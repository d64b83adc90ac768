import { EVERY_WORKER, KeyedRandom, Rng } from '../random.js';
import { dot } from '../vector.js';

/** An eigenvalue at an end of a spectrum, and how far it can be from the one that is meant. */
interface Extreme {
  readonly value: number;
  readonly error: number;
}

export interface Extremes {
  readonly min: Extreme;
  readonly max: Extreme;
}

/** How often the ends are looked at. */
const EVERY = 4;
/** A new direction that is this much shorter than the matrix is rounding: the space is invariant. */
const ROUNDING = 1e-14;

/**
 * The smallest and the largest eigenvalue of a symmetric matrix, by the Lanczos iteration from a fixed random vector, each new
 * direction made orthogonal to all before [G. H. Golub, C. F. Van Loan, Matrix Computations, chapter 10].
 *
 * The largest Ritz value θ lies below λ_max, and with the residual r of its vector by at most ‖r‖, or by ‖r‖²/(θ − λ₂), the bound
 * of Kato and Temple, where the next eigenvalue λ₂ is that far away; in the same way for λ_min. That the one found is the largest
 * one is as certain as that a random vector is not orthogonal to an eigenvector.
 * @param multiply writes the product with `v` to `out`
 * @param settled whether what is known suffices
 * @param steps at most so many products; each keeps a vector
 * @returns as it is when settled, or after all steps; undefined for none, and where numbers overflow
 */
export function lanczos(
  dimension: number,
  multiply: (v: Float64Array, out: Float64Array) => void,
  settled: (extremes: Extremes) => boolean,
  steps: number,
): Extremes | undefined {
  const rng = new KeyedRandom('lanczos').stream(new Rng(), 'problem', 0, EVERY_WORKER);
  let direction = Float64Array.from({ length: dimension }, () => rng.normal());
  scale(direction, 1 / Math.sqrt(dot(direction, direction)));
  const basis: Float64Array[] = [];
  const diagonal: number[] = [];
  const below: number[] = [];
  const last = Math.min(Math.floor(steps), dimension);
  let largest = 0;
  for (let k = 1; k <= last; k++) {
    basis.push(direction);
    const next = new Float64Array(dimension);
    multiply(direction, next);
    diagonal.push(dot(direction, next));
    // twice is enough
    for (let pass = 0; pass < 2; pass++) for (const v of basis) subtractProjection(next, v);
    const length = Math.sqrt(dot(next, next));
    if (!Number.isFinite(length)) return undefined;
    largest = Math.max(largest, Math.abs(diagonal[k - 1]), length);
    const complete = k === dimension || length <= ROUNDING * largest;
    if (complete || k % EVERY === 0 || k === last) {
      const ends = extremes(diagonal, below, complete ? 0 : length);
      if (complete || k === last || settled(ends)) return ends;
    }
    below.push(length);
    scale(next, 1 / length);
    direction = next;
  }
  return undefined;
}

/** The ends of the spectrum of a tridiagonal matrix; `rest` is the length of the next direction. */
function extremes(diagonal: readonly number[], below: readonly number[], rest: number): Extremes {
  const { values, last } = tridiagonalEigenvalues(diagonal, below);
  const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
  const residual = (k: number) => rest * Math.abs(last[k]);
  const end = (k: number, neighbour: number | undefined): Extreme => {
    const r = residual(k);
    if (neighbour === undefined) return { value: values[k], error: r };
    const gap = Math.abs(values[k] - values[neighbour]) - residual(neighbour);
    return { value: values[k], error: gap > r ? (r * r) / gap : r };
  };
  return {
    min: end(order[0], order[1]),
    max: end(order[order.length - 1], order[order.length - 2]),
  };
}

/**
 * The eigenvalues of a symmetric tridiagonal matrix and the last component of each unit eigenvector, in no order: QL with
 * implicit shifts [EISPACK, imtql2].
 */
function tridiagonalEigenvalues(diagonal: readonly number[], below: readonly number[]) {
  const d = Float64Array.from(diagonal);
  const n = d.length;
  const e = new Float64Array(n);
  e.set(below.slice(0, n - 1));
  const last = new Float64Array(n);
  last[n - 1] = 1;
  for (let l = 0; l < n; l++) {
    // it takes two or three a value; a limit, so that nothing that is no number goes on for ever
    for (let sweep = 0; sweep < 60; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]))) m++;
      if (m === l) break;
      let g = (d[l + 1] - d[l]) / (2 * e[l]);
      let r = Math.hypot(g, 1);
      g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r));
      let [s, c, p] = [1, 1, 0];
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i];
        const b = c * e[i];
        r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        const z = last[i + 1];
        last[i + 1] = s * last[i] + c * z;
        last[i] = c * last[i] - s * z;
      }
      if (r === 0 && i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return { values: d, last };
}

function scale(v: Float64Array, factor: number): void {
  for (let j = 0; j < v.length; j++) v[j] *= factor;
}

function subtractProjection(v: Float64Array, unit: Float64Array): void {
  const along = dot(v, unit);
  for (let j = 0; j < v.length; j++) v[j] -= along * unit[j];
}
