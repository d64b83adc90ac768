import type { Incoming, Sparse } from '../message.js';
import type { LinearMap } from '../problem/problem.js';
import { blend, type Vector } from '../vector.js';

/** Above this share of the coordinates a new product is cheaper than following a step. */
const SPARSE = 1 / 8;

/** Work space of a thread. */
let moved = new Float64Array(0);

/** What a tracked point needs of the function that it is tracked for, which takes vectors of the point's precision. */
export interface TrackedFunction {
  /** Writes ∇f_i(x) to `out` and returns f_i(x). */
  gradient(x: Vector, out: Vector): number;
  /** The same for a dense round, where that is another gradient; not asked for where there is a linear map. */
  denseGradient?(x: Vector, out: Vector): number;
  /** f_i's linear map A_i, when following the product A_i x of a moving point x pays. */
  readonly linearMap?: LinearMap | undefined;
}

/**
 * A point x of a worker at which gradients are taken round after round, made by {@link LocalFunction.track}. Where f_i has a
 * linear map A_i, the product A_i x is kept beside x and follows its moves: a sparse step costs a sparse product, a
 * combination of points the same combination of products (docs/decisions/0007). Without such a map it is x and nothing else.
 *
 * The product depends on how x was reached, in its last bits, and so belongs to the state of its owner: `snapshotState`
 * takes it along.
 */
export class TrackedPoint {
  private constructor(
    private readonly f: TrackedFunction,
    /** The coordinates, d values. To be read: whoever writes here leaves the product behind. */
    readonly x: Vector,
    /** A_i x, when f_i has a linear map. To be read, like `x`. */
    readonly product: Float64Array | undefined,
  ) {}

  /** A point that starts at a copy of `start`. Computes the product, where there is one. */
  static from(start: Vector, f: TrackedFunction): TrackedPoint {
    const product = f.linearMap?.allocate();
    if (product !== undefined) f.linearMap?.product(start as Float64Array, product);
    return new TrackedPoint(f, copyOf(start, f.linearMap), product);
  }

  /** Another point at the same place, which moves by itself from now on. Computes no product. */
  copy(): TrackedPoint {
    const product = this.f.linearMap?.allocate();
    if (this.product !== undefined) product?.set(this.product);
    return new TrackedPoint(this.f, copyOf(this.x, this.f.linearMap), product);
  }

  /** x ← the vector of a dense message, or x + the step that any other carried. */
  receive(incoming: Incoming): void {
    const { x, product } = this;
    const { linearMap } = this.f;
    const dense = incoming.form === 'dense';
    const step = dense || product === undefined ? undefined : incoming.sparse;
    const follows = step !== undefined && step.count <= SPARSE * x.length;
    if (follows && x instanceof Float32Array) {
      this.#follow(incoming, step);
      return;
    }
    if (dense) incoming.copyTo(x);
    else incoming.addTo(x, 1);
    if (linearMap === undefined || product === undefined) return;
    if (follows) linearMap.addProduct(step.index, step.values as Float64Array, step.count, product);
    else linearMap.product(x as Float64Array, product);
  }

  /** Moves an f32 point by a sparse step. Its product takes what the coordinates have moved by, rounded as they are, and stays theirs. */
  #follow(incoming: Incoming, { index, count }: Sparse): void {
    const { x, product } = this;
    if (moved.length < count) moved = new Float64Array(count);
    for (let k = 0; k < count; k++) moved[k] = x[index[k]];
    incoming.addTo(x, 1);
    for (let k = 0; k < count; k++) moved[k] = x[index[k]] - moved[k];
    this.f.linearMap?.addProduct(index, moved, count, product as Float64Array);
  }

  /** x ← β · other + (1 − β) · x */
  blend(beta: number, other: TrackedPoint): void {
    const { linearMap } = this.f;
    const both = (x: Vector, y: Vector) =>
      linearMap?.blend === undefined ? blend(beta, x, y) : linearMap.blend(beta, x, y);
    both(other.x, this.x);
    if (this.product !== undefined && other.product !== undefined) both(other.product, this.product);
  }

  /** Writes ∇f_i(x) to `out` and returns f_i(x). */
  gradient(out: Vector): number {
    const { x, product } = this;
    const { linearMap } = this.f;
    return linearMap === undefined || product === undefined
      ? this.f.gradient(x, out)
      : linearMap.gradientAt(x as Float64Array, product, out as Float64Array);
  }

  /** The same for a dense round: `LocalFunction.denseGradient`. */
  denseGradient(out: Vector): number {
    if (this.product !== undefined || this.f.denseGradient === undefined) return this.gradient(out);
    return this.f.denseGradient(this.x, out);
  }
}

/** A copy of a point, where the map has its points. */
function copyOf(x: Vector, map: LinearMap | undefined): Vector {
  const copy = map?.allocatePoint?.(x instanceof Float32Array ? 'f32' : 'f64');
  if (copy === undefined) return x.slice();
  copy.set(x);
  return copy;
}
