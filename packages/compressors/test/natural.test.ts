import { KeyedRandom, Rng } from '@flotilla/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCompressor, MessageKey, type Wire } from '../dist/index.js';
import { natural } from '../dist/natural.js';
import { describeCompressor } from '../dist/testing/describe-compressor.js';
import { gaussian, meanLimit } from '../dist/testing/statistics.js';
import { describeSelectedNatural } from './families.js';
import { naturalBytes, permKTheory, WORST } from './specs.js';
import { scripted } from './support.js';

describeCompressor('natural', {
  maxPayloadBytes: naturalBytes,
  theory: (d, n) => ({ omega: 1 / 8, theta: 1 / 8 / n, density: d }),
  coordinates: (d) => d,
  extremal: () => WORST,
});

for (const k of ['3', 'd/n']) describeSelectedNatural(k);

describeCompressor('perm-k+natural', {
  maxPayloadBytes: (d, wire, n) => naturalBytes(Math.ceil(d / n), wire),
  theory: (d, n) => {
    const { scale, density, A, B } = permKTheory(d, n);
    const theta = scale / 8 / n;
    return { omega: (scale * 9) / 8 - 1, theta, A: A + theta, B, density };
  },
  extremal: (d, n) => WORST / permKTheory(d, n).scale,
});

const key = new MessageKey(new KeyedRandom('natural'), 'uplink', 1);
const BIAS = { f32: 127, f64: 1023 } as const;
const SYMBOL_BITS = { f32: 9, f64: 12 } as const;
const wires = ['f32', 'f64'] as const;

function encode(wire: Wire, values: ArrayLike<number>, round = 0): Uint8Array {
  const x = Float64Array.from(values);
  const compressor = createCompressor('natural', { dimension: x.length, workers: 1, wire });
  const out = new Uint8Array(compressor.maxBytes);
  return out.subarray(0, compressor.encode(x, key.at(round, 0), out, 0));
}

function decode(wire: Wire, payload: Uint8Array, count: number): number[] {
  const compressor = createCompressor('natural', { dimension: count, workers: 1, wire });
  compressor.decode(payload, 0, payload.length, key.at(0, 0));
  const vector = new Float64Array(count);
  compressor.copyTo(vector);
  return [...vector];
}

/** The symbols that a payload means, from the values it decodes to. */
function unpack(wire: Wire, payload: Uint8Array, count: number): number[] {
  return decode(wire, payload, count).map((v) =>
    v === 0 ? 0 : 2 * (Math.log2(Math.abs(v)) + BIAS[wire]) + (v < 0 ? 1 : 0),
  );
}

/** A payload of packed symbols, bit by bit: shares nothing with the codec. */
function pack(wire: Wire, symbols: readonly number[], padding = 0): Uint8Array {
  const bits = SYMBOL_BITS[wire];
  const number = [...symbols, padding].reduce((sum, s, i) => sum | (BigInt(s) << BigInt(bits * i)), 0n);
  const bytes = Math.ceil((symbols.length * bits) / 8);
  return Uint8Array.from({ length: 1 + bytes }, (_, i) =>
    i === 0 ? 255 : Number((number >> BigInt(8 * (i - 1))) & 0xffn),
  );
}

const protocolError = expect.objectContaining({ name: 'ProtocolError', code: 'protocol' });
const compressorError = expect.objectContaining({ name: 'CompressorError', code: 'compressor' });

