import type { State } from '@flotilla/core';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { packState, unpackState } from '../dist/index.js';
import { expectProtocolError } from './expect-error.js';

const state: State = {
  x: Float64Array.of(1, -0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324),
  'w/product': Float32Array.of(1.5, -2.25, 3),
  draws: Int32Array.of(-1, 7),
  round: 12,
  empty: new Float64Array(0),
};

const vector = fc.oneof(
  fc.float64Array(),
  fc.float32Array(),
  fc.int32Array(),
  fc.double().filter((value) => !Number.isNaN(value)),
);

test('a state comes back to the last bit, in its order', () => {
  const back = unpackState(packState(state));
  expect(Object.keys(back)).toEqual(Object.keys(state));
  expect(back).toEqual(state);
  expect(Object.is((back.x as Float64Array)[1], -0)).toBe(true);
});

test('any state does, at any place in memory', () => {
  const states = fc.dictionary(fc.string({ maxLength: 20 }), vector, { maxKeys: 8 });
  fc.assert(
    fc.property(states, fc.nat(16), (given, offset) => {
      const packed = packState(given);
      const moved = new Uint8Array(packed.length + offset);
      moved.set(packed, offset);
      expect(unpackState(moved.subarray(offset))).toEqual({ ...given });
    }),
  );
});

test('what is unpacked is a copy', () => {
  const packed = packState({ x: Float64Array.of(1) });
  const { x } = unpackState(packed);
  packed.fill(0);
  expect(x).toEqual(Float64Array.of(1));
});

describe('what is not exactly one state is refused', () => {
  it('every truncation and extension', () => {
    const packed = packState(state);
    for (let length = 0; length < packed.length; length++) {
      expectProtocolError(() => unpackState(packed.subarray(0, length)), /state/);
    }
    expectProtocolError(() => unpackState(Uint8Array.from([...packed, 0])), /adds up to/);
  });

  it('lengths that no memory holds, before any is allocated', () => {
    const packed = packState({ x: new Float64Array(200) });
    // msgpack writes 200 as cc c8; ce and four bytes are a length of 2³² − 1
    const at = packed.findIndex((byte, k) => byte === 0xcc && packed[k + 1] === 200);
    const longer = Uint8Array.from([...packed.subarray(0, at), 0xce, 255, 255, 255, 255, ...packed.subarray(at + 2)]);
    longer[0] = (packed[0] as number) + 3;
    expectProtocolError(() => unpackState(longer), /index of a state/);
  });

  it('any bytes are a state or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(unpackState(bytes)).toBeTypeOf('object');
        } catch (error) {
          expect(error).toMatchObject({ code: 'protocol' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
