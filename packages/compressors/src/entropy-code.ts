import { AdaptiveCode } from './adaptive-code.js';
import { BlockCode } from './block-code.js';

/** From this many numbers on, a list is coded in blocks: the adaptive code is 1 % shorter and takes ten times as long. */
export const LONG = 65_536;

/**
 * Codes lists of signed whole numbers below 2³¹: the one place that chooses between the two codes, by the number of them,
 * which both ends know. No code begins another one for as many numbers, so that a truncated or an extended code is always
 * found out.
 */
export class EntropyCode {
  #short: AdaptiveCode | undefined;
  #long: BlockCode | undefined;

  /**
   * Writes `count` numbers, each magnitude · 2 + (1 when negative), zero being 0, to `out` from `at` and returns the number
   * of bytes, or −1, with `out` as it was, when they would be more than `limit`.
   */
  write(numbers: Uint32Array, count: number, out: Uint8Array, at: number, limit: number): number {
    return this.#codeOf(count).write(numbers, count, out, at, limit);
  }

  /**
   * Reads `count` numbers with magnitudes up to `largest` from `bytes[at … end)`, which must be all of it.
   * @throws ProtocolError
   */
  read(bytes: Uint8Array, at: number, end: number, numbers: Uint32Array, count: number, largest: number): void {
    this.#codeOf(count).read(bytes, at, end, numbers, count, largest);
  }

  #codeOf(count: number): AdaptiveCode | BlockCode {
    if (count < LONG) {
      this.#short ??= new AdaptiveCode();
      return this.#short;
    }
    this.#long ??= new BlockCode();
    return this.#long;
  }
}
