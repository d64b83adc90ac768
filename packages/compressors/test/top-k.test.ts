import { KeyedRandom, Rng } from '@flotilla/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCompressor, MessageKey } from '../dist/index.js';
import { log2Binomial, maxIndexBytes, readIndex, writeIndex } from '../dist/index-code.js';
import { DIMENSIONS, describeCompressor, SAMPLED } from '../dist/testing/describe-compressor.js';
import { gaussian } from '../dist/testing/statistics.js';
import { KEPT, naturalBytes, plainBytes } from './specs.js';

const key = new MessageKey(new KeyedRandom('top-k'), 'downlink', 1).at(1, 0);
const make = (spec: string, dimension: number) => createCompressor(spec, { dimension, workers: 1, wire: 'f64' });

function encode(spec: string, x: Float64Array): Uint8Array {
  const compressor = make(spec, x.length);
  const out = new Uint8Array(compressor.maxBytes);
  return out.slice(0, compressor.encode(x, key, out, 0));
}

function decode(spec: string, dimension: number, payload: Uint8Array): Float64Array {
  const compressor = make(spec, dimension);
  compressor.decode(payload, 0, payload.length, key);
  const vector = new Float64Array(dimension);
  compressor.copyTo(vector);
  return vector;
}

/** The definition: a full sort by magnitude, ties by lower index. */
function bySorting(x: Float64Array, k: number): Float64Array {
  const order = [...x.keys()].sort((i, j) => Math.abs(x[j]) - Math.abs(x[i]) || i - j).slice(0, k);
  const vector = new Float64Array(x.length);
  for (const j of order) vector[j] = x[j];
  return vector;
}

describe('top-k keeps what a full sort would', () => {
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1, -1, 1 + 2 ** -52, 2, 5e-324, -5e-324, 1.5e300),
  );
  const vectors = fc.array(value, { minLength: 1, maxLength: 60 }).map((list) => Float64Array.from(list));

  test('for any finite vector and K, through its bytes', () => {
    fc.assert(
      fc.property(vectors, fc.nat(), (x, n) => {
        const k = 1 + (n % x.length);
        const spec = `top-k:k=${k}`;
        // −0 is a value like another
        expect(decode(spec, x.length, encode(spec, x)).map((v) => v + 0)).toEqual(bySorting(x, k).map((v) => v + 0));
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  // the selection looks at every sixteenth value of a long vector before it lists the large ones
  describe.each([4095, 4096, 20_003])('d = %i', (d) => {
    const noise = gaussian(d);
    test.each<[string, (g: number, j: number) => number]>([
      ['Gaussian', (g) => g],
      ['of equal magnitude', (_, j) => (j % 3 === 0 ? -1 : 1)],
      ['few magnitudes', (g) => Math.round(g)],
      ['nearly zero', (_, j) => (j % 1000 === 999 ? 1 : 0)],
      ['large where it is looked at', (g, j) => (j % 16 === 0 ? 1e6 * g : g)],
      ['large elsewhere', (g, j) => (j % 16 === 5 ? 1e6 * g : g)],
      ['different in the last bits', (_, j) => 1 + ((j * 7919) % d) * 2 ** -52],
      ['of all sizes', (g, j) => g * 2 ** (((j * 37) % 2000) - 1000)],
    ])('%s', (_name, value) => {
      const x = noise.map(value);
      for (const k of [1, 20, d >> 4, d >> 2, d - 1, d]) {
        const spec = `top-k:k=${k}`;
        expect(decode(spec, d, encode(spec, x)).map((v) => v + 0)).toEqual(bySorting(x, k).map((v) => v + 0));
      }
    });

    test('a NaN or an infinity is refused wherever it is', () => {
      for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY]) {
        for (const step of [d, 16, 1]) {
          for (const first of [0, 1, d - 1]) {
            const x = noise.slice();
            for (let j = first; j < d; j += step) x[j] = bad;
            for (const k of [1, d]) {
              expect(() => encode(`top-k:k=${k}`, x)).toThrow(expect.objectContaining({ code: 'compressor' }));
            }
          }
        }
      }
    });
  });

  test('ties to the last bit go to the lower index', () => {
    const x = Float64Array.of(1, -2, 2, -2, 2, 1);
    expect([...decode('top-k:k=3', 6, encode('top-k:k=3', x))]).toEqual([0, -2, 2, -2, 0, 0]);
    expect([...decode('top-k:k=5', 6, encode('top-k:k=5', x))]).toEqual([1, -2, 2, -2, 2, 0]);
  });

  test('a NaN or an infinity is refused wherever it is', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (let j = 0; j < 5; j++) {
        for (const k of [1, 5]) {
          const x = Float64Array.of(1, 2, 3, 4, 5);
          x[j] = bad;
          expect(() => encode(`top-k:k=${k}`, x)).toThrow(expect.objectContaining({ code: 'compressor' }));
        }
      }
    }
  });
});

