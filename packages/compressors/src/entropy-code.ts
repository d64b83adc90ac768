import { adaptiveCode } from './adaptive-code.js';
import { blockCode } from './block-code.js';
import { codecKernels } from './codec-kernels.js';

/** From this many numbers on, a list is coded in blocks: the adaptive code is 1 % shorter and takes five times as long. */
export const LONG = 65_536;

/**
 * Codes lists of signed whole numbers below 2³¹: the one place that chooses between the two codes, by the number of them,
 * which both ends know. No code begins another one for as many numbers, so that a truncated or an extended code is always
 * found out. The lists are those of this thread's {@link codecKernels}.
 */
export const entropyCode = {
  /**
   * Writes the first `count` numbers of the list to `out` from `at` and returns the number of bytes, or −1, with `out` as it
   * was, when they would be more than `limit`. The list stays as it is. When `most` is given, a magnitude m > 0 is coded as
   * most + 1 − m: then the large ones are the likely ones.
   */
  write(count: number, out: Uint8Array, at: number, limit: number, most?: number): number {
    const twice = twiceOf(most);
    if (count < LONG) return adaptiveCode.write(codecKernels().list, count, twice, out, at, limit);
    return blockCode.write(count, twice, out, at, limit);
  },

  /**
   * Reads `count` numbers with magnitudes up to `largest` from `bytes[at … end)`, which must be all of it, to the list.
   * @throws ProtocolError
   */
  read(bytes: Uint8Array, at: number, end: number, count: number, largest: number): void {
    if (count < LONG) {
      const kernels = codecKernels();
      kernels.reserve(count);
      adaptiveCode.read(kernels.list, bytes, at, end, count, largest);
    } else blockCode.read(bytes, at, end, count, largest);
  },
};

/** `most` as the kernels take it, to turn numbers or to turn them back. */
export function twiceOf(most: number | undefined): number {
  return most === undefined ? 0 : 2 * (most + 1);
}
