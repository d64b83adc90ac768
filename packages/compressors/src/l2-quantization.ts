import type { Wire } from './compressor.js';
import { type Dithering, NORM_EXCESS } from './dithering.js';
import { qsgd } from './qsgd.js';

/**
 * `l2-quantization` [Alistarh et al. 2017, Wangni et al. 2018]: QSGD with one level, sign · N with probability |x_j|/N, else
 * 0. The variance is N‖x‖₁ − ‖x‖₂² ≤ (√d N/‖x‖₂ − 1)‖x‖₂². With N = ‖x‖₂ that is ω = √d − 1; the norm that travels is
 * rounded up by a factor of at most 1 + ε, which makes it ω = √d (1 + ε) − 1, attained when all magnitudes are equal.
 * ζ = √d.
 */
export function l2Quantization(dimension: number, wire: Wire): Dithering {
  return { ...qsgd(dimension, 1), omega: Math.sqrt(dimension) * (1 + NORM_EXCESS[wire]) - 1 };
}
