import { KeyedRandom } from '@flotilla/core';
import { SharedDraws } from '@flotilla/core/internal';
import { expect, test } from 'vitest';
import { createCompressor, MessageKey } from '../dist/index.js';
import { permK } from '../dist/perm-k.js';

/** A key that records which streams are started on it. */
function recording() {
  const key = new MessageKey(new KeyedRandom('streams'), 'uplink', 3).at(1, 2);
  const started: string[] = [];
  for (const scope of ['own', 'common'] as const) {
    const start = key[scope].bind(key);
    key[scope] = (rng, what, stage) => {
      started.push(`${scope} ${what} ${stage}`);
      return start(rng, what, stage);
    };
  }
  const share = key.shared.bind(key);
  key.shared = (rng, stage, draw, from, to) => {
    started.push(`common support ${stage}`);
    return share(rng, stage, draw, from, to);
  };
  return { key, started };
}

// Two draws from one stream are correlated, too weakly for the statistics to see when they use different bits of a word.
test.each([
  ['identity', []],
  ['rand-k:k=6', ['own support 0']],
  ['same-rand-k:k=6', ['common support 0']],
  ['perm-k', ['common support 0']],
  ['natural', ['own rounding 0']],
  ['qsgd:levels=3', ['own rounding 0']],
  ['l2-quantization', ['own rounding 0']],
  ['natural-dithering:levels=3', ['own rounding 0']],
  ['bernoulli:p=1', ['own support 0']],
  ['core:m=3', ['common support 0']],
  ['top-k:k=3', []],
  ['scaled(rand-k:k=6)', ['own support 0']],
  ['perm-k+qsgd:levels=3', ['common support 0', 'own rounding 1']],
  ['rand-k:k=6+natural', ['own support 0', 'own rounding 1']],
  ['same-rand-k:k=6+natural', ['common support 0', 'own rounding 1']],
  ['perm-k+natural', ['common support 0', 'own rounding 1']],
  ['rand-k:k=8+rand-k:k=6', ['own support 0', 'own support 1']],
  ['perm-k+rand-k:k=2+natural', ['common support 0', 'own support 1', 'own rounding 2']],
])(
  '%s: every draw of a message has a stream of its own, and the receiver starts those of the supports',
  (spec, streams) => {
    const compressor = createCompressor(spec, { dimension: 12, workers: 3, wire: 'f32' });
    const out = new Uint8Array(compressor.maxBytes);
    const sender = recording();
    const bytes = compressor.encode(new Float64Array(12).fill(1.5), sender.key, out, 0);
    expect(sender.started).toEqual(streams);

    const receiver = recording();
    createCompressor(spec, { dimension: 12, workers: 3, wire: 'f32' }).decode(out, 0, bytes, receiver.key);
    expect(receiver.started).toEqual(streams.filter((stream) => stream.includes('support')));
  },
);

test.each(['rand-k:k=6', 'same-rand-k:k=6', 'perm-k', 'natural', 'perm-k+natural'])(
  '%s: every draw of one message is a compression of its own, and draw 0 is the one without a number',
  (spec) => {
    const x = new Float64Array(60).map((_, j) => 1 + j / 7);
    const key = new MessageKey(new KeyedRandom('draws'), 'uplink', 3);
    const make = () => createCompressor(spec, { dimension: 60, workers: 3, wire: 'f32' });
    const used = make();
    const vector = (compressor: ReturnType<typeof make>, ...address: [number, number, number?]) => {
      const out = new Uint8Array(compressor.maxBytes);
      const target = new Float64Array(60);
      compressor.decode(out, 0, compressor.encode(x, key.at(...address), out, 0), key.at(...address));
      compressor.copyTo(target);
      return target.join();
    };
    const draws = [0, 1, 2, 0].map((draw) => vector(used, 4, 1, draw));
    expect(draws).toEqual([0, 1, 2, 0].map((draw) => vector(make(), 4, 1, draw)));
    expect(draws[0]).toBe(vector(make(), 4, 1));
    expect(new Set([...draws, vector(used, 5, 1)]).size).toBe(4);
  },
);

// as threads do: who comes first draws the permutation of a round for all, the others take what they need of it
test.each([
  [5000, 3],
  [5000, 20],
  [20, 2000],
])('perm-k, d = %d, n = %d: what threads draw once is what each would draw', (dimension, workers) => {
  const draws = new SharedDraws(SharedDraws.memory(dimension + workers) as SharedArrayBuffer);
  const supports = (shared?: SharedDraws) => {
    const compressor = permK(dimension, workers, 0);
    const key = new MessageKey(new KeyedRandom('threads', shared), 'downlink', workers);
    return (round: number, worker: number) => {
      const { index, count, scale } = compressor.select(key.at(round, worker), dimension);
      return [scale, ...(index as Int32Array).subarray(0, count)];
    };
  };
  const [first, second, alone] = [supports(draws), supports(draws), supports()];
  for (let round = 1; round <= 6; round++) {
    for (const worker of [2, 0, 1, 1, 2]) {
      const expected = alone(round, worker);
      for (const thread of worker === 0 ? [second, first] : [first, second]) {
        expect(thread(round, worker)).toEqual(expected);
      }
    }
  }
  expect(alone(7, 0)).not.toEqual(alone(8, 0));
});
