// Long: one class, every kind of message through it, and every way to damage one.

import { compressors, createCompressor, type Direction, type Wire } from '@flotilla/compressors';
import { DivergedError, KeyedRandom, type Outgoing } from '@flotilla/core';
import { extend } from '@flotilla/core/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Boundary, type BoundaryOptions } from '../dist/boundary.js';
import { FrameKind, HEADER_BYTES, readHeader } from '../dist/frame.js';
import { expectProtocolError, hex, refusalOf } from './expect-error.js';

const D = 10;
const N = 4;
const random = new KeyedRandom('boundary');
const { uplink, downlink } = FrameKind;
const wires: readonly Wire[] = ['f32', 'f64'];

/** The sender's and the receiver's end of a link. */
function link(options: Partial<BoundaryOptions> = {}): { sender: Boundary; receiver: Boundary } {
  const all: BoundaryOptions = {
    direction: 'uplink',
    dimension: D,
    workers: N,
    wire: 'f64',
    compressor: undefined,
    random,
    ...options,
  };
  // two processes share a seed, not an object
  return { sender: new Boundary(all), receiver: new Boundary({ ...all, random: new KeyedRandom('boundary') }) };
}

/** Writes one message into a buffer that is full of other bytes, and returns the frame. */
function write(
  boundary: Boundary,
  form: Outgoing['form'],
  vector: Float64Array,
  {
    kind = uplink as FrameKind,
    round = 3,
    coins = 0,
    worker = 1,
    ...more
  }: { kind?: FrameKind; round?: number; coins?: number; worker?: number } & Partial<Outgoing> = {},
): Uint8Array {
  const outgoing = { form, vector, ...more };
  const room = new Uint8Array(boundary.maxFrameBytes(outgoing) + 16).fill(0xee);
  const length = boundary.write(kind, round, coins, worker, outgoing, room);
  // nothing is written after the end of the frame
  expect(room.subarray(length).every((byte) => byte === 0xee)).toBe(true);
  expect(length).toBeLessThanOrEqual(boundary.maxFrameBytes(outgoing));
  return room.slice(0, length);
}

function decoded(boundary: Boundary, frame: Uint8Array, round = 3, worker = 1, kind: FrameKind = uplink): Float64Array {
  const vector = new Float64Array(D).fill(Number.NaN);
  boundary.read(frame, kind, round, worker).copyTo(vector);
  return vector;
}

const vectors = (wire: Wire): fc.Arbitrary<Float64Array> =>
  fc
    .array(
      wire === 'f32'
        ? fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e30), max: Math.fround(1e30) })
        : fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }),
      { minLength: D, maxLength: D },
    )
    .map((values) => Float64Array.from(values));

const x = Float64Array.of(1, -2, 0.5, 4, -0.25, 8, -16, 32, 0.125, -64);
const nothing = new Float64Array(0);

/** Payload bytes and nominal bits of `count` values, by the papers and the wire, not by the code. */
const plain = {
  f32: { bytes: (count: number) => 4 * count, bits: 32 },
  f64: { bytes: (count: number) => 8 * count, bits: 64 },
} as const;
const natural = {
  // at most: packed, after a byte that says so; fewer when an entropy code is shorter
  f32: { bytes: (count: number) => 1 + Math.ceil((9 * count) / 8), bits: 9 },
  f64: { bytes: (count: number) => 1 + Math.ceil((12 * count) / 8), bits: 12 },
} as const;

/** Every kind of compressor: what it writes, how many coordinates a message has, whether one serves all workers. */
const table = [
  { spec: 'identity', values: plain, count: D, same: false },
  { spec: 'natural', values: natural, count: D, same: false },
  { spec: 'rand-k:k=3', values: plain, count: 3, same: false },
  { spec: 'rand-k:k=3+natural', values: natural, count: 3, same: false },
  { spec: 'same-rand-k:k=3', values: plain, count: 3, same: true },
  { spec: 'same-rand-k:k=3+natural', values: natural, count: 3, same: true },
  // ten coordinates dealt to four workers in hands of at most three: how many, the round decides
  { spec: 'perm-k', values: plain, count: undefined, same: false },
  { spec: 'perm-k+natural', values: natural, count: undefined, same: false },
] as const;

describe('coins', () => {
  it.each([0, 1, 2, 7])('of which a method tosses %i: frames with others are refused', (coins) => {
    const { sender, receiver } = link({ coins });
    for (let tossed = 0; tossed <= 0xff; tossed++) {
      const frame = write(sender, 'dense', x, { coins: tossed });
      const refusal = refusalOf(() => receiver.read(frame, uplink, 3, 1));
      expect(refusal).toBe(tossed < 2 ** coins ? undefined : 'coins');
    }
  });
});

