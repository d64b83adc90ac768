import type { Wire } from './compressor.js';

/** Exponent bits and bias of the two wire widths (IEEE 754 binary32 and binary64). */
export const LAYOUT = {
  f32: { exponentBits: 8, bias: 127 },
  f64: { exponentBits: 11, bias: 1023 },
} as const;

/** In place of the byte of the max exponent: exponents are not in an entropy code. */
export const NO_MAX_EXPONENT = 0xff;

/**
 * The max exponent of a message as one byte, and back. f64 has more exponents than a byte has values, so that a byte stands for
 * eight of them and what comes back is the highest of those: an exponent that none exceeds.
 */
export function maxExponentCode(wire: Wire) {
  const { exponentBits } = LAYOUT[wire];
  const step = exponentBits - 8;
  const last = (1 << exponentBits) - 2;
  return {
    byteOf: (largest: number) => largest >>> step,
    of: (byte: number) => Math.min(last, (byte << step) | ((1 << step) - 1)),
  };
}
