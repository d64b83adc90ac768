import { codecKernels } from './codec-kernels.js';
import { ProtocolError } from './errors.js';

// An adaptive range asymmetric numeral system for messages of small whole numbers, each with a sign unless it is zero. Nothing
// is learnt beforehand and nothing is sent but the code: a message of a thousand values costs about 1 % above its own entropy.
// The coder itself is in assembly/adaptive-code.ts.

/** Bytes of scratch that a number takes at most, and what is read beyond a code. As in the assembly. */
const STEP_BYTES = 7 * 16;
const MARGIN = 32;

/**
 * Codes lists of signed whole numbers below 2³¹. What is read is decided from the front: no code begins another one for as many
 * numbers, so that a truncated or an extended code is always found out. A list has one code only.
 */
export const adaptiveCode = {
  /**
   * Writes `count` numbers, which lie in the kernels' memory from address `list` on, to `out` from `at` and returns the number of
   * bytes, or −1, with `out` as it was, when they would be more than `limit`. Memory behind the list is overwritten. `twice` as
   * in {@link entropyCode}.
   */
  write(list: number, count: number, twice: number, out: Uint8Array, at: number, limit: number): number {
    const kernels = codecKernels();
    const steps = behind(list, count);
    const end = steps + STEP_BYTES * count + Math.max(0, limit) + MARGIN;
    kernels.ensure(end);
    const length = kernels.exports.writeAdaptive(list, count, twice, steps, end, limit);
    if (length > 0) out.set(kernels.bytes.subarray(end - length, end), at);
    return length;
  },

  /**
   * Reads `count` numbers with magnitudes up to `largest` from `bytes[at … end)`, which must be all of it, to address `list` of
   * the kernels' memory. Memory behind them is overwritten.
   * @throws ProtocolError
   */
  read(list: number, bytes: Uint8Array, at: number, end: number, count: number, largest: number): void {
    const kernels = codecKernels();
    const size = Math.max(0, end - at);
    if (size > STEP_BYTES * count + MARGIN)
      throw new ProtocolError(`a code of ${size} bytes is not that of ${count} numbers`);
    const from = behind(list, count);
    kernels.ensure(from + size + MARGIN);
    kernels.bytes.set(bytes.subarray(at, at + size), from);
    // what is wrong, by number, as in the assembly
    switch (kernels.exports.readAdaptive(from, from + size, list, count, largest)) {
      case 1:
        throw new ProtocolError(`a coded number is above ${largest}`);
      case 2:
        throw new ProtocolError('the payload ends within its code');
      case 3:
        throw new ProtocolError(`a code of ${size} bytes is not that of ${count} numbers`);
    }
  },
};

function behind(list: number, count: number): number {
  return (list + 4 * count + MARGIN) & ~15;
}
