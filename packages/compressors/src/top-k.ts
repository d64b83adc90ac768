import type { ExplicitSelector, Support } from './compressor.js';
import { CompressorError } from './errors.js';
import { maxIndexBytes, readIndex, writeIndex } from './index-code.js';

/** Digits of the 63 bits of a magnitude, most significant first, 11 bits each but the last. The first is the exponent. */
const DIGITS = 6;
const BUCKETS = 2048;
/** Exponent of an infinity or NaN. */
const NOT_FINITE = 2047;
/** From this length on, one value of {@link STRIDE} is looked at, to its exponent and two bits more, before all are. */
const SAMPLED = 4096;
const STRIDE = 16;
const SAMPLE_SHIFT = 18;
const SAMPLE_BUCKETS = 1 << 13;

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
    A: k === dimension ? 0 : Number.POSITIVE_INFINITY,
    B: 0,
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
 * Selection of the K largest magnitudes. A sample says from where on there are K or more, almost surely [R. Floyd and
 * R. Rivest 1975]; one pass lists those; digit by digit, radix selection finds the K-th largest of the list. O(d), whatever
 * the values.
 */
function selection(dimension: number) {
  const sample = new Int32Array(dimension < SAMPLED ? 0 : SAMPLE_BUCKETS);
  const histogram = new Int32Array(BUCKETS);
  /** One more, because listing writes first and counts then. */
  const listed = new Int32Array(dimension + 1);
  const candidates = new Int32Array(dimension);

  /** A bound on the high words of magnitudes that `count` or more are above, almost surely. */
  const guess = (words: Int32Array, length: number, count: number): number => {
    if (length < SAMPLED) return -1;
    sample.fill(0);
    for (let i = 1; i < words.length; i += 2 * STRIDE) sample[(words[i] & 0x7fffffff) >>> SAMPLE_SHIFT]++;
    const expected = count / STRIDE;
    let left = Math.ceil(expected + 5 * Math.sqrt(expected) + 10);
    let bucket = SAMPLE_BUCKETS - 1;
    for (; bucket > 0 && sample[bucket] < left; bucket--) left -= sample[bucket];
    return (bucket << SAMPLE_SHIFT) - 1;
  };

  /** Lists all coordinates whose magnitude has a high word above `bound`; returns their number. */
  const list = (words: Int32Array, length: number, bound: number): number => {
    let size = 0;
    for (let i = 0; i < length; i++) {
      listed[size] = i;
      size += (bound - (words[2 * i + 1] & 0x7fffffff)) >>> 31;
    }
    return size;
  };

  /** Lists the `count` largest of x[0 … length) in `index`, ascending. @throws CompressorError for NaN or an infinity */
  return (x: Float64Array, length: number, count: number, index: Int32Array): void => {
    const words = new Int32Array(x.buffer, x.byteOffset, 2 * length);
    let size = list(words, length, guess(words, length, count));
    if (size < count) size = list(words, length, -1);

    // the K-th largest magnitude, as far as it matters, and how many of those equal to it are taken
    let high = 0;
    let low = 0;
    let taken = count;
    let left = size;
    candidates.set(listed.subarray(0, size));
    for (let d = 0; d < DIGITS && (d === 0 || left > taken); d++) {
      histogram.fill(0);
      for (let c = 0; c < left; c++) histogram[digit(words, candidates[c], d)]++;
      if (d === 0 && histogram[NOT_FINITE] > 0) throw new CompressorError('a coordinate is not a finite number');
      let bucket = BUCKETS - 1;
      for (; histogram[bucket] < taken; bucket--) taken -= histogram[bucket];
      let kept = 0;
      for (let c = 0; c < left; c++) if (digit(words, candidates[c], d) === bucket) candidates[kept++] = candidates[c];
      left = kept;
      if (d === 0) high = bucket << 20;
      if (d === 1) high |= bucket << 9;
      if (d === 2) {
        high |= bucket >>> 2;
        low = bucket << 30;
      }
      if (d > 2) low |= d === 5 ? bucket : bucket << (19 - 11 * (d - 3));
    }
    let to = 0;
    for (let k = 0; k < size; k++) {
      const i = listed[k];
      const difference = (words[2 * i + 1] & 0x7fffffff) - high || (words[2 * i] >>> 0) - (low >>> 0);
      if (difference > 0 || (difference === 0 && taken-- > 0)) index[to++] = i;
    }
  };
}

/** Digit `d` of the magnitude of coordinate i, as 64 little-endian bits without the sign. */
function digit(words: Int32Array, i: number, d: number): number {
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
}
