import { Rng } from '@flotilla/core';
import { getF32, getF64, getUint, putF32, putF64, putUint } from '@flotilla/core/internal';
import type { ValueCodec, Wire } from './compressor.js';
import { EntropyCode } from './entropy-code.js';
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
  /** A norm of values[0 … count), at least their largest magnitude. NaN or infinite when a value is. */
  norm(values: Float64Array, count: number): number;
  /** The level of a magnitude that is `ratio` ≤ 1 times the norm. */
  level(ratio: number, rng: Rng): number;
  /** What a level stands for, as a part of the norm. */
  part(level: number): number;
  /** Whether high levels are the likely ones, so that the entropy code counts down from the highest. */
  readonly fromTop: boolean;
}

/** The second part of a message: packed levels; levels in an entropy code; the support, then its levels, in one or packed. */
const Form = { packed: 0, coded: 1, sparse: 2 } as const;

/** How far the norm on the wire may lie above ‖x‖: it is rounded up, so that no ratio is above 1. */
export const NORM_EXCESS: Readonly<Record<Wire, number>> = { f32: 2 ** -22, f64: 2 ** -30 };

const COUNT_BYTES = 4;

/** Up to this many levels, what they stand for is listed beforehand. */
const LISTED = 1 << 12;

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
  const code = new EntropyCode();
  const signs = new SignCode();
  /** Whether nothing but signs travels, in a code that leaves no choice. */
  const brief = (count: number) => levels === 1 && count <= MAX_SIGNS;
  const parts = Float64Array.from({ length: levels <= LISTED ? levels + 1 : 0 }, (_, level) => dithering.part(level));
  let numbers = new Uint32Array(0);
  let chosen = new Uint32Array(0);
  let index = new Int32Array(0);
  let room = new Uint8Array(0);
  let nonZero = 0;
  const reserve = (count: number) => {
    if (numbers.length >= count) return;
    numbers = new Uint32Array(count);
    chosen = new Uint32Array(count);
    index = new Int32Array(count);
    room = new Uint8Array(COUNT_BYTES + maxIndexBytes(count) + packedBytes(count, symbolBits));
  };
  // both ways: the entropy code's small numbers are the likely levels
  const turned = dithering.fromTop
    ? (number: number) => (number === 0 ? 0 : ((levels + 1 - (number >>> 1)) << 1) | (number & 1))
    : (number: number) => number;
  const turn = (list: Uint32Array, count: number) => {
    if (dithering.fromTop) for (let i = 0; i < count; i++) list[i] = turned(list[i]);
  };

  /** Support and levels of the values that are not 0, to `room`; −1 when that is more than `limit` bytes. */
  const writeSparse = (count: number, limit: number): number => {
    let kept = 0;
    for (let i = 0; i < count; i++) {
      if (numbers[i] === 0) continue;
      index[kept] = i;
      chosen[kept++] = numbers[i];
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
    turn(chosen, kept);
    const coded = code.write(chosen, kept, room, to, limit - to);
    return coded < 0 ? -1 : to + coded;
  };

  /** A form and the levels in it, to `numbers`. */
  const readLevels = (bytes: Uint8Array, at: number, end: number, count: number): void => {
    const from = at + 1;
    if (from > end) throw new ProtocolError('the payload ends before its levels');
    switch (bytes[from - 1]) {
      case Form.packed:
        checkSize(end - from, packedBytes(count, symbolBits), count);
        unpackBits(bytes, from, numbers, count, symbolBits);
        break;
      case Form.coded:
        code.read(bytes, from, end, numbers, count, levels);
        turn(numbers, count);
        break;
      case Form.sparse: {
        const size = countBytes(count);
        if (end - from < size) throw new ProtocolError('the payload ends within its support');
        const kept = getUint(bytes, from, size);
        if (kept > count) throw new ProtocolError(`a support of ${kept} of ${count} coordinates`);
        const start = from + size + readIndex(bytes, from + size, end, kept, count, index);
        if (levels === 1) {
          checkSize(end - start, packedBytes(kept, 1), kept);
          unpackBits(bytes, start, chosen, kept, 1);
          for (let k = 0; k < kept; k++) chosen[k] |= 2;
        } else {
          code.read(bytes, start, end, chosen, kept, levels);
          turn(chosen, kept);
        }
        numbers.fill(0, 0, count);
        for (let k = 0; k < kept; k++) numbers[index[k]] = chosen[k];
        break;
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
      const exact = dithering.norm(values, count);
      const scale = wire === 'f32' ? roundUpToF32(exact) : exact;
      if (!Number.isFinite(scale)) {
        throw new CompressorError(
          Number.isFinite(exact) ? `a norm of ${exact} is no ${wire} number` : 'a coordinate or the norm is not finite',
        );
      }
      if (wire === 'f32') putF32(out, at, scale);
      else putF64(out, at, scale);
      if (scale === 0) return width;

      key.own(rng, 'rounding', stage);
      reserve(count);
      // little-endian, like all machines that Node runs on; and without branches that depend on coins
      const words = new Int32Array(values.buffer, values.byteOffset, 2 * count);
      for (let i = 0; i < count; i++) {
        const level = dithering.level(Math.abs(values[i]) / scale, rng);
        const some = -level >>> 31;
        nonZero += some;
        numbers[i] = ((level << 1) | (words[2 * i + 1] >>> 31)) & -some;
      }
      if (brief(count)) return width + signs.write(numbers, count, out, at + width);
      const form = at + width;
      let best = packedBytes(count, symbolBits);
      out[form] = Form.packed;
      // a support is shorter only when few values are in it
      if (4 * nonZero < count) {
        const bytes = writeSparse(count, best - 1);
        if (bytes >= 0) {
          best = bytes;
          out[form] = Form.sparse;
        }
      }
      turn(numbers, count);
      const bytes = code.write(numbers, count, out, form + 1, best - 1);
      if (bytes >= 0) {
        best = bytes;
        out[form] = Form.coded;
      } else if (out[form] === Form.sparse) {
        out.set(room.subarray(0, best), form + 1);
      } else {
        turn(numbers, count);
        packBits(numbers, count, symbolBits, out, form + 1);
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
      reserve(count);
      if (brief(count)) signs.read(bytes, at + width, end, numbers, count);
      else readLevels(bytes, at + width, end, count);
      for (let i = 0; i < count; i++) {
        const number = numbers[i];
        const level = number >>> 1;
        if (level > levels) throw new ProtocolError(`level ${level} of ${levels}`);
        if (number === 1) throw new ProtocolError('a zero with a sign');
        nonZero += -level >>> 31;
        values[i] = (1 - 2 * (number & 1)) * scale * (levels <= LISTED ? parts[level] : dithering.part(level));
      }
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

/** max |x_i|; NaN when there is one. */
function maxNorm(values: Float64Array, count: number): number {
  let largest = 0;
  let check = 0;
  for (let i = 0; i < count; i++) {
    const magnitude = Math.abs(values[i]);
    check += magnitude * 0;
    if (magnitude > largest) largest = magnitude;
  }
  return largest + check;
}

/** ‖x‖_p, 1 ≤ p ≤ ∞. At least max |x_i|, and neither overflow nor underflow on the way. */
export function pNorm(values: Float64Array, count: number, p: number): number {
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
