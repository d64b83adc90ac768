import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_SIGNS, SignCode } from '../dist/sign-code.js';

const code = new SignCode();
const protocolError = expect.objectContaining({ name: 'ProtocolError' });

function encode(numbers: readonly number[]): Uint8Array {
  const out = new Uint8Array(2 * numbers.length + 8);
  return out.slice(0, code.write(Uint32Array.from(numbers), numbers.length, out, 0));
}

function decode(bytes: Uint8Array, count: number): number[] {
  const numbers = new Uint32Array(count).fill(9);
  code.read(bytes, 0, bytes.length, numbers, count);
  return [...numbers];
}

const lists = fc
  .tuple(fc.integer({ min: 1, max: 120 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .chain(([count, share]) =>
    fc.array(
      fc.double({ min: 0, max: 1, noNaN: true }).map((u) => (u < share ? 2 + (u < share / 2 ? 1 : 0) : 0)),
      { minLength: count, maxLength: count },
    ),
  );

test('lists come back, and no truncated or extended code does', () => {
  fc.assert(
    fc.property(lists, fc.nat(255), (numbers, more) => {
      const bytes = encode(numbers);
      expect(decode(bytes, numbers.length)).toEqual(numbers);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => decode(bytes.slice(0, length), numbers.length)).toThrow(protocolError);
      }
      expect(() => decode(Uint8Array.of(...bytes, more), numbers.length)).toThrow(protocolError);
    }),
    { seed: 1, numRuns: 400 },
  );
});

test('any bytes are the one code of their list, or a ProtocolError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 40 }), (bytes, count) => {
      let numbers: number[];
      try {
        numbers = decode(bytes, count);
      } catch (error) {
        expect(error).toMatchObject({ name: 'ProtocolError' });
        return;
      }
      expect([...encode(numbers)]).toEqual([...bytes]);
    }),
    { seed: 1, numRuns: 20_000 },
  );
});

test('never longer than two bits a value and a byte', () => {
  for (const count of [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 63, 64, 65, 112, 255, 256, 300, MAX_SIGNS]) {
    for (let kept = 0; kept <= count; kept += Math.ceil(count / 40)) {
      const numbers = Array.from({ length: count }, (_, i) => (i < kept ? 3 : 0));
      expect(encode(numbers).length).toBeLessThanOrEqual(1 + Math.ceil(count / 4));
    }
    expect(decode(encode(new Array(count).fill(2)), count)).toEqual(new Array(count).fill(2));
  }
});
