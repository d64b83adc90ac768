import { KeyedRandom } from '@flotilla/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCompressor, MessageKey, type Wire } from '../dist/index.js';
import { describeCompressor, SAMPLED } from '../dist/testing/describe-compressor.js';
import { gaussian } from '../dist/testing/statistics.js';
import { plainBytes } from './specs.js';

const most = (count: number, wire: Wire) => 1 + plainBytes(count, wire);

describeCompressor('packed', {
  dimensions: [1, 3, 7, 112, 300, 4096],
  sampled: SAMPLED.filter((c) => c.dimension === 3),
  maxPayloadBytes: most,
  coordinates: (d) => d,
  theory: (d) => ({ omega: 0, theta: 0, density: d }),
});

describeCompressor('rand-k:k=3+packed', {
  dimensions: [3, 7, 112],
  sampled: SAMPLED.filter((c) => c.dimension === 7),
  maxPayloadBytes: (_d, wire) => most(3, wire),
  coordinates: () => 3,
  theory: (d, n) => ({ omega: d / 3 - 1, theta: (d / 3 - 1) / n, density: 3 }),
});

const key = new MessageKey(new KeyedRandom('packed'), 'uplink', 1);

function through(spec: string, wire: Wire, x: Float64Array): { bytes: number; vector: Float64Array } {
  const compressor = createCompressor(spec, { dimension: x.length, workers: 1, wire });
  const out = new Uint8Array(compressor.maxBytes);
  const bytes = compressor.encode(x, key, out, 0);
  compressor.decode(out, 0, bytes, key);
  const vector = new Float64Array(x.length);
  compressor.copyTo(vector);
  return { bytes, vector };
}

test.each(['f32', 'f64'] as const)('%s: bit for bit what plain values are', (wire) => {
  const value =
    wire === 'f32'
      ? fc.float({ noNaN: true, noDefaultInfinity: true })
      : fc.double({ noNaN: true, noDefaultInfinity: true });
  const alike = fc.double({ min: -1, max: 1, noNaN: true });
  const special = fc.constantFrom(0, -0, 5e-324, -(2 ** -149), 2 ** -126, 3.4e38);
  fc.assert(
    fc.property(fc.array(fc.oneof(value, alike, special), { minLength: 1, maxLength: 80 }), (list) => {
      const x = Float64Array.from(list);
      const { bytes, vector } = through('packed', wire, x);
      expect([...vector].map((v) => (Object.is(v, -0) ? '-0' : v))).toEqual(
        [...through('identity', wire, x).vector].map((v) => (Object.is(v, -0) ? '-0' : v)),
      );
      expect(bytes).toBeLessThanOrEqual(most(x.length, wire));
    }),
    { seed: 1, numRuns: 1000 },
  );
});

test('Gaussian values take 27 bits of 32, and 56 of 64', () => {
  const x = gaussian(25_088);
  expect((8 * through('packed', 'f32', x).bytes) / x.length).toBeLessThan(27);
  expect((8 * through('packed', 'f64', x).bytes) / x.length).toBeLessThan(56);
});