describe('dense messages', () => {
  it('lie in the frame as little-endian numbers after the header', () => {
    const vector = Float64Array.of(1, -2, 0.5);
    const f32 = link({ wire: 'f32', dimension: 3 }).sender;
    expect(hex(write(f32, 'dense', vector, { coins: 2 }))).toBe('0301020003000000' + '0000803f000000c00000003f');
    const f64 = link({ wire: 'f64', dimension: 3 }).sender;
    expect(hex(write(f64, 'dense', vector, { kind: downlink, round: 258 }))).toBe(
      '0201000002010000' + '000000000000f03f00000000000000c0000000000000e03f',
    );
  });

  it.each(wires)('%s: cost 8 bytes and the width of each coordinate', (wire) => {
    const width = plain[wire].bytes(1);
    const { sender, receiver } = link({ wire });
    const cost = {
      form: 'dense',
      payloadBytes: width * D,
      frameBytes: HEADER_BYTES + width * D,
      coordinates: D,
      paperBits: 8 * width * D,
    };
    const frame = write(sender, 'dense', x);
    expect(frame.length).toBe(cost.frameBytes);
    expect(sender.maxFrameBytes({ form: 'dense', vector: x })).toBe(cost.frameBytes);
    expect(sender.message).toEqual(cost);
    receiver.read(frame, uplink, 3, 1);
    expect(receiver.message).toEqual(cost);
  });

  it.each(wires)('%s: arrive as the wire rounds them, −0 included', (wire) => {
    const { sender, receiver } = link({ wire });
    fc.assert(
      fc.property(vectors(wire), fc.nat(0xffffffff), fc.nat(255), fc.nat(N - 1), (vector, round, coins, worker) => {
        const before = vector.slice();
        const frame = write(sender, 'dense', vector, { round, coins, worker });
        expect(vector).toEqual(before);
        const incoming = receiver.read(frame, uplink, round, worker);
        expect(incoming.form).toBe('dense');
        expect(incoming.coins).toBe(coins);
        const target = new Float64Array(D).fill(Number.NaN);
        incoming.copyTo(target);
        expect(target).toEqual(wire === 'f32' ? Float64Array.from(vector, Math.fround) : vector);
      }),
    );
  });

  it('are added with a weight', () => {
    const { sender, receiver } = link();
    const incoming = receiver.read(write(sender, 'dense', x), uplink, 3, 1);
    const sum = new Float64Array(D).fill(1);
    incoming.addTo(sum, 0.5);
    expect(sum).toEqual(x.map((value) => 1 + 0.5 * value));
  });
});

describe('messages without a vector', () => {
  it('are a header and nothing else', () => {
    const { sender, receiver } = link({ compressor: 'rand-k:k=3' });
    // a message that cost something comes first: its counts must not stay
    write(sender, 'compressed', x);
    const frame = write(sender, 'none', nothing, { coins: 5 });
    const cost = { form: 'none', payloadBytes: 0, frameBytes: HEADER_BYTES, coordinates: 0, paperBits: 0 };
    expect(hex(frame)).toBe('0300050003000000');
    expect(sender.maxFrameBytes({ form: 'none', vector: x })).toBe(HEADER_BYTES);
    expect(sender.message).toEqual(cost);

    receiver.read(write(sender, 'dense', x), uplink, 3, 1);
    const incoming = receiver.read(frame, uplink, 3, 1);
    expect(incoming.form).toBe('none');
    expect(incoming.coins).toBe(5);
    expect(receiver.message).toEqual(cost);
    // they carry no vector, not that of the message before
    const target = x.slice();
    incoming.addTo(target, 1);
    incoming.copyTo(target);
    expect(target).toEqual(x);
  });

  it('with a payload are refused', () => {
    const { sender, receiver } = link();
    const frame = Uint8Array.of(...write(sender, 'none', nothing), 0);
    expectProtocolError(() => receiver.read(frame, uplink, 3, 1), /a frame of 9 bytes, at most 8 of form none/);
  });
});

