import { Rng } from '@flotilla/core';
import type { MessageKey, Selector, Support } from './compressor.js';

/**
 * `bernoulli:p=`: x/p with probability p, else nothing. ω = 1/p − 1, ζ = pd. The coin is shared randomness: a message that
 * carries nothing has no payload.
 */
export function bernoulli(dimension: number, p: number, workers: number, stage: number): Selector {
  const rng = new Rng();
  const support: Support = { index: undefined, count: 0, scale: 1 / p };
  const omega = 1 / p - 1;
  return {
    dimension,
    maxKept: dimension,
    omega,
    theta: omega / workers,
    A: omega / workers,
    B: 0,
    alpha: Math.max(0, 1 - omega),
    density: p * dimension,
    same: false,
    select(key: MessageKey, length: number) {
      support.count = key.own(rng, 'support', stage).coin(p) ? length : 0;
      return support;
    },
  };
}
