import { Rng } from '@flotilla/core';
import { codecKernels } from './codec-kernels.js';
import type { MessageKey, ValueCodec, Wire } from './compressor.js';
import { entropyCode, twiceOf } from './entropy-code.js';
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
  const maxExponent = maxExponentCode(wire);

  /** Rounds values to the kernels' list, as symbols. Returns the largest exponent. */
  const round = (values: Float64Array, count: number, key: MessageKey): number => {
    const kernels = codecKernels();
    kernels.seed(key.own(rng, 'rounding', stage));
    let largest = 0;
    kernels.reserve(count);
    kernels.stage(values, count, (from, some, start) => {
      const most = kernels.exports.roundNatural(from, kernels.list + 4 * start, some, bias, top, smallest);
      if (most < 0) throw tooLarge(values[start - most - 1]);
      largest = Math.max(largest, most);
    });
    return largest;
  };

  /** The next power of two is out of range: nothing unbiased can be sent. */
  const tooLarge = (x: number) =>
    new CompressorError(
      Number.isFinite(x)
        ? `natural compression carries magnitudes up to 2^${bias}, a coordinate has ${Math.abs(x)}`
        : 'a coordinate is not a finite number',
    );

  return {
    omega: 1 / 8,
    nominalBits: symbolBits,
    maxBytes: (count) => (count === 0 ? 0 : 1 + packedBytes(count, symbolBits)),
    write(values, count, key, out, at) {
      if (count === 0) return 0;
      const byte = maxExponent.byteOf(round(values, count, key));
      if (byte !== NO_MAX_EXPONENT) {
        const limit = packedBytes(count, symbolBits) - 1;
        const coded = entropyCode.write(count, out, at + 1, limit, maxExponent.of(byte));
        if (coded >= 0) {
          out[at] = byte;
          return 1 + coded;
        }
      }
      out[at] = NO_MAX_EXPONENT;
      packBits(codecKernels().numbers(count), count, symbolBits, out, at + 1);
      return 1 + packedBytes(count, symbolBits);
    },
    read(payload, at, end, count, values) {
      if (count === 0 || at >= end) return checkSize(end - at, count === 0 ? 0 : 1, count);
      const kernels = codecKernels();
      const { exports, list } = kernels;
      const byte = payload[at];
      let most: number | undefined;
      if (byte === NO_MAX_EXPONENT) {
        checkSize(end - at, 1 + packedBytes(count, symbolBits), count);
        const symbols = kernels.numbers(count);
        unpackBits(payload, at + 1, symbols, count, symbolBits);
        for (let i = 0; i < count; i++) {
          if (symbols[i] === 1 || symbols[i] >= 2 * top)
            throw new ProtocolError('natural compression: a zero with a sign, or the exponent of an infinity');
        }
      } else {
        most = maxExponent.of(byte);
        entropyCode.read(payload, at + 1, end, count, most);
      }
      const twice = twiceOf(most);
      kernels.make(values, count, (to, some, start) => {
        exports.valuesOfNatural(list + 4 * start, some, to, bias, twice);
      });
    },
  };
}
