import { Rng } from '@flotilla/core';
import type { ValueCodec, Wire } from './compressor.js';
import { EntropyCode } from './entropy-code.js';
import { CompressorError, checkSize, ProtocolError } from './errors.js';
import { LAYOUT, maxExponentCode, NO_MAX_EXPONENT } from './float-layout.js';
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
  const code = new EntropyCode();
  /** Symbols, or the numbers of the entropy code. */
  let numbers = new Uint32Array(0);
  const reserve = (count: number) => {
    if (numbers.length < count) numbers = new Uint32Array(count);
  };
  const maxExponent = maxExponentCode(wire);
  /** What each symbol stands for; NaN for those that are none. */
  const powers = Float64Array.from({ length: 2 << exponentBits }, (_, symbol) => {
    const exponent = symbol >>> 1;
    if (exponent === 0) return symbol === 0 ? 0 : Number.NaN;
    return exponent === top ? Number.NaN : ((symbol & 1) === 0 ? 1 : -1) * 2 ** (exponent - bias);
  });

  /** Makes numbers of symbols, and symbols of numbers: an exponent e becomes most − e + 1, `most` being one that none exceeds. */
  const turn = (count: number, most: number) => {
    const twice = 2 * (most + 1);
    for (let i = 0; i < count; i++) {
      const number = numbers[i];
      numbers[i] = number === 0 ? 0 : (twice - (number & ~1)) | (number & 1);
    }
  };

  /** The biased exponent that `x` is rounded to, below the smallest normal number or from the last power of two on. */
  const roundExtreme = (x: number): number => {
    const magnitude = Math.abs(x);
    if (magnitude < smallest) return coin53(rng, magnitude / smallest) ? 1 : 0;
    // the next power of two is out of range: nothing unbiased can be sent
    if (magnitude === 2 ** bias) return top - 1;
    throw new CompressorError(
      Number.isFinite(magnitude)
        ? `natural compression carries magnitudes up to 2^${bias}, a coordinate has ${magnitude}`
        : 'a coordinate is not a finite number',
    );
  };

  /** Rounds values to `numbers`, as symbols. Returns the largest exponent. */
  const round = (values: Float64Array, count: number): number => {
    // little-endian, like all machines that Node runs on and the wire
    const words = new Int32Array(values.buffer, values.byteOffset, 2 * count);
    let largest = 0;
    for (let i = 0; i < count; i++) {
      const low = words[2 * i];
      const high = words[2 * i + 1];
      let exponent = ((high >>> 20) & 0x7ff) - 1023 + bias;
      if (exponent <= 0 || exponent >= top - 1) {
        exponent = roundExtreme(values[i]);
      } else {
        // up with probability fraction · 2⁻⁵²: its first 31 bits decide but for a tie, without a branch
        const word = rng.next();
        const difference = ((word >>> 1) - (((high << 11) & 0x7fffffff) | (low >>> 21))) | 0;
        exponent += difference >>> 31;
        if (difference === 0 && lastBits(word, low)) exponent++;
      }
      if (exponent > largest) largest = exponent;
      numbers[i] = (exponent << 1) | (exponent > 0 ? high >>> 31 : 0);
    }
    return largest;
  };

  /** Whether a draw that begins with `word` is below the fraction, whose first 31 bits are those of `word`. */
  const lastBits = (word: number, low: number): boolean => {
    const bit = (low >>> 20) & 1;
    return (word & 1) < bit || ((word & 1) === bit && rng.next() >>> 12 < (low & 0xfffff));
  };

  return {
    omega: 1 / 8,
    nominalBits: symbolBits,
    maxBytes: (count) => (count === 0 ? 0 : 1 + packedBytes(count, symbolBits)),
    write(values, count, key, out, at) {
      if (count === 0) return 0;
      key.own(rng, 'rounding', stage);
      reserve(count);
      const byte = maxExponent.byteOf(round(values, count));
      if (byte !== NO_MAX_EXPONENT) {
        turn(count, maxExponent.of(byte));
        const coded = code.write(numbers, count, out, at + 1, packedBytes(count, symbolBits) - 1);
        if (coded >= 0) {
          out[at] = byte;
          return 1 + coded;
        }
        turn(count, maxExponent.of(byte));
      }
      out[at] = NO_MAX_EXPONENT;
      packBits(numbers, count, symbolBits, out, at + 1);
      return 1 + packedBytes(count, symbolBits);
    },
    read(payload, at, end, count, values) {
      if (count === 0 || at >= end) return checkSize(end - at, count === 0 ? 0 : 1, count);
      reserve(count);
      const byte = payload[at];
      if (byte === NO_MAX_EXPONENT) {
        checkSize(end - at, 1 + packedBytes(count, symbolBits), count);
        unpackBits(payload, at + 1, numbers, count, symbolBits);
        let check = 0;
        for (let i = 0; i < count; i++) {
          values[i] = powers[numbers[i]];
          check += values[i] * 0;
        }
        if (check !== 0)
          throw new ProtocolError('natural compression: a zero with a sign, or the exponent of an infinity');
      } else {
        const most = maxExponent.of(byte);
        code.read(payload, at + 1, end, numbers, count, most);
        const twice = 2 * (most + 1);
        for (let i = 0; i < count; i++) {
          const number = numbers[i];
          values[i] = powers[number === 0 ? 0 : (twice - (number & ~1)) | (number & 1)];
        }
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
