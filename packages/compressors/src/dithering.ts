import { Rng } from '@flotilla/core';
import { getF32, getF64, getUint, putF32, putF64, putUint } from '@flotilla/core/internal';
import { codecKernels } from './codec-kernels.js';
import type { MessageKey, ValueCodec, Wire } from './compressor.js';
import { entropyCode, twiceOf } from './entropy-code.js';
import { CompressorError, checkSize, ProtocolError } from './errors.js';
import { log2Binomial, maxIndexBytes, readIndex, writeIndex } from './index-code.js';
import { packBits, packedBytes, unpackBits } from './pack-bits.js';
import { MAX_SIGNS, SignCode } from './sign-code.js';

/** A dithering: a norm, and levels between 0 and it to which magnitudes are rounded without bias. */
export interface Dithering {
  /** Number of levels above 0. */
  readonly levels: number;
  /** ω for vectors of at most the dimension it was made for. */
  readonly omega: number;
  /** Expected number of values, of `count` on average, whose level is not 0, at most. */
  density(count: number): number;
  /** p of the norm ‖x‖_p, 1 ≤ p ≤ ∞. */
  readonly p: number;
  /**
   * Where the levels are, as parts of the norm: `uniform`, at level/levels; or `powers`, at 2^(level − levels) from level 1 on.
   * Of powers the high levels are the likely ones, so that the entropy code counts down from the highest.
   */
  readonly spacing: 'uniform' | 'powers';
}

/** The second part of a message: packed levels; levels in an entropy code; the support, then its levels, in one or packed. */
const Form = { packed: 0, coded: 1, sparse: 2 } as const;

/** How far the norm on the wire may lie above ‖x‖: it is rounded up, so that no ratio is above 1. */
export const NORM_EXCESS: Readonly<Record<Wire, number>> = { f32: 2 ** -22, f64: 2 ** -30 };

const COUNT_BYTES = 4;

/**
 * The codec of a dithering. A message is the norm, in the wire's width; nothing more when it is 0; else a byte and the
 * shortest of three codes of levels and signs (up to 1,000 values of one level: the one {@link SignCode}, and no byte). A value
 * is decoded to sign · norm · part(level) in f64. What is rounded is relative to the norm as the wire carries it, so nothing
 * but the coins decides the mean.
 */
