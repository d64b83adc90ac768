import { DivergedError, FlotillaError } from '@flotilla/core';
import { isFiniteVector, largestMagnitude } from '@flotilla/core/internal';
import { describe, expect, test } from 'vitest';
import { takeFinite } from '../dist/round/non-finite.js';

const nan = (worker: number) => new DivergedError(4, worker, 'NaN', 'gd');

/** What is thrown when the answers are these, one for each worker, and who was asked. */
async function thrown(
  answers: readonly (Error | 'finite')[],
  x: readonly number[] = [1],
  start: readonly number[] = [0],
) {
  const asked: number[] = [];
  const error: unknown = await takeFinite(
    answers.keys(),
    async (worker) => {
      asked.push(worker);
      const answer = answers[worker];
      if (answer instanceof Error) throw answer;
    },
    Float64Array.from(x),
    Float64Array.from(start),
  ).catch((error: unknown) => error);
  return { error, asked };
}

describe('an answer that is no number', () => {
  test('is of one worker alone where another answer is finite, before it or after it', async () => {
    const last = await thrown(['finite', nan(1), 'finite', 'finite']);
    expect(last.error).toMatchObject({ alone: true, worker: 1, round: 4, message: nan(1).message, code: 'diverged' });
    expect(last.error).toBeInstanceOf(DivergedError);
    expect(last.asked).toEqual([0, 1]);
    // the first of them is the reason
    const first = await thrown([nan(0), nan(1), 'finite', 'finite']);
    expect(first.error).toMatchObject({ alone: true, worker: 0 });
    expect(first.asked).toEqual([0, 1, 2]);
  });

  test('is divergence where nobody has a number', async () => {
    const { error, asked } = await thrown([nan(0), nan(1), nan(2)]);
    expect(error).toMatchObject({ code: 'diverged', worker: 0 });
    expect(error).not.toHaveProperty('alone');
    expect(asked).toEqual([0, 1, 2]);
    expect((await thrown([nan(0)])).error).not.toHaveProperty('alone');
  });

  test('is divergence where x is far from where it began, or no number itself', async () => {
    for (const x of [[1, 1.1e6], [-1.1e6], [Number.NaN], [Number.NEGATIVE_INFINITY]]) {
      expect((await thrown(['finite', nan(1)], x)).error, String(x)).not.toHaveProperty('alone');
    }
    expect((await thrown(['finite', nan(1)], [0.9e6])).error).toHaveProperty('alone');
    expect((await thrown(['finite', nan(1)], [0.9e9], [1e3])).error).toHaveProperty('alone');
  });

  test('another error is that error, unless it comes behind', async () => {
    const lost = new FlotillaError('worker-lost', 'gone');
    expect((await thrown(['finite', lost, nan(2)])).error).toBe(lost);
    expect((await thrown([nan(0), lost, 'finite'])).error).toMatchObject({ worker: 0 });
    expect((await thrown([nan(0), lost, 'finite'])).error).not.toHaveProperty('alone');
  });
});

test('one coordinate that is no number is found, wherever it is', () => {
  for (let d = 0; d < 12; d++) {
    const x = new Float64Array(d).fill(1e308);
    expect(isFiniteVector(x)).toBe(true);
    for (let j = 0; j < d; j++) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        expect(isFiniteVector(Float64Array.from(x, (v, i) => (i === j ? value : v)))).toBe(false);
      }
    }
  }
  expect(largestMagnitude(Float64Array.of(1, -3, 2))).toBe(3);
  expect(largestMagnitude(Float64Array.of(1, Number.NaN, 2))).toBeNaN();
});
