import { KeyedRandom } from '@flotilla/core';
import { messageDimension } from '@flotilla/core/internal';
import { type Boundary, CHECKSUM_BYTES, HEADER_BYTES, openBoundaries } from '@flotilla/protocol';
import type { RunPlan } from '../run/plan.js';

/** Bytes of a run's largest frame, an evaluation: f_i, ∇f_i and metrics in f64. */
export function largestFrameBytes({ dimension, problem }: RunPlan): number {
  const values = 1 + dimension + (problem.metrics?.length ?? 0);
  return HEADER_BYTES + 8 * values + CHECKSUM_BYTES;
}

/** Bytes of the largest frame to or from one worker that is not dense where messages are compressed. */
export function usualFrameBytes({ job, method, parameters, dimension, registries }: RunPlan): number {
  const length = messageDimension(method, parameters, dimension);
  const random = new KeyedRandom(job.seed);
  const { uplink, downlink } = openBoundaries(job, method, length, registries.compressors, random);
  const [up, down] = [formOf(job.uplink), formOf(job.downlink)];
  // what is the same for all is written once, and not in each worker's slot
  return CHECKSUM_BYTES + Math.max(bytesOf(uplink, up), downlink.same(down) ? 0 : bytesOf(downlink, down));
}

function formOf(compressor: string | undefined): 'dense' | 'compressed' {
  return compressor === undefined ? 'dense' : 'compressed';
}

function bytesOf(boundary: Boundary, form: 'dense' | 'compressed'): number {
  return boundary.maxFrameBytes({ form, vector: NOTHING });
}

const NOTHING = new Float64Array(0);
