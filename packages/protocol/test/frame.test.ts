import type { Form } from '@flotilla/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkDue,
  FrameKind,
  HEADER_BYTES,
  type Header,
  readHeader,
  WIRE_VERSION,
  writeHeader,
} from '../dist/frame.js';
import { expectProtocolError, hex, refusalOf } from './expect-error.js';

const kinds = Object.values(FrameKind);
const forms: readonly Form[] = ['none', 'dense', 'compressed', 'delta'];

const isNumbered = (kind: number) => kind === FrameKind.evaluate || kind === FrameKind.evaluation;
const withVectors = (kind: number) => kind === FrameKind.downlink || kind === FrameKind.uplink;
const isEmpty = (kind: number) => kind === FrameKind.start || kind === FrameKind.restored;

const anyHeader: fc.Arbitrary<Header> = fc.record({
  kind: fc.constantFrom(...kinds),
  form: fc.constantFrom(...forms),
  coins: fc.integer({ min: 0, max: 0xff }),
  extra: fc.integer({ min: 0, max: 0xff }),
  round: fc.integer({ min: 0, max: 0xffffffff }),
});
const headers = anyHeader.map((header) =>
  withVectors(header.kind) ? header : { ...header, form: 'none' as const, coins: 0, extra: 0 },
);

/** Values that no read may leave behind by accident. */
const blank = (): Header => ({ kind: FrameKind.failure, form: 'dense', coins: 0x5a, extra: 0, round: 0x5a5a5a5a });

function bytesOf(header: Header): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES).fill(0xee);
  writeHeader(header, frame);
  return frame;
}