export function dithered(dithering: Dithering, wire: Wire, stage: number): ValueCodec {
  const { levels } = dithering;
  const width = wire === 'f32' ? 4 : 8;
  const levelBits = 32 - Math.clz32(levels);
  const symbolBits = levelBits + 1;
  const rng = new Rng();
  const signs = new SignCode();
  const powers = dithering.spacing === 'powers';
  /** Whether nothing but signs travels, in a code that leaves no choice. */
  const brief = (count: number) => levels === 1 && count <= MAX_SIGNS;
  // for supports
  let levelsOf = new Uint32Array(0);
  let chosen = new Uint32Array(0);
  let index = new Int32Array(0);
  let room = new Uint8Array(0);
  let nonZero = 0;
  const reserve = (count: number) => {
    if (levelsOf.length >= count) return;
    levelsOf = new Uint32Array(count);
    chosen = new Uint32Array(count);
    index = new Int32Array(count);
    room = new Uint8Array(COUNT_BYTES + maxIndexBytes(count) + packedBytes(count, symbolBits));
  };
  // of powers the high levels are the likely ones: they are coded as small numbers
  const most = powers ? levels : undefined;

  /** Rounds values to the kernels' list. Returns how many are not 0. */
  const round = (values: Float64Array, count: number, scale: number, key: MessageKey): number => {
    const kernels = codecKernels();
    const { roundPowers, roundUniform } = kernels.exports;
    kernels.seed(key.own(rng, 'rounding', stage));
    const roundTo = powers ? roundPowers : roundUniform;
    let kept = 0;
    kernels.reserve(count);
    kernels.stage(values, count, (from, some, start) => {
      kept += roundTo(from, kernels.list + 4 * start, some, scale, levels);
    });
    return kept;
  };

  /** Support and levels of the `kept` values that are not 0, to `room`; −1 when that is more than `limit` bytes. */
  const writeSparse = (count: number, kept: number, limit: number): number => {
    reserve(count);
    const numbers = codecKernels().numbers(count);
    for (let i = 0, k = 0; k < kept; i++) {
      index[k] = i;
      chosen[k] = numbers[i];
      k += -numbers[i] >>> 31;
    }
    let to = countBytes(count);
    putUint(room, 0, countBytes(count), kept);
    to += writeIndex(index, kept, count, room, to);
    if (to > limit) return -1;
    if (levels === 1) {
      // nothing but signs
      for (let k = 0; k < kept; k++) chosen[k] &= 1;
      packBits(chosen, kept, 1, room, to);
      to += packedBytes(kept, 1);
      return to > limit ? -1 : to;
    }
    levelsOf.set(numbers);
    numbers.set(chosen.subarray(0, kept));
    const coded = entropyCode.write(kept, room, to, limit - to, most);
    codecKernels().numbers(count).set(levelsOf.subarray(0, count));
    return coded < 0 ? -1 : to + coded;
  };

  /** A form and the levels in it, to the kernels' list. Returns how to turn them back. */
  const readLevels = (bytes: Uint8Array, at: number, end: number, count: number): number => {
    const from = at + 1;
    if (from > end) throw new ProtocolError('the payload ends before its levels');
    switch (bytes[from - 1]) {
      case Form.packed:
        checkSize(end - from, packedBytes(count, symbolBits), count);
        unpackBits(bytes, from, codecKernels().numbers(count), count, symbolBits);
        return twiceOf(undefined);
      case Form.coded:
        entropyCode.read(bytes, from, end, count, levels);
        return twiceOf(most);
      case Form.sparse: {
        const size = countBytes(count);
        if (end - from < size) throw new ProtocolError('the payload ends within its support');
        const kept = getUint(bytes, from, size);
        if (kept > count) throw new ProtocolError(`a support of ${kept} of ${count} coordinates`);
        reserve(count);
        const start = from + size + readIndex(bytes, from + size, end, kept, count, index);
        if (levels === 1) {
          checkSize(end - start, packedBytes(kept, 1), kept);
          unpackBits(bytes, start, chosen, kept, 1);
          for (let k = 0; k < kept; k++) chosen[k] |= 2;
        } else {
          entropyCode.read(bytes, start, end, kept, levels);
          chosen.set(codecKernels().numbers(kept));
        }
        const numbers = codecKernels().numbers(count).fill(0);
        for (let k = 0; k < kept; k++) numbers[index[k]] = chosen[k];
        return twiceOf(levels === 1 ? undefined : most);
      }
      default:
        throw new ProtocolError(`${bytes[from - 1]} is no form of levels`);
    }
  };

  return {
    omega: dithering.omega,
    nominalBits: symbolBits,
    density: (count) => dithering.density(count),
    expectedBits: (count) => {
      const kept = Math.round(dithering.density(count));
      const sparse = levels === 1 && kept < count;
      return 8 * width + (sparse ? log2Binomial(Math.ceil(count), kept) + kept : count * symbolBits);
    },
    get coordinates() {
      return nonZero;
    },
    maxBytes: (count) => (count === 0 ? 0 : width + 1 + packedBytes(count, symbolBits)),
    write(values, count, key, out, at) {
      nonZero = 0;
      if (count === 0) return 0;
      const exact = pNorm(values, count, dithering.p, wire);
      const scale = wire === 'f32' ? roundUpToF32(exact) : exact;
      if (!Number.isFinite(scale)) {
        throw new CompressorError(
          Number.isFinite(exact) ? `a norm of ${exact} is no ${wire} number` : 'a coordinate or the norm is not finite',
        );
      }
      if (wire === 'f32') putF32(out, at, scale);
      else putF64(out, at, scale);
      if (scale === 0) return width;

      nonZero = round(values, count, scale, key);
      if (brief(count)) return width + signs.write(codecKernels().numbers(count), count, out, at + width);
      const form = at + width;
      let best = packedBytes(count, symbolBits);
      out[form] = Form.packed;
      // a support is shorter only when few values are in it
      if (4 * nonZero < count) {
        const bytes = writeSparse(count, nonZero, best - 1);
        if (bytes >= 0) {
          best = bytes;
          out[form] = Form.sparse;
        }
      }
      const bytes = entropyCode.write(count, out, form + 1, best - 1, most);
      if (bytes >= 0) {
        best = bytes;
        out[form] = Form.coded;
      } else if (out[form] === Form.sparse) {
        out.set(room.subarray(0, best), form + 1);
      } else {
        packBits(codecKernels().numbers(count), count, symbolBits, out, form + 1);
      }
      return width + 1 + best;
    },
    read(bytes, at, end, count, values) {
      nonZero = 0;
      if (count === 0) return checkSize(end - at, 0, 0);
      if (end - at < width) throw new ProtocolError('the payload ends within its norm');
      const scale = wire === 'f32' ? getF32(bytes, at) : getF64(bytes, at);
      if (!Number.isFinite(scale) || scale < 0 || Object.is(scale, -0)) throw new ProtocolError(`${scale} is no norm`);
      if (scale === 0) {
        checkSize(end - at, width, count);
        values.fill(0, 0, count);
        return;
      }
      const kernels = codecKernels();
      const { exports, list } = kernels;
      let twice = 0;
      if (brief(count)) signs.read(bytes, at + width, end, kernels.numbers(count), count);
      else twice = readLevels(bytes, at + width, end, count);
      const valuesOf: typeof exports.valuesOfPowers = powers ? exports.valuesOfPowers : exports.valuesOfUniform;
      let wrong = false;
      kernels.make(values, count, (to, some, start) => {
        const kept = valuesOf(list + 4 * start, some, to, scale, levels, twice);
        wrong ||= kept < 0;
        nonZero += kept;
      });
      if (wrong) throw new ProtocolError(`a level above ${levels}, or a zero with a sign`);
    },
  };
}

