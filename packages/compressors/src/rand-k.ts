import { Rng } from '@flotilla/core';
import type { MessageKey, Selector, Support } from './compressor.js';

/**
 * `rand-k:k=`: (d/K) Σ_{j∈S} x_j e_j, S a uniform K-subset drawn without replacement. ω = d/K − 1, ζ = K. As a collection
 * of n independent operators θ = ω/n; as `same-rand-k`, one message for all workers, θ = ω.
 */
export function randK(dimension: number, k: number, workers: number, same: boolean, stage: number): Selector {
  const sample = subsetSampler(dimension, k);
  const rng = new Rng();
  const support: Support = { index: sample.index, count: k, scale: 1 };
  const omega = dimension / k - 1;
  return {
    dimension,
    maxKept: k,
    omega,
    theta: same ? omega : omega / workers,
    alpha: Math.max(0, 1 - omega),
    density: k,
    same,
    select(key: MessageKey, length: number) {
      support.count = Math.min(k, length);
      support.scale = length / support.count;
      if (same) key.common(rng, 'support', stage);
      else key.own(rng, 'support', stage);
      sample.draw(rng, length, support.count);
      return support;
    },
  };
}

/**
 * Uniform K-subsets of {0 … length − 1} by R. Floyd's algorithm [J. Bentley, CACM 30 (1987)]: K draws, and a set of bits
 * that is small enough for the first-level cache. A subset that is not sparse is listed in ascending order, which is
 * kinder to the memory that is then gathered from; a sparse one in the order drawn, so that its cost stays O(K).
 */
function subsetSampler(dimension: number, k: number) {
  const index = new Int32Array(k);
  const member = new Int32Array((dimension + 31) >> 5);
  const has = (j: number) => (member[j >> 5] >>> (j & 31)) & 1;
  return {
    /** The drawn subset lies in index[0 … count). */
    index,
    draw(rng: Rng, length: number, count: number) {
      for (let k = 0; k < count; k++) {
        const last = length - count + k;
        const drawn = rng.below(last + 1);
        const j = has(drawn) === 1 ? last : drawn;
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
    },
  };
}
