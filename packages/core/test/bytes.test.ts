import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  getBigUint,
  getF32,
  getF64,
  getU32,
  getUint,
  putBigUint,
  putF32,
  putF64,
  putU32,
  putUint,
} from '../dist/internal.js';

const SIZE = 40;
const at = fc.nat(SIZE - 16);

/** What `put` writes is what a DataView writes, and nothing else is written. */
function expectBytes(put: (bytes: Uint8Array) => void, view: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(SIZE).fill(0xee);
  const expected = bytes.slice();
  put(bytes);
  view(new DataView(expected.buffer));
  expect(bytes).toEqual(expected);
  return bytes;
}

describe('little-endian numbers', () => {
  it('of 4 bytes', () => {
    fc.assert(
      fc.property(at, fc.integer({ min: 0, max: 0xffffffff }), (at, value) => {
        const bytes = expectBytes(
          (bytes) => putU32(bytes, at, value),
          (view) => view.setUint32(at, value, true),
        );
        expect(getU32(bytes, at)).toBe(value);
        expect(getUint(bytes, at, 4)).toBe(value);
      }),
    );
  });

  it('of 1 to 4 bytes', () => {
    fc.assert(
      fc.property(at, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 0xffffffff }), (at, size, number) => {
        const value = number % 2 ** (8 * size);
        const bytes = expectBytes(
          (bytes) => putUint(bytes, at, size, value),
          (view) => {
            for (let b = 0; b < size; b++) view.setUint8(at + b, Math.floor(value / 256 ** b) % 256);
          },
        );
        expect(getUint(bytes, at, size)).toBe(value);
      }),
    );
  });

  it('of any length', () => {
    fc.assert(
      fc.property(at, fc.integer({ min: 0, max: 16 }), fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (at, size, n) => {
        const value = n % 2n ** BigInt(8 * size);
        const bytes = expectBytes(
          (bytes) => putBigUint(bytes, at, size, value),
          (view) => {
            const hex = value.toString(16).padStart(2 * size, '0');
            for (let b = 0; b < size; b++)
              view.setUint8(at + b, Number.parseInt(hex.slice(2 * (size - 1 - b), 2 * (size - b)), 16));
          },
        );
        expect(getBigUint(bytes, at, size)).toBe(value);
      }),
    );
  });

  it('that are real', () => {
    fc.assert(
      fc.property(at, fc.double(), (at, value) => {
        const f64 = expectBytes(
          (bytes) => putF64(bytes, at, value),
          (view) => view.setFloat64(at, value, true),
        );
        expect(getF64(f64, at)).toBe(value);
        const f32 = expectBytes(
          (bytes) => putF32(bytes, at, value),
          (view) => view.setFloat32(at, value, true),
        );
        expect(getF32(f32, at)).toBe(Math.fround(value));
      }),
    );
  });
});
