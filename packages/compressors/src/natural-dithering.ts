import type { Rng } from '@flotilla/core';
import { type Dithering, pNorm } from './dithering.js';

/**
 * `natural-dithering:levels=s,p=` [Horváth et al. 2019]: |x_j|/‖x‖_p is rounded to one of its two neighbours among 0,
 * 2^(1−s), …, ½, 1. Above the lowest level that is natural compression, ω ≤ 1/8; below it the variance is at most
 * |x_j| 2^(1−s)‖x‖_p, and also (2^(1−s)‖x‖_p)² at most. Summed, with ‖x‖_p ≤ d^(1/r − 1/2) ‖x‖₂ where r = min(p, 2):
 * ω = 1/8 + d^(1/r) 2^(1−s) min(1, d^(1/r) 2^(1−s)). ζ = d.
 */
export function naturalDithering(dimension: number, levels: number, p: number): Dithering {
  const lowest = 2 ** (1 - levels);
  const spread = dimension ** (1 / Math.min(p, 2)) * lowest;
  const value = new Float64Array(1);
  const words = new Uint32Array(value.buffer);
  /** 1/part of each level. */
  const inverses = Float64Array.from({ length: levels + 1 }, (_, level) => 2 ** (levels - level));
  return {
    levels,
    omega: 1 / 8 + spread * Math.min(1, spread),
    density: (count) => count,
    norm: (values, count) => pNorm(values, count, p),
    level(ratio: number, rng: Rng) {
      if (ratio < lowest) return rng.bit(ratio / lowest);
      value[0] = ratio;
      const level = (words[1] >>> 20) - 1023 + levels;
      return level + rng.bit(ratio * inverses[level] - 1);
    },
    part: (level) => (level === 0 ? 0 : 2 ** (level - levels)),
    fromTop: true,
  };
}
