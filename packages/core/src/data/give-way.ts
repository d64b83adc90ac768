import { systemRuntime } from '../runtime.js';

/** Bytes that are read between two pauses: some tens of milliseconds of work. */
export const STRIDE = 2 ** 22;

/**
 * Lets the event loop run: long work on what somebody else wrote calls it now and then, so that it can be ended.
 * @throws the signal's reason when it has fired
 */
export async function giveWay(signal: AbortSignal | undefined): Promise<void> {
  await systemRuntime.yield();
  signal?.throwIfAborted();
}
