import { Rng } from '@flotilla/core';
import type { MessageKey, Selector, Support } from './compressor.js';

/**
 * `rand-k:k=`: (d/K) Σ_{j∈S} x_j e_j, S a uniform K-subset drawn without replacement. ω = d/K − 1, ζ = K. As a collection
 * of n independent operators θ = ω/n; as `same-rand-k`, one message for all workers, θ = ω.
 */
export function randK(dimension: number, k: number, workers: number, same: boolean, stage: number): Selector {
  const sample = subsetSampler(dimension);
  const rng = new Rng();
  const support: Support = { index: sample.index, count: k, scale: 1 };
  const omega = dimension / k - 1;
  return {
    dimension,
    maxKept: k,
    omega,
    theta: same ? omega : omega / workers,
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
 * Uniform K-subsets of {0 … d − 1} in O(K): the first K steps of a Fisher–Yates shuffle of an array that is the identity
 * before every draw, because the swaps of the last draw are undone first.
 */
function subsetSampler(dimension: number) {
  const index = Int32Array.from({ length: dimension }, (_, j) => j);
  const swapped = new Int32Array(dimension);
  let drawn = 0;
  const swap = (i: number, j: number) => {
    const held = index[i];
    index[i] = index[j];
    index[j] = held;
  };
  return {
    /** The drawn subset lies in index[0 … count). */
    index,
    draw(rng: Rng, length: number, count: number) {
      while (drawn > 0) {
        drawn--;
        swap(drawn, swapped[drawn]);
      }
      for (; drawn < count; drawn++) {
        swapped[drawn] = drawn + rng.below(length - drawn);
        swap(drawn, swapped[drawn]);
      }
    },
  };
}