describe.each(wires)('compressed messages, %s', (wire) => {
  it.each(table)('$spec: cost what the formula says', ({ spec, values, count }) => {
    const { sender, receiver } = link({ wire, compressor: spec });
    const { bytes, bits } = values[wire];
    for (let round = 0; round < 20; round++) {
      let dealt = 0;
      for (let worker = 0; worker < N; worker++) {
        const frame = write(sender, 'compressed', x, { round, worker });
        const incoming = receiver.read(frame, uplink, round, worker);
        const target = new Float64Array(D);
        incoming.copyTo(target);
        // x has no zero, and natural compression makes none of it
        const kept = target.filter((value) => value !== 0).length;
        dealt += kept;
        expect(kept).toBe(count ?? kept);
        expect(sender.message).toEqual({
          form: 'compressed',
          payloadBytes: values === natural ? frame.length - HEADER_BYTES : bytes(kept),
          frameBytes: frame.length,
          coordinates: kept,
          paperBits: bits * kept,
        });
        expect(receiver.message).toEqual(sender.message);
        expect(frame.length).toBeLessThanOrEqual(HEADER_BYTES + bytes(kept));
      }
      expect(dealt).toBe(count === undefined ? D : N * count);
    }
    expect(sender.maxFrameBytes({ form: 'compressed', vector: x })).toBe(
      HEADER_BYTES + bytes(count ?? Math.ceil(D / N)),
    );
    expect(sender.maxFrameBytes({ form: 'dense', vector: x })).toBe(HEADER_BYTES + plain[wire].bytes(D));
  });

  it.each(table)('$spec: the sender reads in its own frame what the receiver reads', ({ spec }) => {
    const { sender, receiver } = link({ wire, compressor: spec, direction: 'downlink' });
    fc.assert(
      fc.property(vectors(wire), fc.nat(0xffffffff), fc.nat(N - 1), (huge, round, worker) => {
        // room for the factor d/k that an unbiased compressor scales by
        const vector = huge.map((value) => value / 1024);
        const frame = write(sender, 'compressed', vector, { kind: downlink, round, worker });
        const sent = decoded(sender, frame, round, worker, downlink);
        expect(decoded(receiver, frame, round, worker, downlink)).toEqual(sent);
        const sum = new Float64Array(D);
        receiver.read(frame, downlink, round, worker).addTo(sum, 1);
        expect(sum.map((value) => value + 0)).toEqual(sent.map((value) => value + 0));
      }),
      { numRuns: 50 },
    );
  });

  it.each(table.filter(({ same }) => same))('$spec: one message is read by every worker', ({ spec }) => {
    const { sender, receiver } = link({ wire, compressor: spec, direction: 'downlink' });
    for (let round = 0; round < 20; round++) {
      const frame = write(sender, 'compressed', x, { kind: downlink, round, worker: 0 });
      const sent = decoded(sender, frame, round, 0, downlink);
      for (let worker = 0; worker < N; worker++) {
        expect(decoded(receiver, frame, round, worker, downlink)).toEqual(sent);
      }
    }
  });
});

describe('perm-k with more workers than coordinates', () => {
  it('sends a header alone to whom no coordinate is dealt', () => {
    const d = 2;
    const { sender, receiver } = link({ dimension: d, workers: 5, compressor: 'perm-k' });
    const target = new Float64Array(d);
    let empty = 0;
    for (let worker = 0; worker < 5; worker++) {
      const frame = write(sender, 'compressed', Float64Array.of(1, 1), { worker });
      const incoming = receiver.read(frame, uplink, 3, worker);
      incoming.addTo(target, 1 / 5);
      expect(sender.message.payloadBytes).toBe(8 * sender.message.coordinates);
      if (frame.length > HEADER_BYTES) continue;
      empty++;
      expect(sender.message).toMatchObject({ payloadBytes: 0, frameBytes: HEADER_BYTES, paperBits: 0, coordinates: 0 });
      expect(incoming.form).toBe('compressed');
    }
    // 5 = 2 · 2 + 1: two workers for each coordinate, one left over, and the mean is the vector
    expect(empty).toBe(1);
    expect(target).toEqual(Float64Array.of(1, 1));
  });
});

describe('natural compression', () => {
  it('is at most 9 bits a coordinate and a byte, exact for powers of two', () => {
    const vector = Float64Array.of(1, -2, 0.5, 0);
    const { sender, receiver } = link({ wire: 'f32', dimension: 4, compressor: 'natural' });
    const frame = write(sender, 'compressed', vector);
    const target = new Float64Array(4);
    receiver.read(frame, uplink, 3, 1).copyTo(target);
    expect(target).toEqual(vector);
    expect(frame.length).toBeLessThanOrEqual(HEADER_BYTES + 6);
    expect(sender.message).toMatchObject({ payloadBytes: frame.length - HEADER_BYTES, coordinates: 4, paperBits: 36 });
  });
});

