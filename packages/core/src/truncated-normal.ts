import type { Rng } from './random.js';

/**
 * A draw from N(0, σ²) given that it lies in [−bound, bound]: the truncated normal distribution, not values moved to the ends.
 * Comparisons and plain arithmetic only, so that every engine draws the same.
 * @param bound Above 0.
 */
export function truncatedNormal(rng: Rng, sigma: number, bound: number): number {
  if (sigma <= bound) {
    // two draws in three and more lie within
    for (;;) {
      const x = sigma * rng.normal();
      if (Math.abs(x) <= bound) return x;
    }
  }
  for (;;) {
    const x = bound * (2 * rng.uniform() - 1);
    if (survives(rng, 0.5 * (x / sigma) ** 2)) return x;
  }
}

/** True with probability e^−t, 0 ≤ t ≤ 1: whether t > u_1 > u_2 > … ends after an even number [von Neumann 1951]. */
function survives(rng: Rng, t: number): boolean {
  let last = t;
  for (let even = true; ; even = !even) {
    const u = rng.uniform();
    if (u >= last) return even;
    last = u;
  }
}
