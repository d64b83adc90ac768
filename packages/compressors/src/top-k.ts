import type { ExplicitSelector, Support } from './compressor.js';
import { CompressorError } from './errors.js';
import { maxIndexBytes, readIndex, writeIndex } from './index-code.js';

/** Digits of the 63 bits of a magnitude, most significant first, 11 bits each but the last. The first is the exponent. */
const DIGITS = 6;
const BUCKETS = 2048;
/** Exponent of an infinity or NaN. */
const NOT_FINITE = 2047;

/**
 * `top-k:k=`: the K coordinates of largest magnitude, ties by lower index. Biased, α = K/d. The support depends on x, so
 * its indices travel, before the values.
 */
export function topK(dimension: number, k: number): ExplicitSelector {
  const index = new Int32Array(k);
  const support: Support = { index, count: 0, scale: 1 };
  const largest = selection(dimension);
  return {
    dimension,
    maxKept: k,
    omega: k === dimension ? 0 : Number.POSITIVE_INFINITY,
    theta: k === dimension ? 0 : Number.POSITIVE_INFINITY,
    alpha: k / dimension,
    density: k,
    same: true,
    maxIndexBytes: maxIndexBytes(dimension),
    choose(x, length) {
      support.count = Math.min(k, length);
      largest(x, length, support.count, index);
      return support;
    },
    writeIndex: (length, out, at) => writeIndex(index, support.count, length, out, at),
    readIndex(bytes, at, end, length) {
      support.count = Math.min(k, length);
      return readIndex(bytes, at, end, support.count, length, index);
    },
    support,
  };
}

/**
 * Selection of the K largest magnitudes by radix: at most {@link DIGITS} passes over a set of candidates that shrinks to
 * the one bucket the K-th largest is in. O(d), whatever the values.
 */
function selection(dimension: number) {
  const values = new Float64Array(dimension);
  const words = new Uint32Array(values.buffer);
  const candidates = new Int32Array(dimension);
  const taken = new Uint8Array(dimension);
  const histogram = new Int32Array(BUCKETS);

  /** Digit `d` of the magnitude of coordinate i, as 64 little-endian bits without the sign. */
  const digit = (i: number, d: number): number => {
    const low = words[2 * i];
    const high = words[2 * i + 1] & 0x7fffffff;
    switch (d) {
      case 0:
        return high >>> 20;
      case 1:
        return (high >>> 9) & 0x7ff;
      case 2:
        return ((high & 0x1ff) << 2) | (low >>> 30);
      case 3:
        return (low >>> 19) & 0x7ff;
      case 4:
        return (low >>> 8) & 0x7ff;
      default:
        return low & 0xff;
    }
  };

  /** Lists the `count` largest of x[0 … length) in `index`, ascending. @throws CompressorError for NaN or an infinity */
  return (x: Float64Array, length: number, count: number, index: Int32Array): void => {
    for (let i = 0; i < length; i++) values[i] = x[i];
    taken.fill(0, 0, length);
    for (let i = 0; i < length; i++) candidates[i] = i;
    let left = length;
    let needed = count;
    for (let d = 0; d < DIGITS && left > needed; d++) {
      histogram.fill(0);
      for (let c = 0; c < left; c++) histogram[digit(candidates[c], d)]++;
      if (d === 0 && histogram[NOT_FINITE] > 0) break;
      let bucket = BUCKETS - 1;
      for (; histogram[bucket] < needed; bucket--) needed -= histogram[bucket];
      let kept = 0;
      for (let c = 0; c < left; c++) {
        const i = candidates[c];
        const value = digit(i, d);
        if (value > bucket) taken[i] = 1;
        else if (value === bucket) candidates[kept++] = i;
      }
      left = kept;
    }
    // equal magnitudes to the last bit are left in the order of their indices
    for (let c = 0; c < needed; c++) taken[candidates[c]] = 1;
    let listed = 0;
    let check = 0;
    for (let i = 0; i < length; i++) {
      check += values[i] * 0;
      if (taken[i] === 1 && listed < count) index[listed++] = i;
    }
    if (check !== 0) throw new CompressorError('a coordinate is not a finite number');
  };
}
