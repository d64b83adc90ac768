import { createHash } from 'node:crypto';
import { KeyedRandom } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import { createCompressor, MessageKey } from '../dist/index.js';
import { GOLDEN, input, wave } from './golden.js';

// A difference here is a change of the wire format or of the shared randomness: old and new workers cannot talk.
describe('golden payloads', () => {
  test.each(GOLDEN)('$spec, d = $dimension, n = $workers, $wire, $seed/$direction/$round/$worker', (golden) => {
    const { spec, dimension, workers, wire, seed, direction, round, worker, payload, kept } = golden;
    const make = () => createCompressor(spec, { dimension, workers, wire });
    const key = new MessageKey(new KeyedRandom(seed), direction, workers).at(round, worker);
    const x = golden.wave ? wave(dimension) : input(dimension);
    const sender = make();
    const out = new Uint8Array(sender.maxBytes);
    const bytes = sender.encode(x, key, out, 0);
    expect(Buffer.from(out.subarray(0, bytes)).toString('hex')).toBe(payload);

    const receiver = make();
    const received = Buffer.from(payload, 'hex');
    receiver.decode(received, 0, received.length, key);
    const vector = new Float64Array(dimension);
    receiver.copyTo(vector);
    const nonZero = [...vector.keys()].filter((j) => vector[j] !== 0);
    expect(nonZero).toEqual(kept);
    if (!spec.startsWith('core')) for (const j of nonZero) expect(Math.sign(vector[j])).toBe(Math.sign(x[j]));
  });
});

// Long messages are coded in blocks: the hash of one stands for its bytes.
test.each([
  ['natural', 'f32', '74b97c0a531355d19eb11b35122b1ffc', 20973],
  ['natural', 'f64', '7d3ed4a57354dedfa2ef46ed42650bf8', 20981],
  ['packed', 'f32', '2c761713e7aa3208fe476c13f38c3ce0', 207148],
  ['qsgd:levels=300', 'f32', '84e9ac8e8775b9244ab6bcc9842fcdac', 16601],
  ['natural-dithering:levels=9', 'f64', 'dd28bec9c75f04bef2d8fc0abe7c1533', 20044],
] as const)('golden payload of %s, %s, d = 66,000', (spec, wire, hash, length) => {
  const key = new MessageKey(new KeyedRandom('run'), 'uplink', 2).at(3, 1);
  const compressor = createCompressor(spec, { dimension: 66_000, workers: 2, wire });
  const out = new Uint8Array(compressor.maxBytes);
  const bytes = compressor.encode(wave(66_000), key, out, 0);
  expect(createHash('sha256').update(out.subarray(0, bytes)).digest('hex').slice(0, 32)).toBe(hash);
  expect(bytes).toBe(length);
});
