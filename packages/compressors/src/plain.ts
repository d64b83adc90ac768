import type { Vector } from '@flotilla/core';
import { ANY_PRECISION, isFiniteVector } from '@flotilla/core/internal';
import { codecKernels } from './codec-kernels.js';
import type { ValueCodec, Wire } from './compressor.js';
import { CompressorError, checkSize, ProtocolError } from './errors.js';

/** Up to this many values a message is copied byte by byte: anything else costs more than that. */
const SHORT = 32;
/** From so many values on a message is read where it lies. */
const LONG = 4096;

const NOT_FINITE = 'the payload holds a NaN or an infinity';

/** Values as they are, little-endian, 32 or 64 bits each. f32 rounds to nearest; nothing else is lost. */
export function plain(wire: Wire): ValueCodec {
  const width = wire === 'f32' ? 4 : 8;
  const short = wire === 'f32' ? new Float32Array(SHORT) : new Float64Array(SHORT);
  const shortBytes = new Uint8Array(short.buffer);
  return {
    precisions: ANY_PRECISION,
    omega: 0,
    nominalBits: 8 * width,
    maxBytes: (count) => count * width,
    write(values: Vector, count, _key, out, at) {
      const write = count <= SHORT ? writeShort : values instanceof Float64Array ? writeLong : writeBytes;
      if (!write(values as Float64Array & Float32Array, count, out, at)) {
        throw new CompressorError(`a coordinate is not a finite ${wire} number`);
      }
      return count * width;
    },
    read(payload, at, end, count, values: Vector) {
      checkSize(end - at, count * width, count);
      const read = count <= SHORT ? readShort : values instanceof Float64Array ? readLong : readBytes;
      if (!read(payload, at, count, values as Float64Array & Float32Array)) {
        throw new ProtocolError(NOT_FINITE);
      }
    },
    view(payload, at, end, count) {
      const from = payload.byteOffset + at;
      if (count < LONG || from % width !== 0) return undefined;
      checkSize(end - at, count * width, count);
      const values =
        wire === 'f32' ? new Float32Array(payload.buffer, from, count) : new Float64Array(payload.buffer, from, count);
      if (!isFiniteVector(values)) throw new ProtocolError(NOT_FINITE);
      return values;
    },
  };

  // Each says whether all values are finite: a sum of finite terms times 0 is 0; NaN and ±Infinity leave NaN.

  function writeShort(values: Vector, count: number, out: Uint8Array, at: number): boolean {
    let check = 0;
    for (let i = 0; i < count; i++) {
      short[i] = values[i];
      check += short[i] * 0;
    }
    for (let b = 0; b < count * width; b++) out[at + b] = shortBytes[b];
    return check === 0;
  }

  function readShort(payload: Uint8Array, at: number, count: number, values: Vector): boolean {
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

  /** In f32 the state's own bytes are the message. */
  function writeBytes(values: Float32Array, count: number, out: Uint8Array, at: number): boolean {
    if (wire === 'f64') return writeLong(Float64Array.from(values), count, out, at);
    out.set(new Uint8Array(values.buffer, values.byteOffset, width * count), at);
    return isFiniteVector(values.length === count ? values : values.subarray(0, count));
  }

  function readBytes(payload: Uint8Array, at: number, count: number, values: Float32Array): boolean {
    if (wire === 'f64') {
      const wide = new Float64Array(count);
      const isGood = readLong(payload, at, count, wide);
      values.set(wide);
      return isGood;
    }
    new Uint8Array(values.buffer, values.byteOffset, width * count).set(payload.subarray(at, at + width * count));
    return isFiniteVector(values.length === count ? values : values.subarray(0, count));
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