/** Bytes that hold every number up to `count`. */
function countBytes(count: number): number {
  return count < 0x100 ? 1 : count < 0x10000 ? 2 : count < 0x1000000 ? 3 : 4;
}

/** The smallest f32 number that is at least `value` ≥ 0. */
function roundUpToF32(value: number): number {
  const nearest = Math.fround(value);
  if (!(nearest < value)) return nearest;
  const bits = new Uint32Array(Float32Array.of(nearest).buffer);
  bits[0]++;
  return new Float32Array(bits.buffer)[0];
}

/** max |x_i|; NaN when one is not finite. */
function maxNorm(values: Float64Array, count: number): number {
  const kernels = codecKernels();
  let largest = 0;
  kernels.stage(values, count, (from, some) => {
    largest = Math.max(largest, kernels.exports.largestMagnitude(from, some));
  });
  return largest;
}

/** Σ x_i², in some order. */
function sumOfSquares(values: Float64Array, count: number): number {
  const kernels = codecKernels();
  let sum = 0;
  kernels.stage(values, count, (from, some) => {
    sum += kernels.exports.sumOfSquares(from, some);
  });
  return sum;
}

/**
 * ‖x‖_p, 1 ≤ p ≤ ∞, at least max |x_i|, and neither overflow nor underflow on the way; not finite when a value is not. On an f32
 * wire it may be another number that rounds up to the same f32 number.
 */
function pNorm(values: Float64Array, count: number, p: number, wire: Wire): number {
  if (p === 2 && wire === 'f32') {
    const sum = sumOfSquares(values, count);
    // both ways of summing are nearer than this to the norm
    const error = (2 * count + 64) * 2 ** -53;
    const norm = Math.sqrt(sum);
    if (sum > 1e-200 && sum < 1e200 && roundUpToF32(norm * (1 - error)) === roundUpToF32(norm * (1 + error)))
      return norm;
  }
  const largest = maxNorm(values, count);
  if (p === Number.POSITIVE_INFINITY || !(largest > 0) || largest === Number.POSITIVE_INFINITY) return largest;
  let sum = 0;
  if (p === 2) {
    for (let i = 0; i < count; i++) sum += (values[i] / largest) ** 2;
    return largest * Math.sqrt(sum);
  }
  for (let i = 0; i < count; i++) sum += (Math.abs(values[i]) / largest) ** p;
  return largest * Math.max(1, sum ** (1 / p));
}
