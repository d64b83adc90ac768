import type { GramDistances } from './gram.js';
import { rootMeanSquare, type Smoothness } from './problem.js';

/**
 * What follows from D_i ≥ sup ‖∇²f_i − M‖ for one matrix M, the same for all workers and points (docs/constants.md has the
 * proofs): L_±² ≤ (1/n) Σ D_i², and the functional inequality with L_A² = (2/n) Σ D_i², L_B = √2 ‖M‖. These two are taken where
 * L_A² + L_B² ≤ L_max²: then no step size is smaller than with L_max and 0, whatever the compressors, since θ ≤ ω.
 * @param lambda λ of the regulariser, which is in every ∇²f_i and in M
 */
export function withSimilarity(bounds: Smoothness, distances: GramDistances | undefined, lambda: number): Smoothness {
  if (distances === undefined) return bounds;
  const { perWorker, reference } = distances;
  const spread = rootMeanSquare(perWorker);
  const LA = Math.SQRT2 * spread;
  const LB = Math.SQRT2 * (reference + lambda);
  return {
    ...bounds,
    ...(LA ** 2 + LB ** 2 <= bounds.max ** 2 && { LA, LB }),
    LPlusMinus: Math.min(spread, bounds.rms),
    estimated: [...(bounds.estimated ?? []), 'LPlusMinus'],
  };
}
