import { codecKernels } from './codec-kernels.js';
import type { ValueCodec, Wire } from './compressor.js';
import { entropyCode } from './entropy-code.js';
import { checkSize, ProtocolError } from './errors.js';
import { LAYOUT, maxExponentCode, NO_MAX_EXPONENT } from './float-layout.js';
import { packBits, packedBytes, unpackBits } from './pack-bits.js';
import { plain } from './plain.js';

/**
 * `packed`: the very values that plain coding carries, with their exponents in the entropy code. Nothing is lost, −0 and
 * subnormal numbers included: ω = 0. Fractions are noise and stay as they are, so that about 27 bits of 32 are left.
 *
 * A message is one byte and, when it is 255, the plain values. Else the byte says what no exponent exceeds; it is followed
 * by the fractions without gaps (f64: the low 32 bits of each, then the high 20), and the code of exponents and signs.
 */
export function packed(wire: Wire, maxCount: number): ValueCodec {
  const { bias } = LAYOUT[wire];
  const inner = plain(wire);
  const width = wire === 'f32' ? 4 : 8;
  /** Fraction bits in the word that has the exponent. */
  const high = wire === 'f32' ? 23 : 20;
  const maxExponent = maxExponentCode(wire);
  const buffer = new Uint8Array(maxCount * width);
  /** f32: a word a value. f64: low and high words in turn. */
  const words = new Uint32Array(buffer.buffer);
  const stride = width / 4;
  const fractions = new Uint32Array(maxCount);
  const fractionBytes = (count: number) => (width - 4) * count + packedBytes(count, high);
  return {
    precisions: inner.precisions ?? [],
    omega: 0,
    nominalBits: inner.nominalBits,
    maxBytes: (count) => (count === 0 ? 0 : 1 + inner.maxBytes(count)),
    write(values, count, key, out, at) {
      if (count === 0) return 0;
      const size = inner.write(values, count, key, buffer, 0);
      const numbers = codecKernels().numbers(count);
      let largest = 0;
      for (let i = 0; i < count; i++) {
        const word = words[i * stride + stride - 1];
        const exponent = (word & 0x7fffffff) >>> high;
        fractions[i] = word & ((1 << high) - 1);
        numbers[i] = (exponent << 1) | (word >>> 31);
        if (exponent > largest) largest = exponent;
      }
      const byte = maxExponent.byteOf(largest);
      if (byte !== NO_MAX_EXPONENT) {
        const twice = 2 * (maxExponent.of(byte) + 1);
        for (let i = 0; i < count; i++) numbers[i] = (twice - (numbers[i] & ~1)) | (numbers[i] & 1);
        const from = at + 1 + fractionBytes(count);
        const coded = entropyCode.write(count, out, from, size - fractionBytes(count) - 1);
        if (coded >= 0) {
          out[at] = byte;
          let to = at + 1;
          if (stride === 2) {
            for (let i = 0; i < count; i++, to += 4) out.set(buffer.subarray(8 * i, 8 * i + 4), to);
          }
          packBits(fractions, count, high, out, to);
          return 1 + fractionBytes(count) + coded;
        }
      }
      out[at] = NO_MAX_EXPONENT;
      out.set(buffer.subarray(0, size), at + 1);
      return 1 + size;
    },
    read(payload, at, end, count, values) {
      if (count === 0 || at >= end) return checkSize(end - at, count === 0 ? 0 : 1, count);
      const byte = payload[at];
      if (byte === NO_MAX_EXPONENT) return inner.read(payload, at + 1, end, count, values);
      const from = at + 1 + fractionBytes(count);
      if (from >= end) throw new ProtocolError('the payload ends within its values');
      const top = maxExponent.of(byte);
      entropyCode.read(payload, from, end, count, top + 1);
      const numbers = codecKernels().numbers(count);
      let place = at + 1;
      if (stride === 2) {
        for (let i = 0; i < count; i++, place += 4) buffer.set(payload.subarray(place, place + 4), 8 * i);
      }
      unpackBits(payload, place, fractions, count, high);
      for (let i = 0; i < count; i++) {
        // every value has a number of its own, zero too, so that every value has a sign
        if (numbers[i] === 0) throw new ProtocolError(`an exponent above ${top - bias}`);
        const exponent = top + 1 - (numbers[i] >>> 1);
        words[i * stride + stride - 1] = ((numbers[i] & 1) << 31) | (exponent << high) | fractions[i];
      }
      inner.read(buffer, 0, count * width, count, values);
    },
  };
}