describe('frame header', () => {
  // a change here is a change of the wire format, and needs a new WIRE_VERSION
  it.each<[string, Header]>([
    ['0100000000000000', { kind: FrameKind.start, form: 'none', coins: 0, extra: 0, round: 0 }],
    ['0201000001000000', { kind: FrameKind.downlink, form: 'dense', coins: 0, extra: 0, round: 1 }],
    ['0202030004030201', { kind: FrameKind.downlink, form: 'compressed', coins: 3, extra: 0, round: 0x01020304 }],
    ['0202030704030201', { kind: FrameKind.downlink, form: 'compressed', coins: 3, extra: 7, round: 0x01020304 }],
    ['0203000001000000', { kind: FrameKind.downlink, form: 'delta', coins: 0, extra: 0, round: 1 }],
    ['0302ff00ffffffff', { kind: FrameKind.uplink, form: 'compressed', coins: 0xff, extra: 0, round: 0xffffffff }],
    ['0400000000000080', { kind: FrameKind.evaluate, form: 'none', coins: 0, extra: 0, round: 0x80000000 }],
    ['0500000000010000', { kind: FrameKind.evaluation, form: 'none', coins: 0, extra: 0, round: 0x100 }],
    ['0600000000000100', { kind: FrameKind.failure, form: 'none', coins: 0, extra: 0, round: 0x10000 }],
  ])('is %s', (golden, header) => {
    expect(WIRE_VERSION).toBe(7);
    expect(hex(bytesOf(header))).toBe(golden);
    const read = blank();
    readHeader(Uint8Array.from(Buffer.from(golden, 'hex')), read);
    expect(read).toEqual(header);
  });

  it('keeps an f64 payload aligned', () => {
    expect(HEADER_BYTES % Float64Array.BYTES_PER_ELEMENT).toBe(0);
  });

  it('is read back as it was written, and nothing after it is touched', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array({ maxLength: 40 }), (header, bytes) => {
        const payload = isEmpty(header.kind) ? new Uint8Array(0) : bytes;
        const frame = new Uint8Array(HEADER_BYTES + payload.length);
        frame.set(payload, HEADER_BYTES);
        writeHeader(header, frame);
        expect(frame.subarray(HEADER_BYTES)).toEqual(payload);
        const read = blank();
        readHeader(frame, read);
        expect(read).toEqual(header);
      }),
    );
  });

  it('reads any eight bytes as what was written as them, or as a ProtocolError', () => {
    // small bytes are likely to be valid, so that both outcomes are met
    const byte = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 0xff }));
    let valid = 0;
    fc.assert(
      fc.property(fc.array(byte, { minLength: HEADER_BYTES, maxLength: HEADER_BYTES }), (bytes) => {
        const frame = Uint8Array.from(bytes);
        const read = blank();
        const [kind, form, coins, extra] = bytes as [number, number, number, number];
        const known = (kinds as number[]).includes(kind) && form < forms.length;
        if (known && (withVectors(kind) || form + extra + (isNumbered(kind) ? 0 : coins) === 0)) {
          readHeader(frame, read);
          expect(bytesOf(read)).toEqual(frame);
          valid++;
        } else {
          expectProtocolError(() => readHeader(frame, read));
          expect(read).toEqual(blank());
        }
      }),
      { numRuns: 2000 },
    );
    expect(valid).toBeGreaterThan(20);
  });

  const good: Header = { kind: FrameKind.uplink, form: 'dense', coins: 1, extra: 0, round: 7 };

  /** Every value of one byte of a good header that must be refused. */
  function refuses(at: number, isValid: (value: number) => boolean, message: RegExp): void {
    for (let value = 0; value <= 0xff; value++) {
      const frame = bytesOf(good);
      frame[at] = value;
      const read = blank();
      if (isValid(value)) {
        readHeader(frame, read);
        continue;
      }
      expectProtocolError(() => readHeader(frame, read), message);
      // a refused header changes nothing
      expect(read).toEqual(blank());
    }
  }

  it('refuses every kind but those with vectors: the unknown ones, and those that have no form', () => {
    refuses(0, withVectors, /unknown frame kind \d+|a frame of kind \d+ with form dense, coins 1 and 0 extra vectors/);
  });

  it('has no form, coins or extra vectors where there are no vectors, but an evaluation its number', () => {
    for (const kind of kinds.filter((one) => !withVectors(one))) {
      const plain: Header = { kind, form: 'none', coins: 0, extra: 0, round: 3 };
      expect(readHeader(bytesOf(plain), blank())).toEqual(plain);
      const numbered = { ...plain, coins: 0x80 };
      if (isNumbered(kind)) expect(readHeader(bytesOf(numbered), blank())).toEqual(numbered);
      for (const wrong of [{ form: 'delta' as const }, { extra: 1 }, ...(isNumbered(kind) ? [] : [{ coins: 0x80 }])]) {
        const frame = bytesOf({ ...plain, ...wrong });
        expect(refusalOf(() => readHeader(frame, blank()))).toBe('malformed');
      }
      const longer = new Uint8Array(HEADER_BYTES + 1);
      longer.set(bytesOf(plain));
      if (isEmpty(kind)) expect(refusalOf(() => readHeader(longer, blank()))).toBe('oversized');
      else expect(readHeader(longer, blank())).toEqual(plain);
    }
  });

  it('refuses every unknown form', () => {
    refuses(1, (value) => value <= 3, /unknown payload form \d+/);
  });

  it('takes every value of the coins, and any number of extra vectors', () => {
    refuses(2, () => true, /never/);
    refuses(3, () => true, /never/);
  });

  it('refuses every frame that is shorter than a header', () => {
    for (let length = 0; length < HEADER_BYTES; length++) {
      expectProtocolError(() => readHeader(bytesOf(good).subarray(0, length), blank()), new RegExp(`${length} bytes`));
    }
  });
});

describe('the frame that is due', () => {
  const { downlink, uplink, evaluate } = FrameKind;
  const check = (kind: FrameKind, round: number, due: number | undefined, after?: number) =>
    refusalOf(() => checkDue({ kind, form: 'none', coins: 0, extra: 0, round }, downlink, due, after));

  it.each<[FrameKind, number, number | undefined, number | undefined, string | undefined]>([
    [downlink, 5, 5, undefined, undefined],
    [downlink, 4, 5, undefined, 'duplicate'],
    [downlink, 3, 5, undefined, 'stale'],
    [evaluate, 4, 5, undefined, 'stale'],
    [downlink, 6, 5, undefined, 'early'],
    [uplink, 6, 5, undefined, 'early'],
    [uplink, 5, 5, undefined, 'unexpected'],
    // gaps are allowed: whatever comes after round 4
    [downlink, 5, undefined, 4, undefined],
    [downlink, 900, undefined, 4, undefined],
    [downlink, 4, undefined, 4, 'duplicate'],
    [downlink, 3, undefined, 4, 'stale'],
    [evaluate, 7, undefined, 4, 'unexpected'],
  ])('of kind %i and round %i, where %s is due, or one after %s: %s', (kind, round, due, after, refusal) => {
    expect(check(kind, round, due, after)).toBe(refusal);
  });
});
