import { CHECKSUM_BYTES, HEADER_BYTES } from '@flotilla/protocol';
import type { RunPlan } from '../run/plan.js';

/** Bytes of a run's largest frame, an evaluation: f_i, ∇f_i and metrics in f64. */
export function largestFrameBytes({ dimension, problem }: RunPlan): number {
  const values = 1 + dimension + (problem.metrics?.length ?? 0);
  return HEADER_BYTES + 8 * values + CHECKSUM_BYTES;
}
