import { Rng } from '@flotilla/core';
import type { ValueCodec, Wire } from './compressor.js';
import { EntropyCode } from './entropy-code.js';
import { CompressorError, checkSize, ProtocolError } from './errors.js';
import { exponentCeiling, LAYOUT, NO_CEILING } from './float-layout.js';
import { packBits, packedBytes, unpackBits } from './pack-bits.js';

/**
 * `natural` compression [Horváth et al. 2019]: the sign and a power of two, 2^⌊log₂|x|⌋ or the next one, with the
 * probabilities that make it unbiased. ω = 1/8.
 *
 * A symbol is (biased exponent) · 2 + sign. Exponent 0 is zero; magnitudes below the smallest normal number round to zero
 * or to it. The coin compares every binary digit of the f64 value with random bits, so the mean is exact.
 *
 * A message is one byte and the shorter of two codes of its symbols. The byte says what no exponent exceeds, which the
 * entropy code counts down from: about 3.6 bits a value on Gaussian data. Or it says that symbols are packed without gaps,
 * lowest bit first: 9 bits each on an f32 wire, 12 on f64.
 */
export function natural(wire: Wire, stage: number): ValueCodec {
  const { exponentBits, bias } = LAYOUT[wire];
  const symbolBits = exponentBits + 1;
  const top = (1 << exponentBits) - 1;
  const smallest = 2 ** (1 - bias);
  const rng = new Rng();
  const value = new Float64Array(1);
  // little-endian, like all machines that Node runs on and the wire
  const words = new Uint32Array(value.buffer);
  const code = new EntropyCode();
  let symbols = new Uint32Array(0);
  let numbers = new Uint32Array(0);
  const reserve = (count: number) => {
    if (symbols.length >= count) return;
    symbols = new Uint32Array(count);
    numbers = new Uint32Array(count);
  };
  const ceiling = exponentCeiling(wire);

  /** The biased exponent of the power of two that `magnitude` is rounded to; `top` when there is none. */
  const round = (magnitude: number): number => {
    if (magnitude < smallest) return coin53(rng, magnitude / smallest) ? 1 : 0;
    value[0] = magnitude;
    const high = words[1];
    const low = words[0];
    const exponent = (high >>> 20) - 1023 + bias;
    // up with probability fraction · 2⁻⁵²: compare 32 bits first, the last 20 only on a tie
    const first = ((high << 12) | (low >>> 20)) >>> 0;
    const last = low & 0xfffff;
    // the next power of two is out of range: nothing unbiased can be sent
    if (exponent >= top - 1 && (first | last) !== 0) return top;
    const word = rng.next();
    const up = word < first || (word === first && rng.next() >>> 12 < last);
    return up ? exponent + 1 : exponent;
  };

  return {
    omega: 1 / 8,
    paperBits: symbolBits,
    maxBytes: (count) => (count === 0 ? 0 : 1 + packedBytes(count, symbolBits)),
    write(values, count, key, out, at) {
      if (count === 0) return 0;
      key.own(rng, 'rounding', stage);
      reserve(count);
      let largest = 0;
      for (let i = 0; i < count; i++) {
        const x = values[i];
        const magnitude = Math.abs(x);
        const exponent = round(magnitude);
        if (!(exponent < top)) {
          throw new CompressorError(
            Number.isFinite(magnitude)
              ? `natural compression carries magnitudes up to 2^${bias}, a coordinate has ${magnitude}`
              : 'a coordinate is not a finite number',
          );
        }
        if (exponent > largest) largest = exponent;
        symbols[i] = (exponent << 1) | (x < 0 && exponent > 0 ? 1 : 0);
      }
      const byte = ceiling.byteOf(largest);
      if (byte !== NO_CEILING) {
        const twice = 2 * (ceiling.of(byte) + 1);
        for (let i = 0; i < count; i++) {
          const symbol = symbols[i];
          // an exponent e at or below the ceiling becomes ceiling − e + 1
          numbers[i] = symbol === 0 ? 0 : (twice - (symbol & ~1)) | (symbol & 1);
        }
        const coded = code.write(numbers, count, out, at + 1, packedBytes(count, symbolBits) - 1);
        if (coded >= 0) {
          out[at] = byte;
          return 1 + coded;
        }
      }
      out[at] = NO_CEILING;
      packBits(symbols, count, symbolBits, out, at + 1);
      return 1 + packedBytes(count, symbolBits);
    },
    read(payload, at, end, count, values) {
      if (count === 0 || at >= end) return checkSize(end - at, count === 0 ? 0 : 1, count);
      reserve(count);
      const byte = payload[at];
      if (byte === NO_CEILING) {
        checkSize(end - at, 1 + packedBytes(count, symbolBits), count);
        unpackBits(payload, at + 1, symbols, count, symbolBits);
      } else {
        const most = ceiling.of(byte);
        code.read(payload, at + 1, end, numbers, count, most);
        const twice = 2 * (most + 1);
        for (let i = 0; i < count; i++) {
          const number = numbers[i];
          symbols[i] = number === 0 ? 0 : (twice - (number & ~1)) | (number & 1);
        }
      }
      words[0] = 0;
      for (let i = 0; i < count; i++) {
        const symbol = symbols[i];
        const exponent = symbol >>> 1;
        if (exponent === top) throw new ProtocolError('natural compression: exponent of an infinity or NaN');
        if (symbol === 1) throw new ProtocolError('natural compression: a zero with a sign');
        words[1] = ((symbol & 1) << 31) | ((exponent === 0 ? 0 : exponent - bias + 1023) << 20);
        values[i] = value[0];
      }
    },
  };
}

/** True with probability p, exactly: the first 53 binary digits in one draw, those behind them only on a tie. */
function coin53(rng: Rng, p: number): boolean {
  const digits = p * 2 ** 53;
  const whole = Math.floor(digits);
  const drawn = rng.uniform() * 2 ** 53;
  return drawn < whole || (drawn === whole && rng.coin(digits - whole));
}
