import { DivergedError, type Vector } from '@flotilla/core';
import { largestMagnitude } from '@flotilla/core/internal';

/** How far an iterate may have gone from 0, as a multiple of max(1, ‖x⁰‖∞), and still not be what makes a number no number. */
const FAR = 1e6;

/**
 * Takes the answers of `workers`, one after the other; `take` may return a promise. Where one of them is a NaN or an infinity,
 * the error says in `alone` whether it is that worker's own: another one's answer is a number, and x is not far from where it
 * began. What is not, comes from x, which all have, and comes again however often the workers are started.
 */
export async function takeFinite(
  workers: Iterable<number>,
  take: (worker: number) => unknown,
  x: Vector,
  start: Vector,
): Promise<void> {
  let failure: DivergedError | undefined;
  let others = false;
  for (const worker of workers) {
    try {
      const taken = take(worker);
      if (taken instanceof Promise) await taken;
    } catch (thrown) {
      // whatever else is wrong, the first number that is none is the reason
      if (failure !== undefined && !(thrown instanceof DivergedError)) break;
      if (!(thrown instanceof DivergedError)) throw thrown;
      failure ??= thrown;
      if (!others) continue;
    }
    others = true;
    if (failure !== undefined) break;
  }
  if (failure === undefined) return;
  const isNear = largestMagnitude(x) <= FAR * Math.max(1, largestMagnitude(start));
  throw others && isNear ? failure.ofOneWorker() : failure;
}
