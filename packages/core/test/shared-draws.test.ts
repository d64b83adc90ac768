import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { type CommonDraw, EVERY_WORKER, KeyedRandom, Rng } from '../dist/random.js';
import { SharedDraws } from '../dist/shared-draws.js';

const LENGTH = 2000;
const memory = () => SharedDraws.memory(LENGTH) as SharedArrayBuffer;

/** A permutation drawn from what all workers share, and how often it has been drawn for that. */
function drawer(draws: SharedDraws | undefined, seed = 'seed') {
  const random = new KeyedRandom(seed, draws);
  const rng = new Rng();
  const values = new Int32Array(LENGTH);
  let drawn = 0;
  const common: CommonDraw = {
    values,
    draw(stream) {
      drawn++;
      for (let k = 0; k < LENGTH; k++) values[k] = k;
      stream.shuffle(values);
    },
  };
  return (purpose: 'uplink/support' | 'downlink/support/1', round: number, draw = 0, from = 0, to = LENGTH) => {
    const whole = random.common(rng, purpose, round, draw, common, from, to);
    return { values: [...values], drawn, whole };
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
      expect(b('downlink/support/1', round)).toEqual({ values, drawn: 0, whole: true });
      expect(drawn).toBe(round);
    }
  });

  it('is copied in part where a part is asked for, and drawn whole by who finds nothing', () => {
    const shared = memory();
    const [a, b] = [drawer(new SharedDraws(shared)), drawer(new SharedDraws(shared))] as const;
    const { values, whole } = a('uplink/support', 4, 0, 100, 200);
    expect(whole).toBe(true);
    const part = b('uplink/support', 4, 0, 700, 900);
    expect(part).toMatchObject({ drawn: 0, whole: false });
    expect(part.values).toEqual(values.map((value, k) => (k >= 700 && k < 900 ? value : 0)));
    expect(b('uplink/support', 5, 0, 700, 900)).toEqual({ ...drawer(undefined)('uplink/support', 5), drawn: 1 });
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
    const draw = (stream: Rng) => {
      got = stream.next();
    };
    random.common(new Rng(), 'uplink/support', 3, 2, { values: new Int32Array(1), draw }, 0, 1);
    expect(got).toBe(expected);
  });
});