describe('same', () => {
  it.each(table)('$spec: $same', ({ spec, same }) => {
    expect(link({ compressor: spec }).sender.same('compressed')).toBe(same);
  });

  it('is true of a message that no worker is named in', () => {
    for (const compressor of [undefined, 'perm-k', 'same-rand-k:k=1']) {
      const { sender } = link({ compressor });
      expect(sender.same('dense')).toBe(true);
      expect(sender.same('none')).toBe(true);
    }
  });
});

describe('a boundary without a compressor', () => {
  it.each<Direction>(['uplink', 'downlink'])('has no compressed messages: %s', (direction) => {
    const { sender, receiver } = link({ direction });
    const refusal = new RegExp(`this ${direction} carries no compressed messages`);
    expectProtocolError(() => sender.maxFrameBytes({ form: 'compressed', vector: x }), refusal);
    expectProtocolError(() => sender.same('compressed'), refusal);
    expectProtocolError(() => write(sender, 'compressed', x), refusal);
    const frame = write(link({ compressor: 'identity' }).sender, 'compressed', x);
    expectProtocolError(() => receiver.read(frame, uplink, 3, 1), refusal);
  });
});

describe('a frame that is not the one expected', () => {
  const { sender, receiver } = link();
  const frame = write(sender, 'dense', x);

  it('is refused when its kind is another', () => {
    for (const kind of Object.values(FrameKind)) {
      if (kind === uplink) continue;
      expectProtocolError(() => receiver.read(frame, kind, 3, 1), new RegExp(`expected a frame of kind ${kind}`));
    }
  });

  it('is refused when its round is another', () => {
    for (const round of [0, 2, 4, 259, 3 + 2 ** 31]) {
      expectProtocolError(() => receiver.read(frame, uplink, round, 1), /got kind 3 and round 3/);
    }
  });
});

describe('a vector that no wire can carry', () => {
  const bad = [Number.NaN, Infinity, -Infinity];

  it.each(['dense', 'identity', 'natural'])('names round and worker: %s', (what) => {
    const compressor = what === 'dense' ? undefined : what;
    const form = what === 'dense' ? 'dense' : 'compressed';
    for (const wire of wires) {
      for (const value of bad) {
        for (let at = 0; at < D; at++) {
          const vector = x.slice();
          vector[at] = value;
          for (const direction of ['uplink', 'downlink'] as const) {
            const { sender } = link({ wire, compressor, direction });
            const where = direction === 'uplink' ? 2 : 'server';
            let thrown: unknown;
            try {
              write(sender, form, vector, { round: 41, worker: 2 });
            } catch (error) {
              thrown = error;
            }
            expect(thrown).toBeInstanceOf(DivergedError);
            expect(thrown).toMatchObject({ code: 'diverged', round: 41, where });
            expect((thrown as Error).message).toContain('round 41');
            expect((thrown as Error).message).toContain(direction === 'uplink' ? 'worker 2' : 'the server');
          }
        }
      }
    }
  });

  it.each([
    ['f32', undefined, 3.5e38],
    ['f32', 'natural', 3.5e38],
    // between 2^127, the largest power of two, and the largest f32
    ['f32', 'natural', 3e38],
    ['f64', 'natural', 1.5 * 2 ** 1023],
    // finite until it is scaled by d/k
    ['f64', 'rand-k:k=1', 1e308],
    ['f32', 'rand-k:k=1', 2e38],
  ] as const)('is one that overflows: %s %s %s', (wire, compressor, value) => {
    const { sender } = link({ wire, compressor });
    const form = compressor === undefined ? 'dense' : 'compressed';
    expect(() => write(sender, form, new Float64Array(D).fill(value))).toThrow(DivergedError);
  });

  it('leaves the boundary as it was', () => {
    const { sender, receiver } = link({ compressor: 'natural' });
    expect(() => write(sender, 'compressed', new Float64Array(D).fill(Number.NaN))).toThrow(DivergedError);
    expect(decoded(receiver, write(sender, 'compressed', x))).toEqual(x);
  });
});

/** The forms that a link can carry: one dense and one of each compressor. */
const carried = [
  { spec: undefined, form: 'dense' as Outgoing['form'] },
  ...table.map(({ spec }) => ({ spec, form: 'compressed' as Outgoing['form'] })),
];

