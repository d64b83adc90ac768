import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AdaptiveCode } from '../dist/adaptive-code.js';
import { gaussian } from '../dist/testing/statistics.js';

const code = new AdaptiveCode();
const LARGEST = 2 ** 31 - 1;

function encode(numbers: ArrayLike<number>, limit = 1 << 20): Uint8Array {
  const out = new Uint8Array(limit);
  return out.slice(0, code.write(Uint32Array.from(numbers), numbers.length, out, 0, limit));
}

function decode(bytes: Uint8Array, count: number, largest = LARGEST): Uint32Array {
  const numbers = new Uint32Array(count);
  code.read(bytes, 0, bytes.length, numbers, count, largest);
  return numbers;
}

const protocolError = expect.objectContaining({ name: 'ProtocolError' });

/** Magnitudes of all sizes, signs, zeros without one. */
const number = fc
  .tuple(fc.oneof(fc.nat(3), fc.nat(40), fc.nat(70_000), fc.nat(LARGEST)), fc.boolean())
  .map(([magnitude, negative]) => (magnitude === 0 ? 0 : 2 * magnitude + (negative ? 1 : 0)));
const runs = fc
  .array(fc.tuple(number, fc.integer({ min: 1, max: 60 })), { maxLength: 8 })
  .map((list) => list.flatMap(([value, times]) => new Array<number>(times).fill(value)));
const lists = fc.oneof(fc.array(number, { maxLength: 60 }), runs);

test('numbers come back', () => {
  fc.assert(
    fc.property(lists, (numbers) => {
      expect([...decode(encode(numbers), numbers.length)]).toEqual(numbers);
    }),
    { seed: 1, numRuns: 3000 },
  );
});

test('no code begins another for as many numbers: truncations and extensions are found out', () => {
  fc.assert(
    fc.property(lists, fc.uint8Array({ minLength: 1, maxLength: 6 }), (numbers, more) => {
      const bytes = encode(numbers);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decode(bytes.slice(0, length), numbers.length)).toThrow(protocolError);
      }
      expect(() => decode(Uint8Array.of(...bytes, ...more), numbers.length)).toThrow(protocolError);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('any bytes are a list in range or a ProtocolError', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(100),
      fc.constantFrom(0, 1, 20, 255, LARGEST),
      (bytes, count, largest) => {
        let numbers: Uint32Array;
        try {
          numbers = decode(bytes, count, largest);
        } catch (error) {
          expect(error).toMatchObject({ name: 'ProtocolError' });
          return;
        }
        for (const value of numbers) {
          expect(value >>> 1).toBeLessThanOrEqual(largest);
          expect(value).not.toBe(1);
        }
      },
    ),
    { seed: 1, numRuns: 5000 },
  );
});

test('a carry runs through bytes of ones', () => {
  // many lists, so that some have one: every byte string that a carry touched must still decode
  for (let k = 0; k < 3000; k++) {
    const numbers = Array.from({ length: 1 + (k % 17) }, (_, i) => 2 * (1 + ((k * 31 + i * 17) % 5)) + ((k + i) & 1));
    expect([...decode(encode(numbers), numbers.length)]).toEqual(numbers);
  }
});

test('a code longer than the limit is not written', () => {
  const numbers = Uint32Array.from({ length: 300 }, (_, i) => 2 + 2 * ((i * 7919) % 251));
  const bytes = encode(numbers);
  const out = new Uint8Array(bytes.length + 2).fill(7);
  expect(code.write(numbers, 300, out, 1, bytes.length - 1)).toBe(-1);
  expect(out.every((byte) => byte === 7)).toBe(true);
  expect(code.write(numbers, 300, out, 1, bytes.length)).toBe(bytes.length);
  expect([...out.slice(1, -1)]).toEqual([...bytes]);
});

describe('length', () => {
  const entropy = (numbers: Uint32Array) => {
    const counts = new Map<number, number>();
    for (const value of numbers) counts.set(value, (counts.get(value) ?? 0) + 1);
    return [...counts.values()].reduce((bits, n) => bits - n * Math.log2(n / numbers.length), 0);
  };
  test.each([
    [1254, 1.03],
    [25_088, 1.01],
    [200_000, 1.005],
  ])('%i independent numbers take at most %f times their entropy', (count, factor) => {
    const numbers = Uint32Array.from(gaussian(count), (g) => {
      const magnitude = Math.round(Math.abs(g) * 2);
      return magnitude === 0 ? 0 : 2 * magnitude + (g < 0 ? 1 : 0);
    });
    expect(8 * encode(numbers).length).toBeLessThan(factor * entropy(numbers));
  });

  test('a constant list takes next to nothing', () => {
    expect(encode(new Uint32Array(10_000)).length).toBeLessThan(12);
    expect(encode([]).length).toBe(1);
  });
});
