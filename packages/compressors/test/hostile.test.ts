import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CASES, folder, fuzz, LARGE, make, payloadOf, survives } from './hostile.js';

describe.each(['f32', 'f64'] as const)('%s', (wire) => {
  describe.each(CASES)('%s, d = %i', (spec, dimension) => {
    const payload = payloadOf(spec, dimension, wire);
    const compressor = make(spec, dimension, wire);

    test('every truncation is refused, and every extension by a byte', () => {
      expect(survives(compressor, payload)).toBe(true);
      for (let length = 0; length < payload.length; length++) {
        expect(survives(compressor, payload.slice(0, length)), `${length} bytes`).toBe(false);
      }
      for (let byte = 0; byte < 256; byte++) {
        expect(survives(compressor, Uint8Array.of(...payload, byte)), `and ${byte}`).toBe(false);
      }
    });

    test('every flipped bit is survived', () => {
      for (let bit = 0; bit < 8 * payload.length; bit++) {
        const flipped = payload.slice();
        flipped[bit >> 3] ^= 1 << (bit & 7);
        survives(compressor, flipped);
      }
      // and nothing of it is left
      expect(survives(compressor, payload)).toBe(true);
    });
  });
});

test.each(LARGE)('%s, d = %i: random damage is survived', (spec, dimension) => {
  fuzz(spec, dimension, 'f32', 60, 1);
});

describe('payloads that once broke a decoder, or were made to', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  test('are there', () => expect(files.length).toBeGreaterThan(0));
  test.each(files)('%s', (file) => {
    const { spec, dimension, wire, payload } = JSON.parse(readFileSync(`${folder}${file}`, 'utf8'));
    survives(make(spec, dimension, wire), Uint8Array.from(Buffer.from(payload, 'hex')));
  });
});
