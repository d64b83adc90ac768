import type { Dithering } from './dithering.js';

/**
 * `natural-dithering:levels=s,p=` [Horváth et al. 2019]: |x_j|/‖x‖_p is rounded to one of its two neighbours among 0,
 * 2^(1−s), …, ½, 1. Above the lowest level that is natural compression, ω ≤ 1/8; below it the variance is at most
 * |x_j| 2^(1−s)‖x‖_p, and also (2^(1−s)‖x‖_p)² at most. Summed, with ‖x‖_p ≤ d^(1/r − 1/2) ‖x‖₂ where r = min(p, 2):
 * ω = 1/8 + d^(1/r) 2^(1−s) min(1, d^(1/r) 2^(1−s)). ζ = d.
 */
export function naturalDithering(dimension: number, levels: number, p: number): Dithering {
  const lowest = 2 ** (1 - levels);
  const spread = dimension ** (1 / Math.min(p, 2)) * lowest;
  return {
    levels,
    omega: 1 / 8 + spread * Math.min(1, spread),
    density: (count) => count,
    p,
    spacing: 'powers',
  };
}
