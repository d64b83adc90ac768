import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { EVERY_WORKER, KeyedRandom, Rng } from '../dist/random.js';
import { SharedDraws } from '../dist/shared-draws.js';

const LENGTH = 2000;
const memory = () => SharedDraws.memory(LENGTH) as SharedArrayBuffer;

/** A permutation drawn from what all workers share, and how often it has been drawn for that. */
function drawer(draws: SharedDraws | undefined, seed = 'seed') {
  const random = new KeyedRandom(seed, draws);
  const rng = new Rng();
  const out = new Int32Array(LENGTH);
  let drawn = 0;
  return (purpose: 'uplink/support' | 'downlink/support/1', round: number, draw = 0) => {
    random.common(rng, purpose, round, draw, out, (stream) => {
      drawn++;
      for (let k = 0; k < LENGTH; k++) out[k] = k;
      stream.shuffle(out);
    });
    return { values: [...out], drawn };
  };
}

describe('what threads draw once', () => {
  it('is what each would draw, and is drawn by one of them', () => {
    const shared = memory();
    const [a, b, alone] = [
      drawer(new SharedDraws(shared)),
      drawer(new SharedDraws(shared)),
      drawer(undefined),
    ] as const;
    for (let round = 1; round <= 6; round++) {
      const { values, drawn } = a('downlink/support/1', round);
      expect(values).toEqual(alone('downlink/support/1', round).values);
      expect(b('downlink/support/1', round)).toEqual({ values, drawn: 0 });
      expect(drawn).toBe(round);
    }
  });

  it('belongs to one seed, purpose, round and number', () => {
    const shared = memory();
    const a = drawer(new SharedDraws(shared));
    const { values } = a('uplink/support', 5, 1);
    const others = [
      drawer(new SharedDraws(shared))('downlink/support/1', 5, 1),
      drawer(new SharedDraws(shared))('uplink/support', 7, 1),
      drawer(new SharedDraws(shared))('uplink/support', 5, 0),
      drawer(new SharedDraws(shared), 'another')('uplink/support', 5, 1),
    ];
    for (const { values: other, drawn } of others) {
      expect(drawn).toBe(1);
      expect(other).not.toEqual(values);
    }
  });

  it('is drawn, not waited for, while somebody writes', () => {
    const shared = memory();
    const alone = drawer(undefined);
    drawer(new SharedDraws(shared))('uplink/support', 1);
    const words = new Int32Array(shared);
    const slots = words.length / 4;
    for (let slot = 0; slot < 4; slot++) Atomics.or(words, slot * slots, 1);
    expect(drawer(new SharedDraws(shared))('uplink/support', 1)).toEqual({ ...alone('uplink/support', 1), drawn: 1 });
  });

  it('has no memory for what is not worth it', () => {
    expect(SharedDraws.memory(10)).toBeUndefined();
    expect(SharedDraws.memory(2 ** 24)).toBeUndefined();
  });

  it('is never half of one and half of another, whoever writes meanwhile', async () => {
    const shared = memory();
    const writer = new Worker(
      `const { workerData } = require('node:worker_threads');
       import(workerData.module).then(({ SharedDraws }) => {
         const draws = new SharedDraws(workerData.shared);
         const root = Int32Array.of(2, 0, 0);
         const values = new Int32Array(${LENGTH});
         for (let k = 1; k <= 20000; k++) draws.put(root, 0, 0, values.fill(k));
       });`,
      { eval: true, workerData: { shared, module: new URL('../dist/shared-draws.js', import.meta.url).href } },
    );
    const ended = new Promise((resolve) => writer.once('exit', resolve));
    const draws = new SharedDraws(shared);
    const root = Int32Array.of(2, 0, 0);
    const out = new Int32Array(LENGTH);
    const words = new Int32Array(shared);
    let seen = 0;
    let last = 0;
    // until all has been written, twice 20,000 counts
    while (Atomics.load(words, 0) < 40_000) {
      if (!draws.take(root, 0, 0, out)) continue;
      seen++;
      last = out[0];
      for (const value of out) if (value !== last) expect.unreachable(`${value} among ${last}`);
    }
    await ended;
    expect(draws.take(root, 0, 0, out)).toBe(true);
    expect([out[0], out.at(-1)]).toEqual([20_000, 20_000]);
    expect(seen).toBeGreaterThan(0);
  }, 60_000);

  it('starts streams where KeyedRandom does', () => {
    const random = new KeyedRandom('seed');
    const expected = random.stream(new Rng(), 'uplink/support', 3, EVERY_WORKER, 2).next();
    let got = 0;
    random.common(new Rng(), 'uplink/support', 3, 2, new Int32Array(1), (stream) => {
      got = stream.next();
    });
    expect(got).toBe(expected);
  });
});
