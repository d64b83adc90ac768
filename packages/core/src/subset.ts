import type { Rng } from './random.js';
import { vectorKernels } from './vector-kernels.js';

/** From so many items on a kernel draws them: a call of it takes as long as a few draws. */
const MANY = 6;

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
    if (count >= MANY) vectorKernels().subset(rng, length, count, this.index);
    else this.#drawFew(rng, length, count);
  }

  #drawFew(rng: Rng, length: number, count: number): void {
    const { index } = this;
    const ascending = count * 32 >= length;
    for (let k = 0; k < count; k++) {
      const last = length - count + k;
      const drawn = rng.below(last + 1);
      let at = 0;
      while (at < k && index[at] !== drawn) at++;
      const item = at < k ? last : drawn;
      // what was listed is in order already
      for (at = k; ascending && at > 0 && index[at - 1] > item; at--) index[at] = index[at - 1];
      index[at] = item;
    }
  }
}
