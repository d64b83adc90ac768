import { exactLog } from '../gaussian.js';
import type { Rng } from '../random.js';

// Every machine of a run may partition the samples for itself, so everything here is +, −, ×, ÷ and √, which IEEE 754 fixes to the
// last bit.

/**
 * Writes a draw from Dirichlet(α, …, α) to `shares`: positive or zero, summing to 1. Made of Gamma(α) draws, whose logarithms
 * are kept because for small α nearly all of them are below the smallest positive number.
 */
export function drawDirichlet(rng: Rng, alpha: number, shares: Float64Array): void {
  for (let i = 0; i < shares.length; i++) shares[i] = logGamma(rng, alpha);
  let largest = Number.NEGATIVE_INFINITY;
  for (const log of shares) largest = Math.max(largest, log);
  let sum = 0;
  for (let i = 0; i < shares.length; i++) sum += shares[i] = exactExpFarOut(shares[i] - largest);
  for (let i = 0; i < shares.length; i++) shares[i] /= sum;
}

/**
 * The logarithm of a Gamma(α, 1) draw [G. Marsaglia, W. W. Tsang, A simple method for generating gamma variables, ACM TOMS 26
 * (2000)]; below α = 1 that of a Gamma(α + 1) draw times U^{1/α}.
 */
function logGamma(rng: Rng, alpha: number): number {
  const logUniform = () => exactLog(rng.uniform() + 2 ** -54);
  const boost = alpha < 1 ? logUniform() / alpha : 0;
  const d = (alpha < 1 ? alpha + 1 : alpha) - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal();
    const root = 1 + c * x;
    if (root <= 0) continue;
    const v = root * root * root;
    const logV = exactLog(v);
    if (logUniform() < 0.5 * x * x + d - d * v + d * logV) return exactLog(d) + logV + boost;
  }
}

/**
 * eˣ for x ≤ 0 by plain IEEE arithmetic; relative error below 1e-14 down to e^−700, 0 further out. Draws lie far out, where the
 * error of `exactExp` grows; and what either gives is part of what repeats, to the last bit.
 */
function exactExpFarOut(x: number): number {
  if (x < -700) return 0;
  const halvings = Math.floor(-x / Math.LN2);
  const r = x + halvings * Math.LN2;
  let sum = 1;
  for (let k = 20; k >= 1; k--) sum = 1 + (r * sum) / k;
  for (let k = 0; k < halvings; k++) sum *= 0.5;
  return sum;
}
