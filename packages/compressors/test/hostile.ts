import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { KeyedRandom } from '@flotilla/core';
import fc from 'fast-check';
import { expect } from 'vitest';
import { createCompressor, MessageKey, type Wire } from '../dist/index.js';
import { gaussian } from '../dist/testing/statistics.js';

// Payloads that a peer may have made up: whatever the bytes, decoding gives finite numbers or a ProtocolError, touches
// nothing but the payload, and allocates nothing that the payload asks for.

const WORKERS = 3;
const key = new MessageKey(new KeyedRandom('hostile'), 'uplink', WORKERS).at(2, 1);
/** Payloads that are tried every time. */
export const folder = fileURLToPath(new URL('./regressions/', import.meta.url));

/** Every kind of payload, at a size whose truncations and flipped bits can all be tried. */
export const CASES: readonly (readonly [spec: string, dimension: number])[] = [
  ['identity', 20],
  ['packed', 50],
  ['rand-k:k=9', 40],
  ['same-rand-k:k=9+natural', 40],
  ['perm-k', 40],
  ['perm-k+natural', 300],
  ['natural', 200],
  ['top-k:k=7', 60],
  ['top-k:k=7', 400],
  ['top-k:k=150+natural', 400],
  ['top-k:k=30+top-k:k=9', 400],
  ['qsgd:levels=7', 120],
  ['qsgd:levels=100000', 60],
  ['l2-quantization', 112],
  ['l2-quantization', 400],
  ['l2-quantization', 1200],
  ['natural-dithering:levels=6', 120],
  ['rand-k:k=50+qsgd:levels=3', 100],
  ['bernoulli:p=1', 20],
  ['core:m=9', 30],
  ['scaled(rand-k:k=20+natural)', 100],
];

export const make = (spec: string, dimension: number, wire: Wire) =>
  createCompressor(spec, { dimension, workers: WORKERS, wire });

/** A real payload, of normal values. */
export function payloadOf(spec: string, dimension: number, wire: Wire): Uint8Array {
  const compressor = make(spec, dimension, wire);
  const out = new Uint8Array(compressor.maxBytes);
  return out.slice(0, compressor.encode(gaussian(dimension), key, out, 0));
}

/** Decodes bytes that lie between others. Returns whether they were accepted. */
export function survives(compressor: ReturnType<typeof make>, bytes: Uint8Array): boolean {
  const room = new Uint8Array(bytes.length + 24).fill(0xa5);
  room.set(bytes, 11);
  const before = room.slice();
  try {
    compressor.decode(room, 11, 11 + bytes.length, key);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ProtocolError', code: 'protocol' });
    return false;
  } finally {
    expect(Buffer.compare(room, before)).toBe(0);
  }
  const vector = new Float64Array(compressor.dimension);
  compressor.copyTo(vector);
  expect(vector.every(Number.isFinite)).toBe(true);
  expect(compressor.coordinates).toBeLessThanOrEqual(Math.max(compressor.dimension, 9));
  return true;
}

/** Where a made-up payload begins: as a real one does, with some bytes of it replaced, cut or repeated. */
const damaged = (payload: Uint8Array) =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.nat(payload.length), fc.nat(255)), { maxLength: 8 }),
      fc.integer({ min: -payload.length, max: 40 }),
    )
    .map(([changes, more]) => {
      const bytes = new Uint8Array(payload.length + more);
      bytes.set(payload.subarray(0, bytes.length));
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      return bytes;
    });

/** Tries made-up payloads; one that breaks the decoder is kept in `folder`. */
export const fuzz = (spec: string, dimension: number, wire: Wire, runs: number, seed: number) => {
  const compressor = make(spec, dimension, wire);
  const payload = payloadOf(spec, dimension, wire);
  const bytes = fc.oneof(damaged(payload), fc.uint8Array({ maxLength: 2 * payload.length + 8 }));
  fc.assert(
    fc.property(bytes, (made) => {
      try {
        survives(compressor, made);
      } catch (error) {
        // kept, so that it is tried from now on
        const name = `${spec.replace(/[^a-z0-9.-]/g, '_')}.${dimension}.${wire}.${Buffer.from(made).toString('hex').slice(0, 24)}`;
        writeFileSync(
          `${folder}${name}.json`,
          `${JSON.stringify({ spec, dimension, wire, payload: Buffer.from(made).toString('hex') })}\n`,
        );
        throw error;
      }
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
};

/** Larger ones, for random damage only. */
export const LARGE = [
  ['natural', 5000],
  ['top-k:k=400', 20_000],
  ['top-k:k=9000+natural', 20_000],
  ['qsgd:levels=70', 5000],
  ['l2-quantization', 25_088],
  ['natural-dithering:levels=9,p=2', 5000],
  // in blocks
  ['natural', 70_000],
  ['packed', 66_000],
  ['qsgd:levels=300', 66_000],
] as const;
