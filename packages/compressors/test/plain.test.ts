import { KeyedRandom } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import { createCompressor, MessageKey } from '../dist/index.js';

const key = new MessageKey(new KeyedRandom('plain'), 'uplink', 2).at(0, 1);
const NON_FINITE = [
  ['NaN', Number.NaN],
  ['+∞', Number.POSITIVE_INFINITY],
  ['−∞', Number.NEGATIVE_INFINITY],
] as const;

describe.each(['identity', 'rand-k:k=5', 'same-rand-k:k=5', 'perm-k', 'rand-k:k=7+rand-k:k=5'])('%s', (spec) => {
  test.each(['f32', 'f64'] as const)('%s: a NaN or an infinity anywhere in a payload is a ProtocolError', (wire) => {
    const compressor = createCompressor(spec, { dimension: 10, workers: 2, wire });
    const width = wire === 'f32' ? 4 : 8;
    const bytes = compressor.encode(new Float64Array(10).fill(1), key, new Uint8Array(80), 0);
    const payload = (at: number, value: number) => {
      const view = new DataView(new ArrayBuffer(bytes));
      for (let i = 0; i < bytes; i += width) {
        if (wire === 'f32') view.setFloat32(i, i === at ? value : 1, true);
        else view.setFloat64(i, i === at ? value : 1, true);
      }
      return new Uint8Array(view.buffer);
    };
    for (let at = 0; at < bytes; at += width) {
      for (const [name, value] of NON_FINITE) {
        expect(() => compressor.decode(payload(at, value), 0, bytes, key), `${name} at byte ${at}`).toThrow(
          expect.objectContaining({ name: 'ProtocolError', code: 'protocol' }),
        );
      }
      // two that would cancel in a sum
      const both = payload(at, Number.POSITIVE_INFINITY);
      both.set(payload(0, Number.NEGATIVE_INFINITY).subarray(0, width), at === 0 ? width : 0);
      expect(() => compressor.decode(both, 0, bytes, key)).toThrow(expect.objectContaining({ code: 'protocol' }));
      compressor.decode(payload(at, -0), 0, bytes, key);
    }
  });

  test('an error names the compressor, the length and the expected length', () => {
    const compressor = createCompressor(spec, { dimension: 10, workers: 2, wire: 'f32' });
    const bytes = compressor.encode(new Float64Array(10).fill(1), key, new Uint8Array(80), 0);
    const decode = () => compressor.decode(new Uint8Array(bytes - 1), 0, bytes - 1, key);
    expect(decode).toThrow(spec);
    expect(decode).toThrow(`${bytes - 1} bytes`);
    expect(decode).toThrow(`expected ${bytes}`);
  });
});

test('a factor that takes a large f64 coordinate past the largest number is refused', () => {
  for (const spec of ['rand-k:k=1', 'perm-k', 'rand-k:k=1+natural', 'perm-k+natural']) {
    const compressor = createCompressor(spec, { dimension: 2, workers: 2, wire: 'f64' });
    const out = new Uint8Array(16);
    for (const value of [2 ** 1023, -(2 ** 1023)]) {
      expect(() => compressor.encode(new Float64Array(2).fill(value), key, out, 0), spec).toThrow(
        expect.objectContaining({ name: 'CompressorError', code: 'compressor' }),
      );
    }
    expect(compressor.encode(new Float64Array(2).fill(2 ** 1022), key, out, 0), spec).toBeGreaterThan(0);
  }
});

test('a factor that takes an f32 coordinate past the largest f32 number is refused', () => {
  for (const spec of ['rand-k:k=1', 'perm-k', 'rand-k:k=1+natural', 'perm-k+natural']) {
    const compressor = createCompressor(spec, { dimension: 2, workers: 2, wire: 'f32' });
    const out = new Uint8Array(8);
    expect(() => compressor.encode(new Float64Array(2).fill(2 ** 127), key, out, 0), spec).toThrow(
      expect.objectContaining({ name: 'CompressorError', code: 'compressor' }),
    );
    expect(compressor.encode(new Float64Array(2).fill(2 ** 126), key, out, 0), spec).toBeGreaterThan(0);
  }
});
