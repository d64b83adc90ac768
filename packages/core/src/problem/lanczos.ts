import { EVERY_WORKER, KeyedRandom, Rng } from '../random.js';
import { axpy, dot } from '../vector.js';

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
  const last = Math.min(Math.floor(steps), dimension);
  // before anything of that length is made: it may be far too large, and be refused for that later
  if (last < 1) return undefined;
  const rng = new KeyedRandom('lanczos').stream(new Rng(), 'problem', 0, EVERY_WORKER);
  const iteration = new Lanczos(Float64Array.from({ length: dimension }, () => rng.normal()));
  for (let k = 1; k <= last; k++) {
    const product = new Float64Array(dimension);
    multiply(iteration.direction, product);
    if (!iteration.add(product)) return undefined;
    if (iteration.complete || k % EVERY === 0 || k === last) {
      const ends = iteration.extremes();
      if (iteration.complete || k === last || settled(ends)) return ends;
    }
  }
  return undefined;
}

/** The iteration itself, for whoever makes the products: {@link direction}, then `add`, until `complete` or content. */
export class Lanczos {
  readonly #basis: Float64Array[] = [];
  readonly #diagonal: number[] = [];
  readonly #below: number[] = [];
  #direction: Float64Array;
  #largest = 0;
  /** Of the next direction, before it is made a unit vector. */
  #rest = 0;
  #complete = false;

  /** @param start any vector but 0; becomes the first direction */
  constructor(start: Float64Array) {
    scale(start, 1 / Math.sqrt(dot(start, start)));
    this.#direction = start;
  }

  /** The unit vector whose product comes next. */
  get direction(): Float64Array {
    return this.#direction;
  }

  /** Products so far. */
  get steps(): number {
    return this.#diagonal.length;
  }

  /** Whether the space is invariant: the ends are those of the spectrum, and there is no next direction. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Takes the product with {@link direction}, for its own. @returns false where numbers overflow */
  add(product: Float64Array): boolean {
    const direction = this.#direction;
    this.#basis.push(direction);
    this.#diagonal.push(dot(direction, product));
    // twice is enough
    for (let pass = 0; pass < 2; pass++) for (const v of this.#basis) subtractProjection(product, v);
    const length = Math.sqrt(dot(product, product));
    if (!Number.isFinite(length)) return false;
    if (this.steps > 1) this.#below.push(this.#rest);
    this.#largest = Math.max(this.#largest, Math.abs(this.#diagonal[this.steps - 1]), length);
    this.#complete = this.steps === direction.length || length <= ROUNDING * this.#largest;
    this.#rest = length;
    scale(product, 1 / length);
    this.#direction = product;
    return true;
  }

  extremes(): Extremes {
    return extremes(this.#diagonal, this.#below, this.#complete ? 0 : this.#rest);
  }

  /**
   * The vector of the Ritz value θ, by the recurrence of the tridiagonal matrix: good enough to begin another iteration with,
   * and its first direction where it is not.
   */
  ritzVector(theta: number): Float64Array {
    const out = this.#basis[0].slice();
    let [before, here] = [0, 1];
    for (let k = 1; k < this.steps; k++) {
      const next =
        ((theta - this.#diagonal[k - 1]) * here - (k > 1 ? this.#below[k - 2] : 0) * before) / this.#below[k - 1];
      axpy(next, this.#basis[k], out);
      [before, here] = [here, next];
    }
    return Number.isFinite(dot(out, out)) ? out : this.#basis[0].slice();
  }
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
