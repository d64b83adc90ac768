import { getBigUint, putBigUint } from '@flotilla/core/internal';
import { ProtocolError } from './errors.js';
import { binomial, bitsBelow, numberOfSubset, subsetOfNumber } from './subset-number.js';

/** Most values of a list. Time grows with its square. */
export const MAX_SIGNS = 1000;

/**
 * Codes short lists of 0, + and −, as 0, 2 and 3. One integer, lowest byte first, in the fewest bytes that hold its bits: from
 * the lowest, the Rice code of the number K of signs (⌊K/2^r⌋ ones, a zero, r low bits; 2^r is about √count, where K is
 * largest in l2-quantization); K bits, 1 for −, in order; the number of the support among all C(count, K). Always fewer bits
 * than two a value and a byte. No code begins another one, and a list has one code.
 */
export class SignCode {
  #index = new Int32Array(0);

  /** Writes numbers[0 … count) to `out` from `at` and returns the number of bytes. */
  write(numbers: Uint32Array, count: number, out: Uint8Array, at: number): number {
    if (this.#index.length < count) this.#index = new Int32Array(count);
    let kept = 0;
    let signs = 0n;
    for (let i = 0; i < count; i++) {
      if (numbers[i] === 0) continue;
      if (numbers[i] === 3) signs |= 1n << BigInt(kept);
      this.#index[kept++] = i;
    }
    const r = parameter(count);
    const quotient = kept >>> r;
    const low = BigInt(kept & ((1 << r) - 1));
    const prefix = quotient + 1 + r;
    const all =
      ((1n << BigInt(quotient)) - 1n) |
      (low << BigInt(quotient + 1)) |
      (signs << BigInt(prefix)) |
      (numberOfSubset(this.#index, kept, count) << BigInt(prefix + kept));
    const bytes = Math.ceil((prefix + kept + bitsBelow(binomial(count, kept))) / 8);
    putBigUint(out, at, bytes, all);
    return bytes;
  }

  /** Reads `count` numbers from `bytes[at … end)`, which must be all of it. @throws ProtocolError */
  read(bytes: Uint8Array, at: number, end: number, numbers: Uint32Array, count: number): void {
    if (this.#index.length < count) this.#index = new Int32Array(count);
    const r = parameter(count);
    let bit = 0;
    const next = () => {
      const byte = at + (bit >> 3);
      if (byte >= end) throw new ProtocolError('the payload ends within the number of its signs');
      return (bytes[byte] >>> (bit++ & 7)) & 1;
    };
    let kept = 0;
    while (next() === 1) {
      kept += 1 << r;
      if (kept > count) break;
    }
    for (let b = 0; b < r; b++) kept += next() << b;
    if (kept > count) throw new ProtocolError(`${kept} signs in ${count} values`);
    const all = binomial(count, kept);
    const size = Math.ceil((bit + kept + bitsBelow(all)) / 8);
    if (end - at !== size)
      throw new ProtocolError(`${end - at} bytes for ${kept} signs in ${count} values, expected ${size}`);
    let rest = getBigUint(bytes, at, size) >> BigInt(bit);
    const place = rest >> BigInt(kept);
    if (place >= all) throw new ProtocolError(`a support's number is not below ${all}`);
    subsetOfNumber(place, kept, count, this.#index);
    numbers.fill(0, 0, count);
    for (let k = 0; k < kept; k++, rest >>= 1n) numbers[this.#index[k]] = 2 + Number(rest & 1n);
  }
}

/** ⌊log₂ √count⌋ */
function parameter(count: number): number {
  return (31 - Math.clz32(count)) >> 1;
}
