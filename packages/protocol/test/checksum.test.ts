import { ProtocolError } from '@flotilla/compressors';
import type { FrameRefusal } from '@flotilla/core';
import { describe, expect, it, test } from 'vitest';
import { CHECKSUM_BYTES, checksumHostEnd, checksumServerEnd, runNumber } from '../dist/checksum.js';
import { createEchoHost, describeTransport, SimulatedRuntime } from '../dist/testing/index.js';
import { createLoopback } from '../dist/transport/loopback.js';
import type { HostEnd } from '../dist/transport/transport.js';
import { everyFrame, type SampleFrame } from './every-frame.js';
import { hex, refusalOf } from './expect-error.js';
import { fuzzFrames } from './fuzz-frames.js';
import { SealedLink } from './sealed-link.js';

describeTransport('loopback with checksums', async ({ workers }) => {
  let end: HostEnd | undefined;
  const runtime = new SimulatedRuntime();
  const loopback = createLoopback(
    workers,
    (opened) => {
      end = checksumHostEnd(opened, { run: 7, workers, attempt: 0 });
      return createEchoHost(end, runtime);
    },
    runtime,
  );
  return {
    server: checksumServerEnd(loopback, 7),
    runtime,
    ended: async () => expect(end?.wait(0)).toBe(false),
  };
});

/** CRC-32 of IEEE 802.3, bit by bit. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0xedb8_8320);
  }
  return ~crc >>> 0;
}

/** MurmurHash3's finalizer, in whole numbers of any size, of the CRC-32 of words. */
function key(...words: number[]): number {
  const low = (value: bigint) => value & 0xffff_ffffn;
  let h = BigInt(crc32(new Uint8Array(Uint32Array.from(words).buffer)));
  h ^= h >> 16n;
  h = low(h * 0x85ebca6bn);
  h ^= h >> 13n;
  h = low(h * 0xc2b2ae35n);
  return Number(h ^ (h >> 16n));
}

const word = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);

describe('a checksum', () => {
  const frame = Uint8Array.from({ length: 21 }, (_, k) => 37 * k);
  const link = new SealedLink(0xdead_beef);

  it('is the CRC-32 of the frame, XOR a key of run, way, worker and attempt, and a bit for frames to all', () => {
    const low = 0x7fff_ffff;
    const expected: [Uint8Array, number, number][] = [
      [link.sealedDown(frame, 2), key(0xdead_beef, 0, 2, 0), 0],
      [link.sealedDown(frame, 'all'), key(0xdead_beef, 0, 0xffff_ffff, 0), 0x8000_0000],
      [link.sealedUp(frame, 2), key(0xdead_beef, 1, 2, 0), 0],
    ];
    for (const [bytes, mixed, flag] of expected) {
      expect(bytes.subarray(0, -CHECKSUM_BYTES)).toEqual(frame);
      expect(word(bytes)).toBe((((crc32(frame) ^ mixed) & low) | flag) >>> 0);
    }
  });

  // a change here is a change of the wire format, and needs a new WIRE_VERSION
  it('is these four bytes', () => {
    const start = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    const golden = new SealedLink(1, 3);
    expect(hex(golden.sealedDown(start, 'all').subarray(8))).toBe('e4d894a4');
    expect(hex(golden.sealedDown(start, 2).subarray(8))).toBe('2975417d');
    expect(hex(golden.sealedUp(start, 2).subarray(8))).toBe('08e23630');
  });

  it('has the number of a run from its text', () => {
    expect(runNumber('123456789')).toBe(0xcbf4_3926);
  });

  it('cannot be written where no room was claimed for it', () => {
    link.server.claim(0, 8);
    expect(() => link.server.commit(0, 9)).toThrow('9 bytes was committed where 8 were claimed');
  });
});

/** Why a frame of the sample is refused when these bytes come in its place; no `expect`, because it runs 200,000 times. */
function refusal(link: SealedLink, { way, worker }: SampleFrame, bytes: Uint8Array): string | undefined {
  const reader = worker === 'all' ? 3 : worker;
  try {
    if (way === 'down') link.openDown(bytes, reader);
    else link.openUp(bytes, reader);
  } catch (error) {
    return error instanceof ProtocolError ? error.refusal : String(error);
  }
  return undefined;
}

const sealed = (link: SealedLink, { way, worker, frame }: SampleFrame) =>
  way === 'down' ? link.sealedDown(frame, worker) : link.sealedUp(frame, worker as number);

