import type { Dithering } from './dithering.js';

/**
 * `qsgd:levels=s` [Alistarh et al. 2017]: sign · ‖x‖₂ · ℓ/s, ℓ a stochastic rounding of s|x_j|/‖x‖₂ to one of its two
 * neighbours. With u_j = s|x_j|/‖x‖₂ the variance of a coordinate is (‖x‖₂/s)² f(1 − f), f the fraction of u_j; it is at most
 * (‖x‖₂/s)² min(1, u_j), and Σ u_j ≤ s√d, so that ω = min(d/s², √d/s). P(ℓ ≠ 0) = min(1, u_j): ζ = min(d, s√d).
 */
export function qsgd(dimension: number, levels: number): Dithering {
  return {
    levels,
    omega: Math.min(dimension / levels ** 2, Math.sqrt(dimension) / levels),
    density: (count) => Math.min(count, levels * Math.sqrt(count)),
    p: 2,
    spacing: 'uniform',
  };
}
