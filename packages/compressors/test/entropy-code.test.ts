import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adaptiveCode } from '../dist/adaptive-code.js';
import { blockCode } from '../dist/block-code.js';
import { codecKernels } from '../dist/codec-kernels.js';
import { entropyCode, LONG } from '../dist/entropy-code.js';
import { gaussian } from '../dist/testing/statistics.js';
import { readAdaptively } from './adaptive-reference.js';

const kernels = codecKernels();
const adaptive: typeof entropyCode = {
  write: (count, out, at, limit) => adaptiveCode.write(kernels.list, count, 0, out, at, limit),
  read: (bytes, at, end, count, largest) => adaptiveCode.read(kernels.list, bytes, at, end, count, largest),
};
const block: typeof entropyCode = {
  write: (count, out, at, limit) => blockCode.write(count, 0, out, at, limit),
  read: blockCode.read,
};
const LARGEST = 2 ** 31 - 1;

function encode(code: typeof entropyCode, numbers: ArrayLike<number>, limit = 64 + 8 * numbers.length): Uint8Array {
  const out = new Uint8Array(limit);
  kernels.numbers(numbers.length).set(numbers);
  return out.slice(0, code.write(numbers.length, out, 0, limit));
}

function decode(code: typeof entropyCode, bytes: Uint8Array, count: number, largest = LARGEST): Uint32Array {
  kernels.numbers(count).fill(0xffffffff);
  code.read(bytes, 0, bytes.length, count, largest);
  return kernels.numbers(count).slice();
}

const protocolError = expect.objectContaining({ name: 'ProtocolError' });

/** Whether decoding is a ProtocolError: an `expect` costs a hundred times what it looks at. */
function refuses(code: typeof entropyCode, bytes: Uint8Array, count: number): boolean {
  try {
    decode(code, bytes, count);
    return false;
  } catch (error) {
    if (error instanceof Error && error.name === 'ProtocolError') return true;
    throw error;
  }
}

/** Magnitudes of all sizes, signs, zeros without one. */
const number = fc
  .tuple(fc.oneof(fc.nat(3), fc.nat(40), fc.nat(70_000), fc.nat(LARGEST)), fc.boolean())
  .map(([magnitude, negative]) => (magnitude === 0 ? 0 : 2 * magnitude + (negative ? 1 : 0)));
const runs = fc
  .array(fc.tuple(number, fc.integer({ min: 1, max: 60 })), { maxLength: 8 })
  .map((list) => list.flatMap(([value, times]) => new Array<number>(times).fill(value)));
const lists = fc.oneof(fc.array(number, { maxLength: 60 }), runs);

