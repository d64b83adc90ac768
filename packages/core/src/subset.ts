import type { Rng } from './random.js';
import { vectorKernels } from './vector-kernels.js';

/**
 * Uniform subsets of {0 … length − 1} by R. Floyd's algorithm [J. Bentley, CACM 30 (1987)]: K draws, and a set of bits
 * that is small enough for the first-level cache. A subset that is not sparse is listed in ascending order, which is
 * kinder to the memory that is then gathered from; a sparse one in the order drawn, so that its cost stays O(K).
 */
export class SubsetSampler {
  /** The subset last drawn lies in index[0 … count). */
  readonly index: Int32Array;

  /** @param most The largest `count` that will be asked for. */
  constructor(most: number) {
    this.index = new Int32Array(most);
  }

  /** Draws `count` of `length` with words of `rng`, as {@link Rng.below} would. */
  draw(rng: Rng, length: number, count: number): void {
    vectorKernels().subset(rng, length, count, this.index);
  }
}
