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