describe('every frame of at most 256 bytes', () => {
  const frames = everyFrame();

  it('is among the samples by kind, and none is longer', () => {
    expect(new Set(frames.map(({ frame }) => frame[0]))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    expect(new Set(frames.map(({ frame }) => frame[1]))).toEqual(new Set([0, 1, 2, 3]));
    expect(Math.max(...frames.map(({ frame }) => frame.length + CHECKSUM_BYTES))).toBeLessThanOrEqual(256);
  });

  it.each(frames.map((one) => [one.name, one] as const))(
    '%s: no prefix, no byte more and no flipped bit is taken for a frame',
    (_, sample) => {
      const link = new SealedLink();
      const whole = sealed(link, sample);
      expect(refusal(link, sample, whole)).toBeUndefined();
      const wrong: string[] = [];
      const expectRefused = (what: string, bytes: Uint8Array, why: FrameRefusal) => {
        const refused = refusal(link, sample, bytes);
        if (refused !== why) wrong.push(`${what}: ${refused ?? 'taken for a frame'}`);
      };
      for (let length = 0; length < whole.length; length++) {
        const why = length < CHECKSUM_BYTES ? 'truncated' : 'damaged';
        expectRefused(`${length} bytes`, whole.subarray(0, length), why);
      }
      for (let byte = 0; byte <= 0xff; byte++) expectRefused(`+ ${byte}`, Uint8Array.of(...whole, byte), 'damaged');
      for (let bit = 0; bit < 8 * whole.length; bit++) {
        const flipped = whole.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expectRefused(`bit ${bit}`, flipped, 'damaged');
      }
      expect(wrong).toEqual([]);
      // a refusal leaves nothing behind
      expect(refusal(link, sample, whole)).toBeUndefined();
    },
  );

  it('comes out as it was put in', () => {
    const link = new SealedLink();
    for (const sample of frames) {
      const bytes = sealed(link, sample);
      const reader = sample.worker === 'all' ? 0 : sample.worker;
      expect(sample.way === 'down' ? link.openDown(bytes, reader) : link.openUp(bytes, reader)).toEqual(sample.frame);
    }
  });
});

describe('a whole frame that is somebody else’s', () => {
  const frame = Uint8Array.of(2, 1, 0, 0, 9, 0, 0, 0, 1, 2, 3, 4);
  const link = new SealedLink();

  it('is refused by every worker but the one that it goes to', () => {
    for (let to = 0; to < 4; to++) {
      const own = link.sealedDown(frame, to);
      for (let reader = 0; reader < 4; reader++) {
        const why = refusalOf(() => link.openDown(own, reader));
        expect(why).toBe(reader === to ? undefined : 'misdelivered');
      }
    }
    expect(() => link.openDown(link.sealedDown(frame, 2), 1)).toThrow(
      'a frame of 12 bytes is one down of worker 2, not down of 1',
    );
  });

  it('is refused as the answer of another worker', () => {
    const own = link.sealedUp(frame, 2);
    for (let from = 0; from < 4; from++) {
      expect(refusalOf(() => link.openUp(own, from))).toBe(from === 2 ? undefined : 'misdelivered');
    }
  });

  it('is refused when it comes back the way that it went', () => {
    expect(refusalOf(() => link.openUp(link.sealedDown(frame, 1), 1))).toBe('misdelivered');
    expect(refusalOf(() => link.openUp(link.sealedDown(frame, 'all'), 1))).toBe('misdelivered');
    expect(refusalOf(() => link.openDown(link.sealedUp(frame, 1), 1))).toBe('misdelivered');
  });

  it('is refused when it is of another run', () => {
    for (const run of [0, 1, 0x1234_5679, 0x9234_5678, 0xffff_ffff]) {
      const other = new SealedLink(run);
      expect(refusalOf(() => link.openDown(other.sealedDown(frame, 1), 1))).toBe('damaged');
      expect(refusalOf(() => link.openDown(other.sealedDown(frame, 'all'), 1))).toBe('damaged');
      expect(refusalOf(() => link.openUp(other.sealedUp(frame, 1), 1))).toBe('damaged');
    }
    expect(() => link.openDown(new SealedLink(5).sealedDown(frame, 1), 1)).toThrow('damaged, or of another run');
  });

  it('is refused when its worker has been started again since, both ways', () => {
    const again = new SealedLink();
    const first = {
      up: again.sealedUp(frame, 1),
      down: again.sealedDown(frame, 1),
      all: again.sealedDown(frame, 'all'),
    };
    again.restart(1);
    expect(() => again.openUp(first.up, 1)).toThrow('is of attempt 0, and the run is in attempt 1');
    expect(refusalOf(() => again.openUp(first.up, 1))).toBe('attempt');
    expect(refusalOf(() => again.openDown(first.down, 1))).toBe('attempt');
    expect(refusalOf(() => again.openDown(first.all, 1))).toBe('attempt');
    expect(again.openDown(again.sealedDown(frame, 'all'), 1)).toEqual(frame);
    expect(again.openUp(again.sealedUp(frame, 1), 1)).toEqual(frame);
    expect(again.openDown(again.sealedDown(frame, 1), 1)).toEqual(frame);
  });
});

test('20,000 frames that nobody has sent are refused, or read as finite values', () => {
  const { wrong, decodes, refused, read } = fuzzFrames(20_000, 1);
  expect(wrong).toEqual([]);
  expect(decodes).toBe(20_000);
  // every way to be refused that a single frame can show
  for (const why of ['truncated', 'oversized', 'damaged', 'malformed', 'stale', 'early', 'coins', 'payload']) {
    expect(refused[why], why).toBeGreaterThan(10);
  }
  expect(read).toBeGreaterThan(1000);
});
