import type { Vector } from '@flotilla/core';
import { ANY_PRECISION, isFiniteVector } from '@flotilla/core/internal';
import type { ValueCodec, Wire } from './compressor.js';
import { CompressorError, checkSize, ProtocolError } from './errors.js';

/** Up to this many values a message is copied byte by byte: a typed array over the frame costs more than that. */
const SHORT = 32;

/** Values as they are, little-endian, 32 or 64 bits each. f32 rounds to nearest; nothing else is lost. */
export function plain(wire: Wire, maxCount: number): ValueCodec {
  const width = wire === 'f32' ? 4 : 8;
  /** In between, for payloads that do not lie on a multiple of their width; made when the first of them comes. */
  let scratch: Float32Array | Float64Array | undefined;
  /** `count` numbers at `at` of `bytes`, or nothing when they are not aligned. */
  const view = (bytes: Uint8Array, at: number, count: number) => {
    const offset = bytes.byteOffset + at;
    if (offset % width !== 0) return undefined;
    return wire === 'f32'
      ? new Float32Array(bytes.buffer, offset, count)
      : new Float64Array(bytes.buffer, offset, count);
  };
  const unaligned = () => {
    scratch ??= wire === 'f32' ? new Float32Array(maxCount) : new Float64Array(maxCount);
    return scratch;
  };
  const short = wire === 'f32' ? new Float32Array(SHORT) : new Float64Array(SHORT);
  const shortBytes = new Uint8Array(short.buffer);
  return {
    precisions: ANY_PRECISION,
    omega: 0,
    nominalBits: 8 * width,
    maxBytes: (count) => count * width,
    write(values: Vector, count, _key, out, at) {
      const brief = count <= SHORT;
      const aligned = brief ? undefined : view(out, at, count);
      const numbers = brief ? short : (aligned ?? unaligned());
      const carry = wire === 'f64' ? copy : values instanceof Float32Array ? move : narrow;
      if (!carry(values as Float64Array & Float32Array, numbers as Float64Array & Float32Array, count)) {
        throw new CompressorError(`a coordinate is not a finite ${wire} number`);
      }
      if (brief) for (let b = 0; b < count * width; b++) out[at + b] = shortBytes[b];
      else if (aligned === undefined) out.set(new Uint8Array(numbers.buffer, 0, count * width), at);
      return count * width;
    },
    read(payload, at, end, count, values: Vector) {
      checkSize(end - at, count * width, count);
      const brief = count <= SHORT;
      let numbers = brief ? short : view(payload, at, count);
      if (brief) for (let b = 0; b < count * width; b++) shortBytes[b] = payload[at + b];
      if (numbers === undefined) {
        numbers = unaligned();
        new Uint8Array(numbers.buffer).set(payload.subarray(at, end));
      }
      const carry = wire === 'f64' ? copy : values instanceof Float32Array ? move : widen;
      if (!carry(numbers as Float64Array & Float32Array, values as Float64Array & Float32Array, count)) {
        throw new ProtocolError('the payload holds a NaN or an infinity');
      }
    },
  };
}

// One function for each pair of types, so that the compiler knows what it reads and writes. A sum of finite terms times 0 is
// 0; NaN and ±Infinity leave NaN. Four sums, so that no addition waits for the one before.

function narrow(from: Float64Array, to: Float32Array, count: number): boolean {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const w = Math.fround(from[i]);
    const x = Math.fround(from[i + 1]);
    const y = Math.fround(from[i + 2]);
    const z = Math.fround(from[i + 3]);
    to[i] = w;
    to[i + 1] = x;
    to[i + 2] = y;
    to[i + 3] = z;
    a += w - w;
    b += x - x;
    c += y - y;
    d += z - z;
  }
  for (; i < count; i++) {
    to[i] = from[i];
    a += Math.fround(from[i]) * 0;
  }
  return a + b + c + d === 0;
}

function widen(from: Float32Array, to: Float64Array, count: number): boolean {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const w = from[i];
    const x = from[i + 1];
    const y = from[i + 2];
    const z = from[i + 3];
    to[i] = w;
    to[i + 1] = x;
    to[i + 2] = y;
    to[i + 3] = z;
    a += w * 0;
    b += x * 0;
    c += y * 0;
    d += z * 0;
  }
  for (; i < count; i++) {
    to[i] = from[i];
    a += from[i] * 0;
  }
  return a + b + c + d === 0;
}

/** f32 values in f32 state: their bytes. */
function move(from: Float32Array, to: Float32Array, count: number): boolean {
  if (count <= SHORT) return copy(from, to, count);
  const values = from.length === count ? from : from.subarray(0, count);
  to.set(values);
  return isFiniteVector(values);
}

function copy(from: Vector, to: Vector, count: number): boolean {
  let check = 0;
  for (let i = 0; i < count; i++) {
    to[i] = from[i];
    check += from[i] * 0;
  }
  return check === 0;
}
