import { Rng } from '@flotilla/core';
import type { ValueCodec, Wire } from './compressor.js';
import { CompressorError, checkSize, ProtocolError } from './errors.js';

/** Exponent bits and bias of the two wire widths (IEEE 754 binary32 and binary64). */
const LAYOUT = {
  f32: { exponentBits: 8, bias: 127 },
  f64: { exponentBits: 11, bias: 1023 },
} as const;

/**
 * `natural` compression [Horváth et al. 2019]: the sign and a power of two, 2^⌊log₂|x|⌋ or the next one, with the
 * probabilities that make it unbiased. ω = 1/8.
 *
 * A symbol is (biased exponent) · 2 + sign, packed without gaps, lowest bit first: 9 bits on an f32 wire, 12 on f64.
 * Exponent 0 is zero; magnitudes below the smallest normal number round to zero or to it. The coin compares all 52
 * fraction bits of the f64 value with random bits, so the mean is exact.
 */
export function natural(wire: Wire, stage: number): ValueCodec {
  const { exponentBits, bias } = LAYOUT[wire];
  const symbolBits = exponentBits + 1;
  const top = (1 << exponentBits) - 1;
  const smallest = 2 ** (1 - bias);
  const rng = new Rng();
  const view = new DataView(new ArrayBuffer(8));

  /** The biased exponent of the power of two that `magnitude` is rounded to. */
  const round = (magnitude: number): number => {
    if (magnitude < smallest) return rng.uniform() < magnitude / smallest ? 1 : 0;
    view.setFloat64(0, magnitude);
    const high = view.getUint32(0);
    const low = view.getUint32(4);
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
    maxBytes: (count) => Math.ceil((count * symbolBits) / 8),
    write(values, count, key, out, at) {
      key.own(rng, 'rounding', stage);
      let pending = 0;
      let held = 0;
      let to = at;
      for (let i = 0; i < count; i++) {
        const magnitude = Math.abs(values[i]);
        const exponent = round(magnitude);
        if (!(exponent < top)) {
          throw new CompressorError(
            Number.isFinite(magnitude)
              ? `natural compression carries magnitudes up to 2^${bias}, a coordinate has ${magnitude}`
              : 'a coordinate is not a finite number',
          );
        }
        pending |= ((exponent << 1) | (values[i] < 0 && exponent > 0 ? 1 : 0)) << held;
        held += symbolBits;
        while (held >= 8) {
          out[to++] = pending;
          pending >>>= 8;
          held -= 8;
        }
      }
      if (held > 0) out[to++] = pending;
      return to - at;
    },
    read(payload, at, end, count, values) {
      checkSize(end - at, Math.ceil((count * symbolBits) / 8), count);
      const mask = (1 << symbolBits) - 1;
      let pending = 0;
      let held = 0;
      let from = at;
      for (let i = 0; i < count; i++) {
        while (held < symbolBits) {
          pending |= payload[from++] << held;
          held += 8;
        }
        const symbol = pending & mask;
        pending >>>= symbolBits;
        held -= symbolBits;
        const exponent = symbol >>> 1;
        if (exponent === top) throw new ProtocolError('natural compression: exponent of an infinity or NaN');
        if (symbol === 1) throw new ProtocolError('natural compression: a zero with a sign');
        const biased = exponent === 0 ? 0 : exponent - bias + 1023;
        view.setUint32(0, ((symbol & 1) << 31) | (biased << 20));
        view.setUint32(4, 0);
        values[i] = view.getFloat64(0);
      }
      if (pending !== 0) throw new ProtocolError('natural compression: padding bits are not zero');
    },
  };
}
