import type { Rng } from './random.js';
import { vectorKernels } from './vector-kernels.js';

/** From so many items on a kernel draws them. */
const MANY = 12;

/**
 * Uniform subsets of {0 … length − 1} by R. Floyd's algorithm [J. Bentley, CACM 30 (1987)]: K draws, and a set of bits
 * that is small enough for the first-level cache. A subset that is not sparse is listed in ascending order, which is
 * kinder to the memory that is then gathered from; a sparse one in the order drawn, so that its cost stays O(K).
 */
export class SubsetSampler {
  /** The subset last drawn lies in index[0 … count). */
  readonly index: Int32Array;
  #member = new Int32Array(0);

  /** @param most The largest `count` that will be asked for. */
  constructor(most: number) {
    this.index = new Int32Array(most);
  }

  /** Draws `count` of `length` with words of `rng`. */
  draw(rng: Rng, length: number, count: number): void {
    if (count >= MANY) vectorKernels().subset(rng, length, count, this.index);
    else this.#drawFew(rng, length, count);
  }

  /** What the kernel does, without a call of it. */
  #drawFew(rng: Rng, length: number, count: number): void {
    const words = (length + 31) >> 5;
    if (this.#member.length < words) this.#member = new Int32Array(words);
    const index = this.index;
    const member = this.#member;
    for (let k = 0; k < count; k++) {
      const last = length - count + k;
      const drawn = rng.below(last + 1);
      const j = ((member[drawn >> 5] >>> (drawn & 31)) & 1) === 1 ? last : drawn;
      member[j >> 5] |= 1 << (j & 31);
      index[k] = j;
    }
    if (count * 32 < length) {
      for (let k = 0; k < count; k++) member[index[k] >> 5] = 0;
      return;
    }
    let listed = 0;
    for (let word = 0; listed < count; word++) {
      for (let bits = member[word]; bits !== 0; bits &= bits - 1) {
        index[listed++] = (word << 5) + 31 - Math.clz32(bits & -bits);
      }
      member[word] = 0;
    }
  }
}
