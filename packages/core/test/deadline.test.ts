import { expect, test } from 'vitest';
import { Deadline } from '../dist/deadline.js';
import type { Runtime } from '../dist/index.js';

/** A clock that moves as it is told. */
function clock() {
  const at = { now: 0 };
  return { at, runtime: { now: () => at.now } as Runtime };
}

/** Waits piece by piece, each of which takes `took(k, piece)`; how often, and how long by the clock. */
function waited(ms: number, took: (k: number, piece: number) => number) {
  const { at, runtime } = clock();
  const deadline = new Deadline(runtime, ms);
  let pieces = 0;
  for (let piece = deadline.next(); piece > 0; piece = deadline.next()) at.now += took(pieces++, piece);
  return { pieces, ms: at.now, counted: deadline.waited };
}

test('pieces of at most 50 ms, until the time is over', () => {
  expect(waited(120, (_, piece) => piece)).toEqual({ pieces: 3, ms: 120, counted: 120 });
  expect(waited(30, (_, piece) => piece)).toEqual({ pieces: 1, ms: 30, counted: 30 });
  expect(waited(0, (_, piece) => piece).pieces).toBe(0);
  // woken before its time, a piece counts what it took
  expect(waited(100, () => 10)).toEqual({ pieces: 10, ms: 100, counted: 100 });
});

test('a process that is stopped waits for nobody meanwhile', () => {
  // stopped for 9 s in the third piece, which counts 50 ms more than it was to last: 4,800 ms are left
  const stopped = waited(5000, (k, piece) => (k === 2 ? 9000 : piece));
  expect(stopped).toEqual({ pieces: 2 + 1 + 96, ms: 2 * 50 + 9000 + 4800, counted: 5000 });
});

test('the time between two pieces counts too, as little', () => {
  const { at, runtime } = clock();
  const deadline = new Deadline(runtime, 1000, 50);
  at.now = 9000;
  // 50 before, and 50 for whatever that was
  expect([deadline.next(), deadline.waited]).toEqual([50, 100]);
  at.now += 70;
  expect([deadline.next(), deadline.waited]).toEqual([50, 170]);
});

test('a deadline that is extended counts on', () => {
  const { at, runtime } = clock();
  const deadline = new Deadline(runtime, 60);
  for (let piece = deadline.next(); piece > 0; piece = deadline.next()) at.now += piece;
  deadline.extend(60);
  for (let piece = deadline.next(); piece > 0; piece = deadline.next()) at.now += piece;
  expect([at.now, deadline.waited]).toEqual([120, 120]);
});

test('a clock with fractions: what rounding leaves is no time', () => {
  // the pieces' sum by the clock is a last bit short of the limit
  const { at, runtime } = clock();
  at.now = 1234.5678;
  const deadline = new Deadline(runtime, 1000);
  let pieces = 0;
  for (let piece = deadline.next(); piece > 0 && pieces < 1000; piece = deadline.next(), pieces++) at.now += piece;
  expect(pieces).toBe(20);
});
