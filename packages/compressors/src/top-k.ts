import { codecKernels } from './codec-kernels.js';
import type { ExplicitSelector, Support } from './compressor.js';
import { CompressorError } from './errors.js';
import { maxIndexBytes, readIndex, writeIndex } from './index-code.js';

/** High word of the magnitude of an infinity, and of the smallest NaN or above. */
const NOT_FINITE = 0x7ff00000;
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
 * R. Rivest 1975]; one pass lists those; radix selection finds the K-th largest of the list, first by high words, and by low
 * words among those whose high words are alike. O(d), whatever the values. The loops are in assembly/select.ts.
 */
function selection(dimension: number) {
  const sample = new Int32Array(dimension < SAMPLED ? 0 : SAMPLE_BUCKETS);
  const float = new Float64Array(1);
  /** Low and high word of `float`: little-endian, like all machines that Node runs on and the wire. */
  const words = new Uint32Array(float.buffer);

  const lowOf = (value: number) => {
    float[0] = value;
    return words[0];
  };

  /** A bound on the high words of magnitudes that `count` or more are above, almost surely. */
  const guess = (x: Float64Array, length: number, count: number): number => {
    if (length < SAMPLED) return -1;
    sample.fill(0);
    for (let i = 0; i < length; i += STRIDE) {
      float[0] = x[i];
      sample[(words[1] & 0x7fffffff) >>> SAMPLE_SHIFT]++;
    }
    const expected = count / STRIDE;
    let left = Math.ceil(expected + 5 * Math.sqrt(expected) + 10);
    let bucket = SAMPLE_BUCKETS - 1;
    for (; bucket > 0 && sample[bucket] < left; bucket--) left -= sample[bucket];
    return (bucket << SAMPLE_SHIFT) - 1;
  };

  /** Lists the coordinates whose magnitude has a high word above `bound`, and those words. */
  const list = (x: Float64Array, length: number, bound: number, index: number, keys: number): number => {
    const kernels = codecKernels();
    let size = 0;
    kernels.stage(x, length, (from, some, start) => {
      size += kernels.exports.listAbove(from, some, start, bound, index + 4 * size, keys + 4 * size);
    });
    return size;
  };

  /** Lists the `count` largest of x[0 … length) in `index`, ascending. @throws CompressorError for NaN or an infinity */
  return (x: Float64Array, length: number, count: number, index: Int32Array): void => {
    const kernels = codecKernels();
    // three lists, of as many words as there are coordinates at most
    const listed = kernels.list;
    const keys = kernels.reserve(length);
    const scratch = keys + keys - listed;
    kernels.ensure(scratch + keys - listed);
    let size = list(x, length, guess(x, length, count), listed, keys);
    if (size < count) size = list(x, length, -1, listed, keys);
    const high = kernels.exports.selectKey(keys, size, scratch, count);
    const alike = kernels.exports.equalKeys();
    const wanted = kernels.exports.wantedKeys();
    const coordinates = kernels.words(listed, size);
    const highs = kernels.words(keys, size);
    let largest = 0;
    if (alike === wanted) {
      for (let k = 0, to = 0; k < size; k++) {
        index[to] = coordinates[k];
        to += (high - 1 - highs[k]) >>> 31;
        if (highs[k] > largest) largest = highs[k];
      }
    } else {
      // of those with this high word the largest low words, and of equal ones the first
      const lows = kernels.words(scratch, alike);
      for (let k = 0, to = 0; to < alike; k++) if (highs[k] === high) lows[to++] = lowOf(x[coordinates[k]]);
      const low = kernels.exports.selectKey(scratch, alike, scratch, wanted) >>> 0;
      let taken = kernels.exports.wantedKeys();
      for (let k = 0, to = 0; to < count; k++) {
        const rest = highs[k] - high || lowOf(x[coordinates[k]]) - low;
        if (rest > 0 || (rest === 0 && taken-- > 0)) index[to++] = coordinates[k];
        if (highs[k] > largest) largest = highs[k];
      }
    }
    // they are the largest of all
    if (largest >= NOT_FINITE) throw new CompressorError('a coordinate is not a finite number');
  };
}
