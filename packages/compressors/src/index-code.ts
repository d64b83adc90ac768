import { getBigUint, getU32, putBigUint } from '@flotilla/core/internal';
import { ProtocolError } from './errors.js';
import { binomial, bitsBelow, numberOfSubset, subsetOfNumber } from './subset-number.js';

/** The first byte of a support: a Rice parameter, or this for a bitmap. */
const BITMAP = 0xff;
/** Gaps are below 2³¹. */
const MAX_PARAMETER = 30;

/** Up to this length a support is one number: all supports of a size, counted. */
const COUNTED = 300;

/** log₂ C(n, k): the bits that no code of a K-subset can go below on average. */
export function log2Binomial(n: number, k: number): number {
  let bits = 0;
  for (let i = 0; i < Math.min(k, n - k); i++) bits += Math.log2((n - i) / (i + 1));
  return bits;
}

/** Upper bound of a support's bytes: the bitmap is always at hand. */
export function maxIndexBytes(length: number): number {
  return 1 + Math.ceil(length / 8);
}

/**
 * Writes `count` increasing coordinates below `length` to `out` from `at` and returns the number of bytes.
 *
 * Up to 300 coordinates: the support's number among all C(length, count) of its size, in the fewest bytes that hold every
 * such number. Nothing is shorter, so there is no choice and no byte that names it.
 *
 * Above: one byte that names the code, then whichever is shorter,
 *
 * - Golomb–Rice: for each gap to the coordinate before it (0 when they are neighbours), ⌊gap / 2^r⌋ ones and a zero, then
 *   the r low bits, lowest first; r is the one that makes this message shortest, and is the first byte;
 * - a bitmap of `length` bits (first byte 255).
 *
 * Bits fill bytes from the lowest; the bits after the last are 0.
 */
export function writeIndex(index: Int32Array, count: number, length: number, out: Uint8Array, at: number): number {
  if (length <= COUNTED) return writeNumber(index, count, length, out, at);
  const { parameter, bits } = shortestRice(index, count);
  if (bits >= length) {
    out[at] = BITMAP;
    const end = at + 1 + Math.ceil(length / 8);
    out.fill(0, at + 1, end);
    for (let k = 0; k < count; k++) out[at + 1 + (index[k] >> 3)] |= 1 << (index[k] & 7);
    return end - at;
  }
  out[at] = parameter;
  const end = at + 1 + Math.ceil(bits / 8);
  const mask = 2 ** parameter - 1;
  let to = at + 1;
  let pending = 0;
  let held = 0;
  const put = (value: number, bits: number) => {
    pending |= value << held;
    for (held += bits; held >= 8; held -= 8, pending >>>= 8) out[to++] = pending;
  };
  let previous = -1;
  for (let k = 0; k < count; k++) {
    const gap = index[k] - previous - 1;
    previous = index[k];
    let quotient = gap >>> parameter;
    if (quotient + 1 + parameter <= 24) {
      // mostly all at once
      pending |= (((1 << quotient) - 1) | ((gap & mask) << (quotient + 1))) << held;
      for (held += quotient + 1 + parameter; held >= 8; held -= 8, pending >>>= 8) out[to++] = pending;
      continue;
    }
    for (; quotient >= 16; quotient -= 16) put(0xffff, 16);
    put((1 << quotient) - 1, quotient + 1);
    put(gap & mask & 0xffff, Math.min(parameter, 16));
    if (parameter > 16) put((gap & mask) >>> 16, parameter - 16);
  }
  if (held > 0) out[to] = pending;
  return end - at;
}

/**
 * Reads `count` increasing coordinates below `length` into `index` from `bytes[at … end)` and returns the number of bytes
 * they take. Reads nothing outside the range. @throws ProtocolError
 */
