import { KeyedRandom } from '@flotilla/core';
import { expect, test } from 'vitest';
import { createCompressor, MessageKey } from '../dist/index.js';
import { describeCompressor } from '../dist/testing/describe-compressor.js';
import { plainBytes } from './specs.js';

describeCompressor('identity', {
  payloadBytes: plainBytes,
  theory: (d) => ({ omega: 0, theta: 0, density: d }),
  coordinates: (d) => d,
  extremal: () => 1,
});

const values = [
  0,
  -0,
  1,
  -1,
  1 / 3,
  -1e-30,
  1e30,
  2 ** -126,
  -(2 ** -149),
  2 ** -150,
  3.4028234663852886e38,
  3.4028235677973362e38,
];
const key = new MessageKey(new KeyedRandom('identity'), 'uplink', 1);

test('f32 rounds to nearest and keeps the sign of zero; the payload is little-endian', () => {
  const x = Float64Array.from(values);
  const compressor = createCompressor('identity', { dimension: x.length, workers: 1, wire: 'f32' });
  const out = new Uint8Array(4 * x.length);
  compressor.encode(x, key.at(0, 0), out, 0);
  const view = new DataView(out.buffer);
  const vector = new Float64Array(x.length);
  compressor.decode(out, 0, out.length, key);
  compressor.copyTo(vector);
  x.forEach((value, j) => {
    expect(view.getFloat32(4 * j, true)).toBe(Math.fround(value));
    expect(vector[j]).toBe(Math.fround(value));
  });
});

test('f64 carries every finite number unchanged', () => {
  const x = Float64Array.from([...values, 5e-324, -(2 ** -1022), Number.MAX_VALUE, -Number.MAX_VALUE]);
  const compressor = createCompressor('identity', { dimension: x.length, workers: 1, wire: 'f64' });
  const out = new Uint8Array(8 * x.length);
  compressor.encode(x, key.at(0, 0), out, 0);
  const view = new DataView(out.buffer);
  const vector = new Float64Array(x.length);
  compressor.decode(out, 0, out.length, key);
  compressor.copyTo(vector);
  x.forEach((value, j) => {
    expect(view.getFloat64(8 * j, true)).toBe(value);
    expect(vector[j]).toBe(value);
  });
});

test('the smallest magnitude that f32 rounds to infinity is refused', () => {
  const compressor = createCompressor('identity', { dimension: 1, workers: 1, wire: 'f32' });
  const encode = (value: number) => compressor.encode(Float64Array.of(value), key.at(0, 0), new Uint8Array(4), 0);
  const tie = 2 ** 128 - 2 ** 103;
  expect(encode(tie * (1 - 2 ** -53))).toBe(4);
  for (const value of [tie, -tie]) expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'compressor' }));
});
