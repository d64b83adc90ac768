import { KeyedRandom } from '@flotilla/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Compressor, createCompressor, MessageKey, type Wire } from '../dist/index.js';
import { log2Binomial } from '../dist/index-code.js';
import { DIMENSIONS, describeCompressor, SAMPLED } from '../dist/testing/describe-compressor.js';
import { gaussian, Moments } from '../dist/testing/statistics.js';
import { describeNaturalDithering, describeQsgd, few, packed } from './families.js';
import { permKTheory } from './specs.js';
import { scripted } from './support.js';

const key = new MessageKey(new KeyedRandom('dithering'), 'uplink', 2);

for (const s of [1, 16, 2 ** 22]) describeQsgd(s);

describeCompressor('l2-quantization', {
  ...few,
  dimensions: DIMENSIONS,
  sampled: SAMPLED,
  theory: (d, n) => {
    const omega = Math.sqrt(d) - 1;
    return { omega, theta: omega / n, density: Math.sqrt(d) };
  },
  // the norm on an f32 wire is rounded up
  tolerance: 2 ** -21,
  maxPayloadBytes: (d, wire) => packed(d, 1, wire),
});

describeNaturalDithering(1, 'inf');
describeNaturalDithering(8, '2');

describeCompressor('perm-k+qsgd:levels=4', {
  ...few,
  theory: (d, n) => {
    const { scale, density, A, B } = permKTheory(d, n);
    const kept = d >= n ? Math.ceil(d / n) : 1;
    const omega = Math.min(kept / 16, Math.sqrt(kept) / 4);
    return {
      omega: scale * (1 + omega) - 1,
      theta: (scale * omega) / n,
      A: A + (scale * omega) / n,
      B,
      density: Math.min(density, 4 * Math.sqrt(density)),
    };
  },
});

const make = (spec: string, dimension: number, wire: Wire = 'f32') =>
  createCompressor(spec, { dimension, workers: 2, wire });

function encode(compressor: Compressor, x: Float64Array, round = 0): Uint8Array {
  const out = new Uint8Array(compressor.maxBytes);
  return out.slice(0, compressor.encode(x, key.at(round, 0), out, 0));
}

function decode(compressor: Compressor, payload: Uint8Array): Float64Array {
  compressor.decode(payload, 0, payload.length, key.at(0, 0));
  const vector = new Float64Array(compressor.dimension);
  compressor.copyTo(vector);
  return vector;
}

describe('size on Gaussian data', () => {
  test.each([112, 4096, 25_088, 1_000_000])('qsgd with s = √d at d = %i: at most 2.4 bits a coordinate', (d) => {
    const payload = encode(make(`qsgd:levels=${Math.round(Math.sqrt(d))}`, d), gaussian(d));
    // norm, form and the end of the code are more than a tenth of a message of 112 coordinates
    expect((8 * payload.length) / d).toBeLessThan(d === 112 ? 3.2 : 2.4);
  });

  test.each([4096, 25_088, 1_000_000])('l2-quantization at d = %i: within 5 %% of what no code can go below', (d) => {
    const compressor = make('l2-quantization', d);
    for (let round = 0; round < 5; round++) {
      const bits = 8 * encode(compressor, gaussian(d), round).length;
      const kept = compressor.coordinates;
      // four bytes name form, count and the code of the support
      expect(bits).toBeLessThan(1.05 * (log2Binomial(d, kept) + kept + 32) + (d === 4096 ? 32 : 0));
    }
  });

  test.each([8, 30, 112, 300, 301, 1000])('l2-quantization at d = %i: on average within 5 %% and a byte', (d) => {
    const compressor = make('l2-quantization', d);
    let bits = 0;
    let most = 0;
    for (let round = 0; round < 50; round++) {
      bits += 8 * encode(compressor, gaussian(d), round).length;
      const kept = compressor.coordinates;
      most += 1.05 * (log2Binomial(d, kept) + kept + 32) + 8;
    }
    expect(bits).toBeLessThan(most);
  });

  test('natural dithering with 8 levels: at most 3.7 bits a coordinate', () => {
    expect((8 * encode(make('natural-dithering:levels=8', 25_088), gaussian(25_088)).length) / 25_088).toBeLessThan(
      3.7,
    );
  });
});