describe.each([
  ['adaptive', adaptive],
  ['in blocks', block],
] as const)('%s', (_name, code) => {
  test('numbers come back', () => {
    fc.assert(
      fc.property(lists, (numbers) => {
        expect([...decode(code, encode(code, numbers), numbers.length)]).toEqual(numbers);
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  test('no code begins another for as many numbers: truncations and extensions are found out', () => {
    fc.assert(
      fc.property(lists, fc.uint8Array({ minLength: 1, maxLength: 6 }), (numbers, more) => {
        const bytes = encode(code, numbers);
        for (let length = 0; length < bytes.length; length++) {
          if (!refuses(code, bytes.slice(0, length), numbers.length)) return false;
        }
        return refuses(code, Uint8Array.of(...bytes, ...more), numbers.length);
      }),
      { seed: 1, numRuns: 150 },
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
            numbers = decode(code, bytes, count, largest);
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

  test('a code longer than the limit is not written', () => {
    const numbers = Uint32Array.from({ length: 300 }, (_, i) => 2 + 2 * ((i * 7919) % 251));
    const bytes = encode(code, numbers);
    const out = new Uint8Array(bytes.length + 2).fill(7);
    kernels.numbers(300).set(numbers);
    expect(code.write(300, out, 1, bytes.length - 1)).toBe(-1);
    expect(out.every((byte) => byte === 7)).toBe(true);
    expect(code.write(300, out, 1, bytes.length)).toBe(bytes.length);
    expect([...out.slice(1, -1)]).toEqual([...bytes]);
  });
});

test('an independent reader of the adaptive code reads what the writer writes', () => {
  fc.assert(
    fc.property(fc.array(lists, { minLength: 1, maxLength: 12 }), (several) => {
      const numbers = several.flat();
      expect(readAdaptively(encode(adaptive, numbers), numbers.length)).toEqual(numbers);
    }),
    { seed: 1, numRuns: 300 },
  );
});

/** Numbers of Gaussian values: whole multiples of a half of the magnitude that `scale` gives at each place. */
const gaussianNumbers = (count: number, scale: (i: number) => number) =>
  Uint32Array.from(gaussian(count), (g, i) => {
    const magnitude = Math.round(Math.abs(g) * 2 * scale(i));
    return magnitude === 0 ? 0 : 2 * magnitude + (g < 0 ? 1 : 0);
  });

const entropy = (numbers: Uint32Array) => {
  const counts = new Map<number, number>();
  for (const value of numbers) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()].reduce((bits, n) => bits - n * Math.log2(n / numbers.length), 0);
};

describe('length', () => {
  test.each([
    ['adaptive', 1254, adaptive, 1.03],
    ['adaptive', 25_088, adaptive, 1.01],
    ['adaptive', LONG - 1, adaptive, 1.01],
    ['in blocks', 25_088, block, 1.02],
    ['in blocks', LONG, block, 1.01],
    ['in blocks', 1_000_000, block, 1.005],
  ] as const)('%s: %d independent numbers take at most a little more than their entropy', (_, count, code, factor) => {
    const numbers = gaussianNumbers(count, () => 1);
    expect(8 * encode(code, numbers).length).toBeLessThan(factor * entropy(numbers));
  });

  test('in blocks: numbers that are like their neighbours, or like those of their block, take less than their entropy', () => {
    // scales of ½ to 8, one after the other for 50 numbers or for 40,000
    for (const [run, factor] of [
      [50, 0.97],
      [40_000, 0.97],
    ] as const) {
      const numbers = gaussianNumbers(200_000, (i) => 2 ** ((Math.floor(i / run) % 5) - 1));
      expect(8 * encode(block, numbers).length).toBeLessThan(factor * entropy(numbers));
    }
  });

  test('a constant list takes next to nothing', () => {
    expect(encode(adaptive, new Uint32Array(10_000)).length).toBeLessThan(12);
    expect(encode(adaptive, []).length).toBe(0);
    expect(encode(block, new Uint32Array(100_000)).length).toBeLessThan(60);
  });
});

describe('long messages', () => {
  const count = 70_001;
  // with numbers whose tokens do not say them, in places
  const numbers = gaussianNumbers(count, (i) => (i % 1000 === 0 ? 5000 : i < 20_000 ? 1 : 3));
  const bytes = encode(block, numbers);

  test('are coded in blocks, shorter ones adaptively', () => {
    expect(encode(entropyCode, numbers)).toEqual(bytes);
    expect(decode(entropyCode, bytes, count)).toEqual(numbers);
    const short = numbers.subarray(0, LONG - 1);
    expect(encode(entropyCode, short)).toEqual(encode(adaptive, short));
  });

  test('the bytes of one', () => {
    // a difference here is a change of the wire format
    const list = new Uint32Array(LONG + 5);
    for (let i = 0, word = 1; i < list.length; i++) {
      word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
      const magnitude = Math.clz32(word) * (i % 7) + (i % 999 === 0 ? word >>> 8 : 0);
      list[i] = magnitude === 0 ? 0 : 2 * magnitude + (word & 1);
    }
    const code = encode(block, list);
    expect(createHash('sha256').update(code).digest('hex')).toBe(
      '088f29d9d3fa47ece10865535cd77d1b1658e3389c051dc2691d1bbe03d21a9b',
    );
    expect(Buffer.from(code.subarray(0, 40)).toString('hex')).toBe(
      '70e3000000aa4a046317337b018624e655b5c72c98d4cd0dd45c9a90008e9e28333383c5565b68ba',
    );
    expect(decode(block, code, list.length)).toEqual(list);
  });

  test('truncations and extensions are found out', () => {
    const lengths = [...Array(300).keys(), ...Array.from({ length: 200 }, (_, k) => bytes.length - 1 - k)];
    for (let length = 300; length < bytes.length; length += 997) lengths.push(length);
    for (const length of lengths) {
      expect(() => decode(block, bytes.slice(0, length), count), `${length} bytes`).toThrow(protocolError);
    }
    for (const more of [[0], [255], [0, 0], [1, 2, 3, 4]]) {
      expect(() => decode(block, Uint8Array.of(...bytes, ...more), count)).toThrow(protocolError);
    }
  });

  test('flipped bits are found out, or change what tokens do not say', () => {
    const described = new DataView(bytes.buffer).getUint32(1, true);
    const places = [...Array(5 + described + 16 + 40).keys()];
    for (let at = places.length; at < bytes.length; at += 611) places.push(at);
    let accepted = 0;
    for (const at of places) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << (at & 7);
      try {
        const other = decode(block, flipped, count, 70_000);
        expect(other.every((value) => value >>> 1 <= 70_000 && value !== 1)).toBe(true);
        accepted++;
      } catch (error) {
        expect(error).toMatchObject({ name: 'ProtocolError' });
      }
    }
    expect(accepted).toBeLessThan(places.length / 20);
  });
});
