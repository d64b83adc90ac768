import { totalmem } from 'node:os';
import { FlotillaError, UsageError } from '@flotilla/core';

/** An exact evaluation travels as one frame of 8 (d + 1) bytes, and a frame has fewer than 2³¹. */
const MAX_DIMENSION = 2 ** 28 - 16;

/**
 * Vectors of d that every run has: x and a copy of it, the mean, an evaluation and work space at the server, the last two on a
 * thread.
 */
const VECTORS = 7;

/**
 * Refuses a d that cannot be had, before anything of that size is allocated.
 * @param what What has that dimension.
 * @param about `memory`, bytes that the process may use; `width`, bytes of a coordinate
 * @throws UsageError, or FlotillaError `limit` when this machine has too little memory
 */
export function checkDimension(
  dimension: number,
  workers: number,
  what: string,
  { memory = usableMemory(), width = 8 } = {},
): void {
  if (!(dimension <= MAX_DIMENSION)) {
    throw new UsageError(`${what}: dimension d = ${dimension} is too large; it is at most ${MAX_DIMENSION}`);
  }
  // a worker has its gradient, whatever its method
  const bytes = width * dimension * (VECTORS + workers);
  if (bytes <= memory) return;
  const gib = (count: number) => `${(count / 2 ** 30).toFixed(1)} GiB`;
  throw new FlotillaError(
    'limit',
    `${what}: dimension d = ${dimension} with ${workers} workers takes at least ${gib(bytes)}, and there are ${gib(memory)} of memory; use fewer workers or a smaller d`,
  );
}

/** The machine's memory, or what a container leaves of it. */
function usableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