describe('exactly unbiased in the coins', () => {
  // one large coordinate sets the norm; the small one is far below any level
  test.each([
    ['qsgd:levels=1', 'f32', 1],
    ['qsgd:levels=1000', 'f32', 1],
    ['natural-dithering:levels=3', 'f32', 1],
    ['l2-quantization', 'f64', 1],
    ['qsgd:levels=3', 'f32', 2 ** -149],
    ['qsgd:levels=3', 'f32', 2 ** -126],
    ['natural-dithering:levels=5', 'f32', 2 ** -147],
    ['natural-dithering:levels=5,p=2', 'f32', 2 ** 126],
    ['qsgd:levels=7', 'f64', 5e-324],
    ['qsgd:levels=7', 'f64', 2 ** 1022],
  ] as const)('%s on %s, norm about %f: the mean is x', (spec, wire, size) => {
    const d = 6;
    const x = Float64Array.of(1, -0.9, 0.37, 0.05, -1 / 3, 0).map((v) => v * size);
    const compressor = make(spec, d, wire);
    const moments = Array.from({ length: d }, () => new Moments());
    for (let round = 0; round < 20_000; round++) {
      const vector = decode(compressor, encode(compressor, x, round));
      vector.forEach((v, j) => {
        moments[j].add(v / size);
      });
    }
    for (const [j, m] of moments.entries()) {
      expect(Math.abs(m.mean - x[j] / size), `coordinate ${j}`).toBeLessThanOrEqual(m.limit(d) + 1e-9);
    }
  });

  test('a level is chosen by every digit of the ratio', () => {
    // 2⁻⁷⁰ of a norm of 1: 64 zeros, then 2⁻⁶ of a word
    const x = Float64Array.of(1, 2 ** -70);
    for (const [words, kept] of [
      [[0, 0, 2 ** 26 - 1], 2],
      [[0, 0, 2 ** 26], 1],
      [[0, 1], 1],
      [[1], 1],
    ] as const) {
      const compressor = make('natural-dithering:levels=1', 2, 'f64');
      const out = new Uint8Array(compressor.maxBytes);
      compressor.encode(x, scripted(words, 2), out, 0);
      expect(compressor.coordinates, words.join()).toBe(kept);
    }
  });
});

test('QSGD: the sharper bound d/(4s²) of a coordinate half-way between two levels', () => {
  // u_j = s|x_j|/‖x‖ = 1.5 for all j: s = 1.5 √d
  const d = 16;
  const compressor = make('qsgd:levels=6', d, 'f64');
  const x = new Float64Array(d).fill(1);
  const error = new Moments();
  for (let round = 0; round < 20_000; round++) {
    const vector = decode(compressor, encode(compressor, x, round));
    error.add(vector.reduce((sum, v, j) => sum + (v - x[j]) ** 2, 0) / d);
  }
  expect(error.mean).toBeCloseTo(d / (4 * 36), 12);
});

describe('hostile payloads', () => {
  const protocolError = expect.objectContaining({ name: 'ProtocolError', code: 'protocol' });
  const f32 = (value: number) => [...new Uint8Array(Float32Array.of(value).buffer)];

  test('a norm that is none, an unknown form, a level that is none', () => {
    const compressor = make('qsgd:levels=2', 4);
    // level · 2 + sign in three bits each: +1, −2, 0, +2
    const ok = Uint8Array.of(...f32(2), 0, 0b00_101_010, 0b1000);
    expect([...decode(compressor, ok)]).toEqual([1, -2, 0, 2]);
    for (const norm of [-1, Number.NaN, Number.POSITIVE_INFINITY, -0]) {
      expect(() => decode(compressor, Uint8Array.of(...f32(norm), ...ok.slice(4))), String(norm)).toThrow(
        protocolError,
      );
    }
    for (const form of [3, 4, 255]) {
      expect(() => decode(compressor, Uint8Array.of(...f32(2), form, ...ok.slice(5)))).toThrow(protocolError);
    }
    // level 3 of 2; a zero with a sign; padding
    expect(() => decode(compressor, Uint8Array.of(...f32(2), 0, 0b110, 0))).toThrow('a level above 2');
    expect(() => decode(compressor, Uint8Array.of(...f32(2), 0, 0b001, 0))).toThrow('zero with a sign');
    expect(() => decode(compressor, Uint8Array.of(...f32(2), 0, 0, 0x80))).toThrow('padding');
    // a zero norm has nothing behind it
    expect([...decode(compressor, Uint8Array.of(0, 0, 0, 0))]).toEqual([0, 0, 0, 0]);
    expect(() => decode(compressor, Uint8Array.of(0, 0, 0, 0, 0))).toThrow(protocolError);
  });

  test('a support of more coordinates than there are', () => {
    const compressor = make('l2-quantization', 2000);
    const wrong = Uint8Array.of(...f32(1), 2, 0xd1, 7, 0, 0, 0);
    expect(() => decode(compressor, wrong)).toThrow('2001 of 2000');
  });

  test.each(['qsgd:levels=3', 'l2-quantization', 'natural-dithering:levels=9'])(
    '%s: any bytes decode to finite numbers or are a ProtocolError',
    (spec) => {
      const compressor = make(spec, 50);
      const payload = encode(compressor, gaussian(50));
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.uint8Array({ maxLength: 40 }).map((rest) => Uint8Array.of(...payload.slice(0, 5), ...rest)),
        fc.tuple(fc.nat(payload.length - 1), fc.nat(255)).map(([at, byte]) => payload.slice().fill(byte, at, at + 1)),
      );
      fc.assert(
        fc.property(bytes, (hostile) => {
          let vector: Float64Array;
          try {
            vector = decode(compressor, hostile);
          } catch (error) {
            expect(error).toMatchObject({ name: 'ProtocolError' });
            return;
          }
          expect(vector.every(Number.isFinite)).toBe(true);
        }),
        { seed: 1, numRuns: 2000 },
      );
    },
  );
});