describe.each(wires)('damaged frames, %s', (wire) => {
  it.each(carried)('$form $spec: every other length is refused', ({ spec, form }) => {
    const { sender, receiver } = link({ wire, compressor: spec });
    const frame = write(sender, form, x);
    const sent = decoded(sender, frame);
    for (let length = 0; length < frame.length; length++) {
      expectProtocolError(() => receiver.read(frame.subarray(0, length), uplink, 3, 1));
    }
    for (let more = 1; more <= 16; more++) {
      const longer = new Uint8Array(frame.length + more);
      longer.set(frame);
      expectProtocolError(() => receiver.read(longer, uplink, 3, 1));
    }
    // a refusal leaves nothing behind
    expect(decoded(receiver, frame)).toEqual(sent);
  });

  // What a flipped bit does without a checksum. Header: a flip in kind, form, the extra vectors or the round is always noticed;
  // one in the coins where the method has fewer than eight. Payload: a flip is noticed when it makes a number that is not finite
  // (plain values), or an exponent, a signed zero or padding that natural compression never writes. All other flips are other
  // values: checksum.test.ts is about those.
  it.each(carried)('$form $spec: a flipped bit is refused or read as finite values', ({ spec, form }) => {
    const { sender, receiver } = link({ wire, compressor: spec });
    const frame = write(sender, form, x);
    const sent = decoded(sender, frame);
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const changed = frame.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      let vector: Float64Array | undefined;
      try {
        vector = decoded(receiver, changed);
      } catch (error) {
        expect(error).toMatchObject({ name: 'ProtocolError', code: 'protocol' });
      }
      if (bit < 8 * HEADER_BYTES) {
        expect(vector, `header bit ${bit}`).toEqual(bit >> 3 === 2 ? sent : undefined);
      } else if (vector !== undefined) {
        expect(vector.every(Number.isFinite)).toBe(true);
        expect(vector).not.toEqual(sent);
      }
      if (bit >= 8 * HEADER_BYTES && (spec === undefined || !spec.includes('natural'))) {
        // −0 is a value of its own, so every finite flip is a different vector
        expect(vector === undefined, `payload bit ${bit}`).toBe(!allFinite(changed.slice(HEADER_BYTES), wire));
      }
    }
    expect(decoded(receiver, frame)).toEqual(sent);
  });

  it.each(carried)('$form $spec: random bytes are refused or read as finite values', ({ spec, form }) => {
    const { sender, receiver } = link({ wire, compressor: spec });
    const frame = write(sender, form, x);
    const sent = decoded(sender, frame);
    const payload = fc.uint8Array({ minLength: frame.length - HEADER_BYTES, maxLength: frame.length - HEADER_BYTES });
    const header = fc.oneof(
      fc.constant(frame.slice(0, HEADER_BYTES)),
      fc.uint8Array({ minLength: HEADER_BYTES, maxLength: HEADER_BYTES }),
    );
    const whole = fc.tuple(header, payload).map(([head, body]) => Uint8Array.of(...head, ...body));
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: whole }, fc.uint8Array({ maxLength: 100 })), (bytes) => {
        let vector: Float64Array | undefined;
        try {
          vector = decoded(receiver, bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: 'ProtocolError', code: 'protocol' });
        }
        if (vector !== undefined) expect(vector.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 200 },
    );
    expect(decoded(receiver, frame)).toEqual(sent);
  });
});

function allFinite(payload: Uint8Array, wire: Wire): boolean {
  const values = wire === 'f32' ? new Float32Array(payload.buffer) : new Float64Array(payload.buffer);
  return values.every(Number.isFinite);
}

/** How often the compressor `counted`, rand-k by another name, has decoded a payload, in all its copies. */
let decodes = 0;
const counting = extend('compressor', compressors, {
  counted: {
    standalone(_spec, env, text) {
      const inner = createCompressor('rand-k:k=3', env);
      return {
        spec: text,
        dimension: inner.dimension,
        constants: inner.constants,
        same: inner.same,
        maxBytes: inner.maxBytes,
        nominalBits: inner.nominalBits,
        get coordinates() {
          return inner.coordinates;
        },
        encode: (x, key, out, at) => inner.encode(x, key, out, at),
        decode(bytes, at, end, key) {
          decodes++;
          inner.decode(bytes, at, end, key);
        },
        addTo: (target, weight) => inner.addTo(target, weight),
        copyTo: (target) => inner.copyTo(target),
        get sparse() {
          return inner.sparse;
        },
      };
    },
  },
});

