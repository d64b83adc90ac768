import { KeyedRandom, type Oracle, Rng, systemRuntime } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import { CountedOracle } from '../dist/counted-oracle.js';

const x = new Float64Array(1);
const out = new Float64Array(1);

/** A function of ten samples that writes down which of them a gradient was taken on, undefined for all. */
function tenSamples(sizes: { batch?: number; batchDense?: number }, worker = 0, samples = true) {
  const asked: (number[] | undefined)[] = [];
  const gradient = () => {
    asked.push(undefined);
    return 0;
  };
  const batchGradient = (_x: Float64Array, batch: Int32Array) => {
    asked.push([...batch]);
    return 0;
  };
  const oracle: Oracle = { gradient, smoothness: 1, ...(samples ? { samples: 10, batchGradient } : {}) };
  const local = new CountedOracle(worker, oracle, new KeyedRandom('7'), new Rng(), systemRuntime, sizes);
  return { local, asked };
}

function drawn(sizes: { batch?: number; batchDense?: number }, round: number, worker = 0) {
  const { local, asked } = tenSamples(sizes, worker);
  local.round = round;
  local.gradient(x, out);
  local.denseGradient(x, out);
  return asked;
}

describe('a run with a batch', () => {
  test('all gradients of a round are on the same samples, no sample twice', () => {
    const { local, asked } = tenSamples({ batch: 4 });
    expect(local.stochastic).toBe(true);
    const rounds = 300;
    const hits = new Array<number>(10).fill(0);
    for (let round = 0; round < rounds; round++) {
      local.round = round;
      local.gradient(x, out);
      // a batch that a method draws for itself leaves the round's alone
      local.drawBatch(9, 'subset');
      local.track(x).gradient(out);
      const [first, second] = asked.splice(0);
      expect(first).toHaveLength(4);
      expect(new Set(first).size).toBe(4);
      expect(second).toEqual(first);
      for (const sample of first ?? []) hits[sample] = (hits[sample] as number) + 1;
    }
    // each is expected 120 times, with a standard deviation of 8.5
    for (const count of hits) expect(Math.abs(count - 0.4 * rounds)).toBeLessThan(50);
  });

  test('the samples are a function of seed, round and worker', () => {
    const [batch] = drawn({ batch: 5 }, 3);
    expect(drawn({ batch: 5 }, 3)[0]).toEqual(batch);
    const others = [4, 5, 6, 7].flatMap((round) => drawn({ batch: 5 }, round)).filter(Array.isArray);
    const elsewhere = [1, 2, 3].flatMap((worker) => drawn({ batch: 5 }, 3, worker)).filter(Array.isArray);
    for (const other of [...others, ...elsewhere]) expect(other).not.toEqual(batch);
  });

  test('they are what VR-MARINA draws', () => {
    const { local } = tenSamples({});
    local.round = 3;
    expect(drawn({ batch: 5 }, 3)[0]).toEqual([...local.drawBatch(5, 'subset')]);
  });

  test('dense gradients are on all samples, or on others of their own', () => {
    expect(drawn({ batch: 3 }, 2)[1]).toBeUndefined();
    const rounds = Array.from({ length: 8 }, (_, round) => drawn({ batch: 4, batchDense: 4 }, round));
    expect(rounds.filter(([batch, dense]) => batch?.join() === dense?.join()).length).toBeLessThan(4);
    for (const [, dense] of rounds) expect(new Set(dense).size).toBe(4);
  });

  test('a worker with no more samples takes all, and its gradient is the exact one', () => {
    expect(drawn({ batch: 10, batchDense: 11 }, 1)).toEqual([undefined, undefined]);
  });

  test('a batch counts as its share of the samples', () => {
    const { local } = tenSamples({ batch: 4, batchDense: 7 });
    for (let k = 0; k < 5; k++) local.gradient(x, out);
    expect(local.calls).toBeCloseTo(2);
    local.denseGradient(x, out);
    expect(local.calls).toBeCloseTo(2.7);
  });

  test('a function without samples is refused', () => {
    expect(() => tenSamples({ batch: 4 }, 0, false)).toThrow(/no samples to draw a batch from/);
  });
});

test('without a batch gradients are exact, and dense ones no others', () => {
  const { local, asked } = tenSamples({});
  expect(local.stochastic).toBe(false);
  local.gradient(x, out);
  local.denseGradient(x, out);
  local.track(x).denseGradient(out);
  expect(asked).toEqual([undefined, undefined, undefined]);
  expect(local.calls).toBe(3);
});