export function readIndex(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  length: number,
  index: Int32Array,
): number {
  if (length <= COUNTED) return readNumber(bytes, at, end, count, length, index);
  if (at >= end) throw new ProtocolError('the payload ends before its support');
  const parameter = bytes[at];
  if (parameter === BITMAP) return readBitmap(bytes, at + 1, end, count, length, index);
  if (parameter > MAX_PARAMETER) throw new ProtocolError(`${parameter} is no code of a support`);
  const limit = 8 * end;
  let bit = 8 * (at + 1);
  let previous = -1;
  const next = () => {
    if (bit >= limit) throw new ProtocolError('the payload ends within its support');
    const value = (bytes[bit >> 3] >>> (bit & 7)) & 1;
    bit++;
    return value;
  };
  const mask = 2 ** parameter - 1;
  for (let k = 0; k < count; k++) {
    let gap = 0;
    const byte = bit >> 3;
    // 25 bits or more of the code, mostly the whole gap
    const window = byte + 4 <= end ? getU32(bytes, byte) >>> (bit & 7) : 0xffffffff;
    const quotient = 31 - Math.clz32(~window & -~window);
    if (quotient + 1 + parameter <= 25 && window !== 0xffffffff) {
      gap = quotient * (mask + 1) + ((window >>> (quotient + 1)) & mask);
      bit += quotient + 1 + parameter;
    } else {
      while (next() === 1) {
        gap += mask + 1;
        if (previous + 1 + gap >= length) throw new ProtocolError(`a coordinate is not below ${length}`);
      }
      for (let b = 0; b < parameter; b++) gap += next() * 2 ** b;
    }
    previous += 1 + gap;
    if (previous >= length) throw new ProtocolError(`coordinate ${previous} is not below ${length}`);
    index[k] = previous;
  }
  while ((bit & 7) !== 0) if (next() !== 0) throw new ProtocolError('padding bits of the support are not zero');
  return (bit >> 3) - at;
}

function readBitmap(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  length: number,
  index: Int32Array,
): number {
  const size = Math.ceil(length / 8);
  if (end - at < size) throw new ProtocolError('the payload ends within its support');
  let listed = 0;
  for (let byte = 0; byte < size; byte++) {
    for (let rest = bytes[at + byte]; rest !== 0; rest &= rest - 1) {
      const coordinate = 8 * byte + 31 - Math.clz32(rest & -rest);
      if (coordinate >= length) throw new ProtocolError('padding bits of the support are not zero');
      if (listed === count) throw new ProtocolError(`the support has more than ${count} coordinates`);
      index[listed++] = coordinate;
    }
  }
  if (listed !== count) throw new ProtocolError(`the support has ${listed} coordinates, expected ${count}`);
  return 1 + size;
}

/** The Rice parameter that codes these gaps in the fewest bits. The cost is convex in it, so the first rise ends it. */
function shortestRice(index: Int32Array, count: number): { parameter: number; bits: number } {
  // a parameter near log₂ of the mean gap is near the best
  const mean = count === 0 ? 0 : (index[count - 1] + 1 - count) / count;
  const first = Math.max(0, Math.floor(Math.log2(mean + 1)) - 2);
  let parameter = first;
  let bits = Number.POSITIVE_INFINITY;
  for (let p = first; p <= MAX_PARAMETER; p += 4) {
    for (const [k, quotients] of sumsOfQuotients(index, count, p).entries()) {
      const all = count * (1 + p + k) + quotients;
      if (all >= bits || p + k > MAX_PARAMETER) return { parameter, bits };
      parameter = p + k;
      bits = all;
    }
  }
  return { parameter, bits };
}

/** Σ ⌊gap / 2^p⌋ for four parameters, from p on. */
function sumsOfQuotients(index: Int32Array, count: number, p: number): [number, number, number, number] {
  let [a, b, c, d] = [0, 0, 0, 0];
  let previous = -1;
  for (let k = 0; k < count; k++) {
    const quotient = (index[k] - previous - 1) >>> p;
    previous = index[k];
    a += quotient;
    b += quotient >>> 1;
    c += quotient >>> 2;
    d += quotient >>> 3;
  }
  return [a, b, c, d];
}

/** The number of the support among all of its size, lowest byte first. */
function writeNumber(index: Int32Array, count: number, length: number, out: Uint8Array, at: number): number {
  const bytes = Math.ceil(bitsBelow(binomial(length, count)) / 8);
  putBigUint(out, at, bytes, numberOfSubset(index, count, length));
  return bytes;
}

function readNumber(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  length: number,
  index: Int32Array,
): number {
  const all = binomial(length, count);
  const size = Math.ceil(bitsBelow(all) / 8);
  if (end - at < size) throw new ProtocolError('the payload ends within its support');
  const number = getBigUint(bytes, at, size);
  if (number >= all) throw new ProtocolError(`a support's place is not below ${all}`);
  subsetOfNumber(number, count, length, index);
  return size;
}