describe('decoding', () => {
  it.each([1, 2, 5])('happens once for each vector, whatever is done with a frame of %i', (vectors) => {
    const { sender, receiver } = link({ compressor: 'counted', compressors: counting });
    const y = x.map((v) => 3 * v);
    const more = vectors === 1 ? {} : { extra: Array.from({ length: vectors - 1 }, (_, k) => (k % 2 === 0 ? y : x)) };
    const frame = write(sender, 'compressed', x, more);
    decodes = 0;
    const incoming = receiver.read(frame, uplink, 3, 1);
    expect(decodes).toBe(vectors);
    const sum = new Float64Array(D);
    const parts = new Float64Array(D);
    const target = new Float64Array(D);
    incoming.addTo(sum, 0.5);
    for (let k = 0; k < vectors; k++) {
      incoming.copyTo(target, k);
      for (let j = 0; j < D; j++) parts[j] += 0.5 * target[j];
    }
    expect(parts).toEqual(sum);
    expect(incoming.sparse?.count).toBe(vectors === 1 ? 3 : undefined);
    expect(decodes).toBe(vectors);
    // nothing of a longer frame is left behind it
    const one = receiver.read(write(sender, 'compressed', y), uplink, 3, 1);
    expect(decodes).toBe(vectors + 1);
    expect(() => one.copyTo(target, 1)).toThrow('vector 2 of a frame of 1');
  });

  it('of the last vector comes first: what is wrong with any, none is used', () => {
    const { sender, receiver } = link({ compressor: 'counted', compressors: counting });
    const frame = write(sender, 'compressed', x, { extra: [x, x] });
    // the second of three vectors holds a NaN: 4 bytes of length and 3 values of 8 bytes each
    frame.fill(0xff, HEADER_BYTES + 28 + 4, HEADER_BYTES + 28 + 4 + 8);
    decodes = 0;
    expectProtocolError(() => receiver.read(frame, uplink, 3, 1), /NaN/);
    expect(decodes).toBe(2);
  });

  it('takes the header that the caller has read', () => {
    const { sender, receiver } = link();
    const frame = write(sender, 'dense', x, { coins: 5 });
    const header = readHeader(frame, { kind: uplink, form: 'none', coins: 0, extra: 0, round: 0 });
    // the bytes of the header are not looked at again
    const target = new Float64Array(D);
    const incoming = receiver.read(frame.fill(0xff, 0, HEADER_BYTES), uplink, 3, 1, undefined, header);
    incoming.copyTo(target);
    expect(target).toEqual(x);
    expect(incoming.coins).toBe(5);
  });
});

describe('frames of several vectors', () => {
  const y = x.map((v) => -2 * v);
  const z = x.map((v) => v + 100);

  it.each(wires)('%s: dense, each as it was, with its length before it', (wire) => {
    const { sender, receiver } = link({ wire });
    const frame = write(sender, 'dense', x, { extra: [y, z] });
    const width = wire === 'f32' ? 4 : 8;
    expect(frame[3]).toBe(2);
    expect(sender.message).toEqual({
      form: 'dense',
      payloadBytes: 3 * width * D,
      frameBytes: HEADER_BYTES + 3 * (4 + width * D),
      coordinates: 3 * D,
      paperBits: 3 * 8 * width * D,
    });
    const incoming = receiver.read(frame, uplink, 3, 1);
    expect(receiver.message).toEqual(sender.message);
    expect(incoming.vectors).toBe(3);
    // in any order, as often as asked
    for (const k of [2, 0, 1, 1, 0, 2]) {
      const target = new Float64Array(D);
      incoming.copyTo(target, k);
      expect(target).toEqual([x, y, z][k]);
    }
    const sum = new Float64Array(D).fill(1);
    incoming.addTo(sum, 0.5);
    expect(sum).toEqual(x.map((v, j) => 1 + 0.5 * v + 0.5 * (y[j] as number) + 0.5 * (z[j] as number)));
  });

  it('compressed: each with a support of its own, the first that of a frame with one', () => {
    const { sender, receiver } = link({ compressor: 'rand-k:k=3' });
    const one = decoded(receiver, write(sender, 'compressed', x));
    const incoming = receiver.read(write(sender, 'compressed', x, { extra: [x, x] }), uplink, 3, 1);
    const drawn = [0, 1, 2].map((k) => {
      const target = new Float64Array(D);
      incoming.copyTo(target, k);
      return target;
    });
    expect(drawn[0]).toEqual(one);
    expect(new Set(drawn.map(String)).size).toBe(3);
  });

  it('are refused whole when a length is wrong, cut or followed by anything', () => {
    const { sender, receiver } = link({ compressor: 'rand-k:k=3' });
    const frame = write(sender, 'compressed', x, { extra: [y] });
    for (let length = HEADER_BYTES; length < frame.length; length++) {
      expectProtocolError(() => receiver.read(frame.subarray(0, length), uplink, 3, 1));
    }
    expectProtocolError(() => receiver.read(Uint8Array.of(...frame, 0), uplink, 3, 1), /65 bytes, at most 64/);
    // a shorter vector leaves room below the longest frame
    const shorter = frame.slice(0, -8);
    shorter[HEADER_BYTES + 28] = 16;
    expectProtocolError(
      () => receiver.read(Uint8Array.of(...shorter, 0), uplink, 3, 1),
      /1 bytes after the last vector/,
    );
    for (const at of [HEADER_BYTES, HEADER_BYTES + 1, HEADER_BYTES + 3]) {
      const damaged = frame.slice();
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expectProtocolError(() => receiver.read(damaged, uplink, 3, 1));
    }
    const none = write(sender, 'none', nothing);
    none[3] = 1;
    expectProtocolError(() => receiver.read(none, uplink, 3, 1), /1 extra vectors in a frame of form none/);
  });
});