describe.each(wires)('natural compression on %s', (wire) => {
  const bias = BIAS[wire];
  const smallest = 2 ** (1 - bias);
  const top = 2 * bias + 1;

  test('a value becomes one of the two powers of two around it, with its sign', () => {
    for (const d of [1, 2, 3, 7, 8, 9, 112, 300]) {
      const x = gaussian(d);
      const payload = encode(wire, x);
      const decoded = decode(wire, payload, d);
      unpack(wire, payload, d).forEach((symbol, j) => {
        const value = (symbol & 1 ? -1 : 1) * 2 ** ((symbol >>> 1) - bias);
        expect(decoded[j]).toBe(value);
        expect(Math.sign(value)).toBe(Math.sign(x[j]));
        const low = 2 ** Math.floor(Math.log2(Math.abs(x[j])));
        expect([low, 2 * low]).toContain(Math.abs(value));
      });
    }
  });

  test('every power of two in range is carried exactly, and zero as +0', () => {
    const values = [0, -0];
    for (let e = 1 - bias; e <= bias; e++) values.push(2 ** e, -(2 ** e));
    const decoded = decode(wire, encode(wire, values), values.length);
    expect(decoded).toEqual(values.map((v) => (v === 0 ? 0 : v)));
  });

  test('the ends of the exponent range', () => {
    const largest = 2 ** bias;
    const previous = largest * (1 - 2 ** -53);
    for (const sign of [1, -1]) {
      expect(decode(wire, encode(wire, [sign * largest]), 1)).toEqual([sign * largest]);
      // below the largest power the next one up is still in range
      expect([largest, largest / 2]).toContain(sign * decode(wire, encode(wire, [sign * previous]), 1)[0]);
      // above it there is nothing to round up to
      const above = [largest * (1 + 2 ** -52), largest * 1.5, wire === 'f32' ? 2 ** 128 : Number.MAX_VALUE];
      for (const value of [...above, ...(wire === 'f32' ? [2 ** 129, 2 ** 200, 2 ** 1023] : [])]) {
        expect(() => encode(wire, [sign * value]), String(value)).toThrow(compressorError);
        expect(() => encode(wire, [sign * value])).toThrow(`2^${bias}`);
      }
    }
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => encode(wire, [1, value, 2])).toThrow(compressorError);
    }
  });

  // shares of the smallest normal number; f64 subnormals are multiples of 2^−52 of it
  test.each([0.5, 0.1, 0.9, 1 - 2 ** -20, 2 ** -10])(
    'below the smallest normal number: zero or that number, unbiased at %f of it',
    (share) => {
      const [d, rounds] = [1000, 60];
      const x = new Float64Array(d).map((_, j) => (j % 2 === 0 ? 1 : -1) * share * smallest);
      const actual = Math.abs(x[0]) / smallest;
      let up = 0;
      const strange: number[] = [];
      for (let round = 0; round < rounds; round++) {
        unpack(wire, encode(wire, x, round), d).forEach((symbol, j) => {
          // a zero has no sign
          if (symbol === 2 + (j % 2)) up++;
          else if (symbol !== 0) strange.push(symbol);
        });
      }
      expect(strange).toEqual([]);
      const trials = d * rounds;
      expect(Math.abs(up / trials - actual)).toBeLessThan(meanLimit(actual * (1 - actual), 1, trials));
    },
  );

  test.each([2 ** -10, 0.01, 0.25, 1 / 3, 0.5, 0.75, 0.99, 1 - 2 ** -12])(
    'x = 1 + %f rounds up with just that probability, at every exponent',
    (fraction) => {
      const [d, rounds] = [1000, 100];
      const random = new KeyedRandom('exponents').stream(new Rng(), 'init', 0, 0);
      const exponents = Array.from({ length: d }, () => random.below(2 * bias - 1) + 1 - bias);
      const x = exponents.map((e, j) => (j % 2 === 0 ? 1 : -1) * (1 + fraction) * 2 ** e);
      let up = 0;
      const strange: number[] = [];
      for (let round = 0; round < rounds; round++) {
        unpack(wire, encode(wire, x, round), d).forEach((symbol, j) => {
          const rounded = (symbol >>> 1) - bias - exponents[j];
          if (rounded === 1) up++;
          else if (rounded !== 0) strange.push(symbol);
        });
      }
      expect(strange).toEqual([]);
      const trials = d * rounds;
      expect(Math.abs(up / trials - fraction)).toBeLessThan(meanLimit(fraction * (1 - fraction), 1, trials));
    },
  );

  test('the coin is compared with all 52 bits of the fraction: the mean is exact', () => {
    const codec = natural(wire, 0);
    const out = new Uint8Array(8);
    const written = (bytes: number) => out.slice(0, bytes);
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 52n) - 1n }),
        fc.integer({ min: 1 - bias, max: bias - 1 }),
        word,
        word,
        // coins near the fraction are the interesting ones
        fc.constantFrom(undefined, -1n, 0n, 1n, 1n << 20n),
        (fraction, exponent, high, low, near) => {
          const limit = (1n << 52n) - 1n;
          const close = fraction + (near ?? 0n);
          const coin =
            near === undefined
              ? (BigInt(high) << 20n) | (BigInt(low) >> 12n)
              : close < 0n
                ? 0n
                : close > limit
                  ? limit
                  : close;
          const value = (1 + Number(fraction) * 2 ** -52) * 2 ** exponent;
          const bytes = codec.write(
            Float64Array.of(value),
            1,
            scripted([Number(coin >> 20n), Number(coin & 0xfffffn) * 4096], 1),
            out,
            0,
          );
          const [symbol] = unpack(wire, written(bytes), 1);
          expect((symbol >>> 1) - bias - exponent).toBe(coin < fraction ? 1 : 0);
        },
      ),
      { seed: 1, numRuns: 2000 },
    );
  });

  test('packed symbols are read; what they mean has one encoding, a byte longer at most', () => {
    const symbol = fc.integer({ min: 0, max: 2 * top - 1 }).filter((s) => s !== 1);
    fc.assert(
      fc.property(fc.array(symbol, { minLength: 1, maxLength: 40 }), (symbols) => {
        const payload = pack(wire, symbols);
        expect(unpack(wire, payload, symbols.length)).toEqual(symbols);
        const encoded = encode(wire, decode(wire, payload, symbols.length));
        expect(unpack(wire, encoded, symbols.length)).toEqual(symbols);
        expect(encoded.length).toBeLessThanOrEqual(payload.length);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  describe('hostile payloads', () => {
    const counts = [1, 2, 3, 7, 8, 9, 17];
    const one = 2 * bias;
    const places = counts.flatMap((count) => Array.from({ length: count }, (_, i) => [count, i]));

    test.each([
      ['the exponent of +∞ or NaN', 2 * top],
      ['the exponent of −∞ or NaN', 2 * top + 1],
      ['a zero with a sign', 1],
    ])('%s is a ProtocolError, wherever it stands', (_what, symbol) => {
      for (const [count, i] of places) {
        const symbols = new Array(count).fill(one);
        expect(decode(wire, pack(wire, symbols), count)).toEqual(new Array(count).fill(1));
        symbols[i] = symbol;
        expect(() => decode(wire, pack(wire, symbols), count), `${i} of ${count}`).toThrow(protocolError);
      }
    });

    test('any padding bit that is set is a ProtocolError', () => {
      let tried = 0;
      for (const count of counts) {
        const used = count * SYMBOL_BITS[wire];
        for (let bit = 0; used + bit < 8 * Math.ceil(used / 8); bit++) {
          const payload = pack(wire, new Array(count).fill(one), 1 << bit);
          expect(() => decode(wire, payload, count), `bit ${bit} of ${count}`).toThrow(protocolError);
          tried++;
        }
      }
      expect(tried).toBeGreaterThan(10);
    });

    test.each(['rand-k:k=5', 'perm-k', 'same-rand-k:k=5'])('%s+natural refuses them too', (selector) => {
      const compressor = createCompressor(`${selector}+natural`, { dimension: 10, workers: 2, wire });
      const decodes = (symbols: number[], padding = 0) => {
        const payload = pack(wire, symbols, padding);
        compressor.decode(payload, 0, payload.length, key.at(0, 1));
      };
      decodes([one, one, one, one, one]);
      expect(() => decodes([one, one, 2 * top, one, one])).toThrow(protocolError);
      expect(() => decodes([one, 1, one, one, one])).toThrow(protocolError);
      expect(() => decodes([one, one, one, one, one], 1)).toThrow(protocolError);
    });
  });
});

test('coins of another seed, direction, round and worker are others; those of an equal key are equal', () => {
  const x = gaussian(112);
  const coins = (seed: string, direction: 'uplink' | 'downlink', round: number, worker: number) => {
    const compressor = createCompressor('natural', { dimension: 112, workers: 5, wire: 'f32' });
    const out = new Uint8Array(compressor.maxBytes);
    const bytes = compressor.encode(x, new MessageKey(new KeyedRandom(seed), direction, 5).at(round, worker), out, 0);
    return Buffer.from(out.subarray(0, bytes)).toString('hex');
  };
  const base = coins('1', 'uplink', 3, 2);
  expect(coins('1', 'uplink', 3, 2)).toBe(base);
  const others = [
    coins('2', 'uplink', 3, 2),
    coins('1', 'downlink', 3, 2),
    coins('1', 'uplink', 4, 2),
    coins('1', 'uplink', 3, 3),
  ];
  expect(new Set([base, ...others]).size).toBe(5);
});

test('magnitudes far below the smallest normal number keep their exact probability', () => {
  const out = new Uint8Array(8);
  const up = (wire: Wire, words: number[], x: number) => {
    const codec = natural(wire, 0);
    const value = new Float64Array(1);
    codec.read(out, 0, codec.write(Float64Array.of(x), 1, scripted(words, 1), out, 0), 1, value);
    return value[0] !== 0;
  };
  // 2⁻¹⁰⁷⁴ is 2⁻⁵² of the smallest normal f64 number: 53 digits decide
  expect(up('f64', [0, 1 << 6], 2 ** -1074)).toBe(true);
  expect(up('f64', [0, 2 << 6], 2 ** -1074)).toBe(false);
  // 2⁻²⁰⁰ is 2⁻⁷⁴ of the smallest normal f32 number: 53 zeros, then 21 digits more
  expect(up('f32', [0, 0, 2 ** 11 - 1], 2 ** -200)).toBe(true);
  expect(up('f32', [0, 0, 2 ** 11], 2 ** -200)).toBe(false);
  expect(up('f32', [0, 64, 0], 2 ** -200)).toBe(false);
});

describe('entropy coding', () => {
  const entropy = (symbols: number[]) => {
    const counts = new Map<number, number>();
    for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
    return [...counts.values()].reduce((bits, c) => bits - c * Math.log2(c / symbols.length), 0);
  };

  test.each([1254, 25_088, 1_000_000])(
    '%i Gaussian values take at most 3.8 bits each, and 5 %% more than their own entropy',
    (d) => {
      const payload = encode('f32', gaussian(d));
      expect((8 * payload.length) / d).toBeLessThan(3.8);
      expect((8 * payload.length) / entropy(unpack('f32', payload, d))).toBeLessThan(1.05);
    },
  );

  test.each(['rand-k:k=1254+natural', 'perm-k+natural'])('%s: short messages gain as much', (spec) => {
    const compressor = createCompressor(spec, { dimension: 25_080, workers: 20, wire: 'f32' });
    const out = new Uint8Array(compressor.maxBytes);
    expect((8 * compressor.encode(gaussian(25_080), key.at(0, 0), out, 0)) / 1254).toBeLessThan(3.8);
  });

  test('values without any order are packed, one byte more', () => {
    const random = new KeyedRandom('exponents').stream(new Rng(), 'init', 1, 0);
    const x = Float64Array.from(
      { length: 3000 },
      () => 2 ** (random.below(254) - 126) * (random.below(2) === 0 ? 1 : -1),
    );
    const payload = encode('f32', x);
    expect(payload[0]).toBe(255);
    expect(payload.length).toBe(naturalBytes(3000, 'f32'));
  });
});
