import type { Incoming, Sparse, Vector } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import { Mean } from '../dist/round/mean.js';

const D = 1 << 16;

/** A message that carries values at some coordinates, listed or, where `isDense`, not. */
function message(entries: readonly (readonly [j: number, value: number])[], isDense = false): Incoming {
  const index = Int32Array.from(entries, ([j]) => j);
  const values = Float64Array.from(entries, ([, value]) => value);
  const sparse: Sparse = { index, values, count: index.length };
  return {
    form: 'compressed',
    coins: 0,
    vectors: 1,
    copyTo: () => undefined,
    addTo(target, weight) {
      for (const [j, value] of entries) target[j] = (target[j] as number) + weight * value;
    },
    sparse: isDense ? undefined : sparse,
  };
}

/** The sum of some messages in a vector of its own. */
function plain(messages: readonly Incoming[], like: Vector): Vector {
  const sum = like.slice().fill(0);
  for (const one of messages) one.addTo(sum, 0.25);
  return sum;
}

function fold(mean: Mean, messages: readonly Incoming[]): Mean {
  mean.begin();
  for (const one of messages) mean.add(one, 0.25);
  mean.end();
  return mean;
}

const a = message([
  [70, 1],
  [3, 0.1],
  [D - 1, 7],
]);
const b = message([
  [31, -2],
  [70, -1],
  [32, 1e-3],
]);
const c = message([
  [3, 1e9],
  [0, 0],
]);

describe.each([
  ['f64', () => new Float64Array(D)],
  ['f32', () => new Float32Array(D)],
] as const)('a mean of %s', (_precision, zeros) => {
  test('of few coordinates lists them once each, ascending, those too that have come back to 0', () => {
    const mean = fold(new Mean(zeros()), [a, b, c]);
    expect([...(mean.support ?? [])]).toEqual([0, 3, 31, 32, 70, D - 1]);
    expect(mean.vector).toEqual(plain([a, b, c], mean.vector));
    expect(mean.vector[70]).toBe(0);
  });

  test('is folded in the order of the messages', () => {
    const small = message([[5, 1e-9]]);
    const large = message([[5, 3]]);
    const less = message([[5, -3]]);
    for (const order of [
      [small, large, less],
      [large, less, small],
    ]) {
      const mean = fold(new Mean(zeros()), order);
      expect(mean.vector).toEqual(plain(order, mean.vector));
    }
    expect(fold(new Mean(zeros()), [small, large, less]).vector[5]).not.toBe(
      fold(new Mean(zeros()), [large, less, small]).vector[5],
    );
  });

  test('knows nothing of its support with a message that lists nothing, or with too many coordinates', () => {
    const mean = new Mean(zeros());
    const many = message(Array.from({ length: D / 32 + 1 }, (_, k) => [2 * k, k]));
    for (const messages of [
      [a, message([[9, 1]], true), b],
      [many, message(Array.from({ length: D / 32 }, (_, k) => [2 * k + 1, 1]))],
    ]) {
      expect(fold(mean, messages).support).toBeUndefined();
      expect(mean.vector).toEqual(plain(messages, mean.vector));
      // the next one begins with 0, and notes nothing that was before it
      expect([...(fold(mean, [b]).support ?? [])]).toEqual([31, 32, 70]);
      expect(mean.vector).toEqual(plain([b], mean.vector));
    }
  });

  test('begins anew where a sum was left in the middle, and where its memory was used for something else', () => {
    const mean = fold(new Mean(zeros()), [c]);
    mean.begin();
    mean.add(a, 1);
    expect([...(fold(mean, [b]).support ?? [])]).toEqual([31, 32, 70]);
    expect(mean.vector).toEqual(plain([b], mean.vector));
    mean.vector.fill(5);
    mean.spoil();
    expect(fold(mean, [a, b]).vector).toEqual(plain([a, b], mean.vector));
  });

  test('is scaled, and looked at for what is no number, on its support and without one', () => {
    for (const isDense of [false, true]) {
      const wrong = message([[8, Number.POSITIVE_INFINITY]], isDense);
      expect(fold(new Mean(zeros()), [a, wrong]).isFinite).toBe(false);
      const mean = fold(new Mean(zeros()), [message([[8, 6]], isDense)]);
      expect(mean.isFinite).toBe(true);
      mean.scale(2);
      expect(mean.vector[8]).toBe(3);
    }
  });
});

test('a short mean is passed over as a whole', () => {
  expect(fold(new Mean(new Float64Array(1000)), [message([[3, 1]])]).support).toBeUndefined();
});
