import { Rng, SubsetSampler } from '@flotilla/core';
import type { MessageKey, Selector, Support } from './compressor.js';

/**
 * `rand-k:k=`: (d/K) Σ_{j∈S} x_j e_j, S a uniform K-subset drawn without replacement. ω = d/K − 1, ζ = K. As a collection
 * of n independent operators θ = A = ω/n; as `same-rand-k`, the same support for all workers, θ = A = ω.
 */
export function randK(dimension: number, k: number, workers: number, same: boolean, stage: number): Selector {
  const sample = new SubsetSampler(k);
  const rng = new Rng();
  const support: Support = { index: sample.index, count: k, scale: 1 };
  const omega = dimension / k - 1;
  return {
    dimension,
    maxKept: k,
    omega,
    theta: same ? omega : omega / workers,
    A: same ? omega : omega / workers,
    B: 0,
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
