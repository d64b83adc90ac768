import { codecKernels } from './codec-kernels.js';
import type { ValueCodec, Wire } from './compressor.js';
import { CompressorError, checkSize, ProtocolError } from './errors.js';

/** Up to this many values a message is copied byte by byte: anything else costs more than that. */
const SHORT = 32;

/** Values as they are, little-endian, 32 or 64 bits each. f32 rounds to nearest; nothing else is lost. */
export function plain(wire: Wire): ValueCodec {
  const width = wire === 'f32' ? 4 : 8;
  const short = wire === 'f32' ? new Float32Array(SHORT) : new Float64Array(SHORT);
  const shortBytes = new Uint8Array(short.buffer);
  return {
    omega: 0,
    nominalBits: 8 * width,
    maxBytes: (count) => count * width,
    write(values, count, _key, out, at) {
      if (!(count <= SHORT ? writeShort(values, count, out, at) : writeLong(values, count, out, at))) {
        throw new CompressorError(`a coordinate is not a finite ${wire} number`);
      }
      return count * width;
    },
    read(payload, at, end, count, values) {
      checkSize(end - at, count * width, count);
      if (!(count <= SHORT ? readShort(payload, at, count, values) : readLong(payload, at, count, values))) {
        throw new ProtocolError('the payload holds a NaN or an infinity');
      }
    },
  };

  // Each says whether all values are finite: a sum of finite terms times 0 is 0; NaN and ±Infinity leave NaN.

  function writeShort(values: Float64Array, count: number, out: Uint8Array, at: number): boolean {
    let check = 0;
    for (let i = 0; i < count; i++) {
      short[i] = values[i];
      check += short[i] * 0;
    }
    for (let b = 0; b < count * width; b++) out[at + b] = shortBytes[b];
    return check === 0;
  }

  function readShort(payload: Uint8Array, at: number, count: number, values: Float64Array): boolean {
    for (let b = 0; b < count * width; b++) shortBytes[b] = payload[at + b];
    let check = 0;
    for (let i = 0; i < count; i++) {
      values[i] = short[i];
      check += short[i] * 0;
    }
    return check === 0;
  }

  function writeLong(values: Float64Array, count: number, out: Uint8Array, at: number): boolean {
    const kernels = codecKernels();
    const { finite, narrow } = kernels.exports;
    let good = true;
    kernels.stage(values, count, (from, some, start) => {
      const made = wire === 'f32' ? kernels.list : from;
      if (!(wire === 'f32' ? narrow(from, made, some) : finite(from, some))) good = false;
      out.set(kernels.bytes.subarray(made, made + width * some), at + width * start);
    });
    return good;
  }

  function readLong(payload: Uint8Array, at: number, count: number, values: Float64Array): boolean {
    const kernels = codecKernels();
    const { finite, widen } = kernels.exports;
    let good = true;
    kernels.make(values, count, (to, some, start) => {
      const from = wire === 'f32' ? kernels.list : to;
      kernels.bytes.set(payload.subarray(at + width * start, at + width * (start + some)), from);
      if (!(wire === 'f32' ? widen(from, to, some) : finite(from, some))) good = false;
    });
    return good;
  }
}