test('supports with gaps of all lengths come back, and no truncated code does', () => {
  const gaps = fc.array(fc.oneof(fc.nat(3), fc.nat(300), fc.nat(2_000_000)), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(gaps, fc.nat(20), (list, room) => {
      let last = -1;
      const index = Int32Array.from(list, (gap) => (last += gap + 1));
      const length = Math.max(301, last + 1 + room);
      const out = new Uint8Array(maxIndexBytes(length));
      const bytes = writeIndex(index, list.length, length, out, 0);
      const read = new Int32Array(list.length);
      // whatever follows
      for (const more of [0, 0xff]) {
        expect(readIndex(out.slice(0, bytes + 4).fill(more, bytes), 0, bytes + 4, list.length, length, read)).toBe(
          bytes,
        );
        expect(read).toEqual(index);
      }
      for (let end = 0; end < bytes; end++) {
        expect(() => readIndex(out, 0, end, list.length, length, read)).toThrow(
          expect.objectContaining({ name: 'ProtocolError' }),
        );
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});

describe('constants', () => {
  test.each([
    ['top-k:k=30', 0.1],
    ['top-k:k=300', 1],
    // natural compression of what is kept: α (1 − 1/8)
    ['top-k:k=30+natural', 0.1 * 0.875],
    ['natural', 0.875],
    ['rand-k:k=200', 0.5],
    ['rand-k:k=100', 0],
    ['rand-k:k=200+top-k:k=100', 0.25],
    ['same-rand-k:k=200', 0.5],
    ['identity', 1],
  ])('%s: α = %f', (spec, alpha) => expect(make(spec, 300).constants.alpha).toBeCloseTo(alpha, 12));

  test('biased: no ω', () => expect(make('top-k:k=30', 300).constants.omega).toBe(Number.POSITIVE_INFINITY));

  test('α is attained when all magnitudes are equal, and composition keeps its bound', () => {
    const x = new Float64Array(300).map((_, j) => (j % 2 === 0 ? 4 / 3 : -4 / 3));
    const error = (spec: string) => {
      const vector = decode(spec, 300, encode(spec, x));
      return vector.reduce((sum, v, j) => sum + (v - x[j]) ** 2, 0) / x.reduce((sum, v) => sum + v * v, 0);
    };
    expect(error('top-k:k=30')).toBeCloseTo(0.9, 12);
    expect(error('top-k:k=240+top-k:k=30')).toBeCloseTo(0.9, 12);
  });
});

describe('the support costs little more than log₂ C(d, K) bits', () => {
  // supports without structure
  const hashed = (d: number) =>
    new Float64Array(d).map((_, j) => {
      let h = Math.imul(j ^ (j >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      return 1 + ((h ^ (h >>> 16)) >>> 0);
    });

  test.each([0.001, 0.01, 0.05])('within 2 % at d = 10⁶, K/d = %f', (share) => {
    const d = 1_000_000;
    const k = d * share;
    const indexBytes = encode(`top-k:k=${k}`, hashed(d)).length - 8 * k;
    expect((8 * indexBytes) / log2Binomial(d, k)).toBeLessThan(1.02);
    expect((8 * indexBytes) / log2Binomial(d, k)).toBeGreaterThan(0.98);
  });

  test('never more than a bitmap and one byte', () => {
    for (const d of [1, 7, 8, 9, 300, 4096]) {
      for (const k of [1, Math.ceil(d / 3), Math.ceil(d / 2), d]) {
        expect(encode(`top-k:k=${k}`, hashed(d)).length - 8 * k).toBeLessThanOrEqual(1 + Math.ceil(d / 8));
      }
    }
  });
});

describe('hostile payloads', () => {
  const cases = [
    ['top-k:k=4', 40],
    ['top-k:k=20', 40],
    ['top-k:k=3+natural', 17],
    ['top-k:k=9+top-k:k=3', 33],
  ] as const;
  const input = (d: number) => new Float64Array(d).map((_, j) => Math.sin(7 * j + 1) * (1 + j));

  test.each(cases)('%s, d = %i: every truncation and every extension is a ProtocolError', (spec, d) => {
    const payload = encode(spec, input(d));
    const long = new Uint8Array(payload.length + 1);
    long.set(payload);
    for (let l = 0; l < payload.length; l++) {
      expect(() => decode(spec, d, payload.slice(0, l)), `${l} bytes`).toThrow(
        expect.objectContaining({ code: 'protocol' }),
      );
    }
    expect(() => decode(spec, d, long)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  const harmless = (spec: string, d: number, payload: Uint8Array) => {
    let vector: Float64Array;
    try {
      vector = decode(spec, d, payload);
    } catch (error) {
      expect(error).toMatchObject({ code: 'protocol' });
      return;
    }
    expect(vector.every(Number.isFinite)).toBe(true);
  };

  test.each(cases)('%s, d = %i: every single flipped bit, and any bytes, decode or are a ProtocolError', (spec, d) => {
    const payload = encode(spec, input(d));
    for (let bit = 0; bit < 8 * payload.length; bit++) {
      const flipped = payload.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      harmless(spec, d, flipped);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2 * payload.length }), (bytes) => harmless(spec, d, bytes)),
      { seed: 1, numRuns: 3000 },
    );
  });
});

// A difference here is a change of the wire format: a support's place and two values, one; a bitmap; a Rice code.
test.each([
  ['top-k:k=2', 4, [1, 3], '0400000000000010c00000000000001040'],
  ['top-k:k=1', 40, [18], '120000000000001040'],
  ['top-k:k=200', 400, [], undefined],
  ['top-k:k=1', 400, [300], '07' + '6301' + '0000000000001040'],
] as const)('golden payload of %s, d = %i', (spec, d, at, hex) => {
  const x = new Float64Array(d).map((_, j) => (hex === undefined ? 1 + (j % 2) : 0.5));
  for (const j of at) x[j] = j === 1 ? -4 : 4;
  const payload = Buffer.from(encode(spec, x)).toString('hex');
  if (hex !== undefined) expect(payload).toBe(hex);
  else expect(payload).toBe(`ff${'aa'.repeat(50)}${'0000000000000040'.repeat(200)}`);
});

const biased = (d: number, k: number) => {
  const size = k === d ? 0 : Number.POSITIVE_INFINITY;
  return { omega: size, theta: size, alpha: k / d };
};
for (const [spec, kept] of [
  ['top-k:k=1', () => 1],
  ['top-k:k=40%', KEPT['40%']],
  ['top-k:k=100%', (d: number) => d],
] as const) {
  describeCompressor(spec, {
    dimensions: DIMENSIONS.filter((d) => d <= 4096),
    maxPayloadBytes: (d, wire) => plainBytes(kept(d, 1), wire) + 1 + Math.ceil(d / 8),
    coordinates: (d) => kept(d, 1),
    theory: (d) => ({ ...biased(d, kept(d, 1)), density: kept(d, 1) }),
    deterministic: true,
    sampled: SAMPLED.filter((c) => c.dimension === 7 || c.dimension === 300),
  });
}
describeCompressor('top-k:k=3+natural', {
  dimensions: [7, 112, 300],
  maxPayloadBytes: (d, wire) => naturalBytes(3, wire) + 1 + Math.ceil(d / 8),
  coordinates: () => 3,
  theory: (d) => ({ ...biased(d, 3), alpha: (3 / d) * (7 / 8), density: 3 }),
  sampled: SAMPLED.filter((c) => c.dimension === 112),
});

describe('up to 300 coordinates a support costs less than a byte more than log₂ C(d, K)', () => {
  test.each([1, 2, 3, 7, 8, 64, 112, 299, 300])('d = %i', (d) => {
    const random = new KeyedRandom('supports').stream(new Rng(), 'init', d, 0);
    for (const k of new Set([1, 2, Math.ceil(d / 20), Math.ceil(d / 3), Math.ceil(d / 2), d - 1, d])) {
      if (k < 1 || k > d) continue;
      const x = new Float64Array(d).map(() => random.normal());
      const payload = encode(`top-k:k=${k}`, x);
      expect(8 * (payload.length - 8 * k)).toBeLessThan(log2Binomial(d, k) + 8);
      expect(decode(`top-k:k=${k}`, d, payload)).toEqual(bySorting(x, k));
    }
  });

  test('every support of 7 coordinates has a place of its own, and no other place is read', () => {
    const index = new Int32Array(7);
    const out = new Uint8Array(8);
    for (let k = 0; k <= 7; k++) {
      const all = Math.round(2 ** log2Binomial(7, k));
      const seen = new Set<string>();
      for (let place = 0; place < 256; place++) {
        const bytes = Uint8Array.of(place);
        if (place >= Math.max(all, 1)) {
          if (all > 1) expect(() => readIndex(bytes, 0, 1, k, 7, index)).toThrow('place');
          continue;
        }
        expect(readIndex(bytes, 0, 1, k, 7, index)).toBe(all === 1 ? 0 : 1);
        const list = index.subarray(0, k);
        expect(list.every((j, i) => j < 7 && (i === 0 || j > list[i - 1]))).toBe(true);
        seen.add(list.join());
        if (all > 1) {
          expect(writeIndex(index, k, 7, out, 0)).toBe(1);
          expect(out[0]).toBe(place);
        }
      }
      expect(seen.size).toBe(all);
    }
  });
});