describe('dense vectors as changes', () => {
  it.each(wires)('%s: only what differs on the wire travels, and the receiver has the vector, bit for bit', (wire) => {
    const dimension = 300;
    const { sender, receiver } = link({ wire, dimension, direction: 'downlink' });
    const held = Float64Array.from({ length: dimension }, (_, j) => Math.fround(Math.sin(j)));
    const next = held.slice();
    for (const j of [1, 7, 8, 299]) next[j] = j === 7 ? 0 : Math.fround(j / 3);
    // on f32 a change below the wire's resolution is none
    if (wire === 'f32') next[5] = (next[5] as number) * (1 + 1e-12);
    const frame = write(sender, 'dense', next, { deltaBase: held, kind: downlink });
    expect(sender.message).toMatchObject({ form: 'delta', coordinates: 4, frameBytes: frame.length });
    expect(frame.length).toBeLessThan(HEADER_BYTES + 4 + 1 + 8 + 4 * (wire === 'f32' ? 4 : 8));
    const incoming = receiver.read(frame, downlink, 3, 1);
    expect(receiver.message).toEqual(sender.message);
    expect(incoming.form).toBe('delta');
    const target = held.slice();
    incoming.copyTo(target);
    expect(target).toEqual(wire === 'f32' ? next.map(Math.fround) : next);
    expect(() => incoming.addTo(target, 1)).toThrow(/cannot be added/);
  });

  it('travel whole when that is shorter', () => {
    const { sender, receiver } = link({ wire: 'f32' });
    const frame = write(sender, 'dense', x, { deltaBase: x.map((v) => v + 1) });
    expect(sender.message.form).toBe('dense');
    expect(decoded(receiver, frame)).toEqual(x);
  });

  it('are a vector or a ProtocolError whatever bit is flipped or byte is missing', () => {
    const dimension = 64;
    const { sender, receiver } = link({ wire: 'f32', dimension });
    const held = new Float64Array(dimension);
    const next = held.slice();
    next[3] = 1;
    next[40] = 2;
    const frame = write(sender, 'dense', next, { deltaBase: held });
    for (let length = HEADER_BYTES; length < frame.length; length++) {
      expectProtocolError(() => receiver.read(frame.subarray(0, length), uplink, 3, 1));
    }
    let refused = 0;
    for (let bit = 8 * HEADER_BYTES; bit < 8 * frame.length; bit++) {
      const damaged = frame.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      try {
        receiver.read(damaged, uplink, 3, 1);
      } catch (error) {
        expect((error as { code: string }).code).toBe('protocol');
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(32);
  });
});

/** A vector of a precision. */
function vectorOf(precision: 'f32' | 'f64', length: number, value: (j: number) => number): Float64Array {
  const wide = Float64Array.from({ length }, (_, j) => value(j));
  return precision === 'f32' ? (Float32Array.from(wide) as unknown as Float64Array) : wide;
}

describe('the difference to what was remembered', () => {
  const specs = [
    'rand-k:k=3',
    'same-rand-k:k=3',
    'perm-k',
    'bernoulli:p=0.4',
    'identity',
    'rand-k:k=6+natural',
    'natural',
    'perm-k+qsgd:levels=4',
  ];
  const whole = [
    'top-k:k=3',
    'scaled(rand-k:k=3)',
    'core:m=4',
    'rand-k:k=6+top-k:k=2',
    'qsgd:levels=4',
    'natural-dithering:levels=6',
  ];
  const cases = [...specs, ...whole].flatMap((compressor) =>
    (['f64', 'f32'] as const).flatMap((precision) =>
      wires.filter((wire) => wire === 'f32' || precision === 'f64').map((wire) => ({ compressor, precision, wire })),
    ),
  );

  it.each(cases)('$compressor, $precision over $wire: the same bytes as of the difference', (options) => {
    const { precision } = options;
    const before = vectorOf(precision, D, (j) => Math.sin(j) / 3);
    const after = vectorOf(precision, D, (j) => Math.cos(j * j) * 7);
    const difference = vectorOf(precision, D, (j) => (after[j] as number) - (before[j] as number));
    const { sender } = link(options);
    const { sender: other } = link(options);
    for (const [round, worker] of [
      [3, 1],
      [4, 0],
    ] as const) {
      const vector = before.slice();
      const minus = sender.remember(vector, round, worker);
      // it is written anew in place
      vector.set(after);
      const frame = write(sender, 'compressed', vector, { round, worker, minus });
      expect(hex(frame)).toBe(hex(write(other, 'compressed', difference, { round, worker })));
      expect(sender.message).toEqual(other.message);
    }
  });

  it('has no extra vectors and no base of changes', () => {
    const { sender } = link({ compressor: 'rand-k:k=3' });
    const minus = sender.remember(x, 5, 1);
    for (const more of [{ extra: [x] }, { deltaBase: x }]) {
      expect(() => write(sender, 'dense', x, { minus, ...more })).toThrow('a difference has no extra vectors');
    }
  });

  it('is of the message that it was remembered for', () => {
    const { sender } = link({ compressor: 'rand-k:k=3' });
    const vector = new Float64Array(D);
    for (const [round, worker] of [
      [2, 1],
      [3, 0],
    ] as const) {
      const minus = sender.remember(vector, round, worker);
      expect(() => write(sender, 'compressed', vector, { minus })).toThrow('is of another message');
      expect(() => write(sender, 'dense', vector, { round, worker, minus })).toThrow('is of another message');
    }
  });
});

it('a frame in the memory of one of an earlier round is read, though it is the same object', () => {
  const { sender, receiver } = link({});
  const frame = write(sender, 'dense', new Float64Array(D).fill(1), { round: 3 });
  receiver.read(frame, uplink, 3, 1);
  frame.set(write(sender, 'dense', new Float64Array(D).fill(2), { round: 4 }));
  const target = new Float64Array(D);
  const header = readHeader(frame, { kind: uplink, form: 'none', coins: 0, extra: 0, round: 0 });
  receiver.readAgain(frame, uplink, 4, 1, 3, header).copyTo(target);
  expect(target).toEqual(new Float64Array(D).fill(2));
});

describe('long dense messages are read where they lie', () => {
  const dimension = 5000;
  const cases = [
    ['f32', 'f32'],
    ['f64', 'f64'],
    ['f64', 'f32'],
  ] as const;

  it.each(cases)('%s over %s: the same numbers wherever the frame lies, added and copied', (precision, wire) => {
    const values = vectorOf(precision, dimension, (j) => Math.fround(Math.sin(j)));
    const { sender, receiver } = link({ dimension, precision, wire });
    const frame = write(sender, 'dense', values);
    for (const at of [0, 1, 4, 8]) {
      const room = new Uint8Array(at + frame.length);
      room.set(frame, at);
      const incoming = receiver.read(room.subarray(at), uplink, 3, 1);
      const [copy, sum] = [0, 1].map((value) => vectorOf(precision, dimension, () => value)) as [
        Float64Array,
        Float64Array,
      ];
      incoming.copyTo(copy);
      incoming.addTo(sum, 0.25);
      expect(copy).toEqual(values);
      expect(sum).toEqual(vectorOf(precision, dimension, (j) => 1 + 0.25 * (values[j] as number)));
    }
  });

  it.each(cases)('%s over %s: a NaN, or bytes too few or too many, are refused', (precision, wire) => {
    const { sender, receiver } = link({ dimension, precision, wire });
    const frame = write(
      sender,
      'dense',
      vectorOf(precision, dimension, () => 0),
    );
    const nan = frame.slice().fill(0xff, frame.length - 8);
    for (const wrong of [nan, frame.slice(0, -4)]) {
      expectProtocolError(() => receiver.read(wrong, uplink, 3, 1));
    }
    expect(refusalOf(() => receiver.read(new Uint8Array([...frame, 0, 0, 0, 0]), uplink, 3, 1))).toBe('oversized');
  });
});
