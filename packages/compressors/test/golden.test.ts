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
  ['natural', 'f32', '15ab78393646b50f0a8991e15b7b6efa', 20973],
  ['natural', 'f64', '9dd3535f4d90187a5e1ba362d6704355', 20980],
  ['packed', 'f32', 'ff8031859f9732c46b0c82f00cd08bab', 207148],
  ['qsgd:levels=300', 'f32', '0d5dd7500983f2b0bfba8a8852621956', 16602],
  ['natural-dithering:levels=9', 'f64', '3e2e42bf148a5f08d8845c5fa9a43f60', 20044],
] as const)('golden payload of %s, %s, d = 66,000', (spec, wire, hash, length) => {
  const key = new MessageKey(new KeyedRandom('run'), 'uplink', 2).at(3, 1);
  const compressor = createCompressor(spec, { dimension: 66_000, workers: 2, wire });
  const out = new Uint8Array(compressor.maxBytes);
  const bytes = compressor.encode(wave(66_000), key, out, 0);
  expect(createHash('sha256').update(out.subarray(0, bytes)).digest('hex').slice(0, 32)).toBe(hash);
  expect(bytes).toBe(length);
});
