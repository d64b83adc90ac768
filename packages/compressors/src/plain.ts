import type { ValueCodec, Wire } from './compressor.js';
import { CompressorError, checkSize, ProtocolError } from './errors.js';

/** Values as they are, little-endian, 32 or 64 bits each. f32 rounds to nearest; nothing else is lost. */
export function plain(wire: Wire, maxCount: number): ValueCodec {
  const scratch = wire === 'f32' ? new Float32Array(maxCount) : new Float64Array(maxCount);
  const width = scratch.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(scratch.buffer);
  return {
    omega: 0,
    paperBits: 8 * width,
    maxBytes: (count) => count * width,
    write(values, count, _key, out, at) {
      // a sum of finite terms times 0 is 0; NaN and ±Infinity leave NaN
      let check = 0;
      for (let i = 0; i < count; i++) {
        scratch[i] = values[i];
        check += scratch[i] * 0;
      }
      if (check !== 0) throw new CompressorError(`a coordinate is not a finite ${wire} number`);
      out.set(bytes.subarray(0, count * width), at);
      return count * width;
    },
    read(payload, at, end, count, values) {
      checkSize(end - at, count * width, count);
      bytes.set(payload.subarray(at, end));
      let check = 0;
      for (let i = 0; i < count; i++) {
        values[i] = scratch[i];
        check += scratch[i] * 0;
      }
      if (check !== 0) throw new ProtocolError('the payload holds a NaN or an infinity');
    },
  };
}
