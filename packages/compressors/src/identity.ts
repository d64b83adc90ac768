import type { Selector, Support } from './compressor.js';

/** `identity`: every coordinate, in order. ω = 0, ζ = d. */
export function identity(dimension: number): Selector {
  const support: Support = { index: undefined, count: dimension, scale: 1 };
  return {
    dimension,
    maxKept: dimension,
    omega: 0,
    theta: 0,
    A: 0,
    B: 0,
    alpha: 1,
    density: dimension,
    same: false,
    select(_key, length) {
      support.count = length;
      return support;
    },
  };
}
