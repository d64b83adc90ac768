import type { Runtime } from '@flotilla/core';
import { median } from '../report/statistics.js';

/** Values of a vector, as many as M3's on the autoencoder has. */
const LENGTH = 25_088;
/** Passes over them that are timed at once, and how often. */
const PASSES = 20;
const TIMES = 15;

/**
 * Milliseconds that this machine takes now for a fixed piece of work: passes of y ← a x + y over 25,088 doubles and as many
 * small objects made and read. A median. What other programs are measured against, since no two machines, and no two
 * hours of one, are equally fast.
 */
export function referenceLoop(runtime: Runtime, times = TIMES): number {
  const x = Float64Array.from({ length: LENGTH }, (_, j) => 1 / (1 + j));
  const y = new Float64Array(LENGTH);
  let kept = 0;
  const once = () => {
    const from = runtime.now();
    for (let pass = 0; pass < PASSES; pass++) {
      for (let j = 0; j < LENGTH; j++) y[j] = 0.5 * (x[j] as number) + 0.5 * (y[j] as number);
      for (let j = 0; j < LENGTH; j += 16) kept += { at: j, value: y[j] as number }.value;
    }
    return runtime.now() - from;
  };
  for (let k = 0; k < 3; k++) once();
  const taken = Array.from({ length: times }, once);
  // so that no engine finds the work to be of no use
  return kept === 0 ? Number.NaN : median(taken);
}
