import { describe, expect, test } from 'vitest';
import { FlotillaError } from '../dist/errors.js';
import { TrackedPoint } from '../dist/method/tracked-point.js';
import { restoreState, type State, snapshotState } from '../dist/state.js';
import { linearFunction, productOf } from './support.js';

const start = Float64Array.from({ length: 16 }, (_, j) => j - 4);

/** A state with an entry of every kind, a tracked point with and one without a linear map. */
function create(at = start) {
  const { f } = linearFunction();
  return {
    x: Float64Array.of(1, -0, Number.MIN_VALUE),
    single: Float32Array.of(0.1, 2),
    counts: Int32Array.of(3, -4),
    round: 7,
    w: TrackedPoint.from(at, f),
    z: TrackedPoint.from(at, { gradient: f.gradient }),
  };
}

test('a snapshot has every vector and number, and both parts of a tracked point', () => {
  const state = create();
  expect(snapshotState(state)).toEqual({
    x: Float64Array.of(1, -0, Number.MIN_VALUE),
    single: Float32Array.of(0.1, 2),
    counts: Int32Array.of(3, -4),
    round: 7,
    w: start,
    'w/product': Float64Array.from(productOf(start)),
    z: start,
  });
  expect(Object.keys(snapshotState(state))).toEqual(['x', 'single', 'counts', 'round', 'w', 'w/product', 'z']);
});

test('a snapshot shares no memory with the state', () => {
  const state = create();
  const snapshot = snapshotState(state);
  const before = structuredClone(snapshot);
  for (const vector of [state.x, state.single, state.counts, state.w.x, state.w.product as Float64Array, state.z.x]) {
    vector.fill(9);
  }
  state.round = 8;
  expect(snapshot).toEqual(before);
});

test('what is restored is what was stored, in the same objects', () => {
  const snapshot = snapshotState(create());
  const other = create(new Float64Array(16).fill(1));
  const { x, w } = other;
  other.x.fill(5);
  other.round = 0;
  // as a file or another thread would give it back
  restoreState(other, structuredClone(snapshot));
  expect(snapshotState(other)).toEqual(snapshot);
  expect(Object.is(other.x[1], -0)).toBe(true);
  expect(other.x).toBe(x);
  expect(other.w).toBe(w);
  // the state is its own again
  other.x.fill(3);
  expect(snapshot.x).toEqual(Float64Array.of(1, -0, Number.MIN_VALUE));
});

describe('a snapshot of another shape is refused before anything is written', () => {
  const good = snapshotState(create());
  const { x: _x, ...withoutX } = good;
  const { 'w/product': _product, ...withoutProduct } = good;
  test.each<[string, State, string]>([
    ['a missing vector', withoutX, 'the state has no entry x'],
    ['a missing product', withoutProduct, 'the state has no entry w/product'],
    ['an entry too many', { ...good, y: 1 }, 'the state has an entry y too many'],
    ['a product too many', { ...good, 'z/product': new Float64Array(2) }, 'the state has an entry z/product too many'],
    [
      'a shorter vector',
      { ...good, w: new Float64Array(15) },
      'entry w of the state is Float64Array(15), not Float64Array(16)',
    ],
    [
      'a longer vector',
      { ...good, w: new Float64Array(17) },
      'entry w of the state is Float64Array(17), not Float64Array(16)',
    ],
    [
      'another width',
      { ...good, single: new Float64Array(2) },
      'entry single of the state is Float64Array(2), not Float32Array(2)',
    ],
    ['a number for a vector', { ...good, x: 3 }, 'entry x of the state is a number, not Float64Array(3)'],
    [
      'a vector for a number',
      { ...good, round: new Float64Array(1) },
      'entry round of the state is Float64Array(1), not a number',
    ],
    ['the first of several', { ...withoutX, w: new Float64Array(1), y: 1 }, 'the state has no entry x'],
  ])('%s', (_what, snapshot, message) => {
    const state = create(new Float64Array(16));
    state.round = 1;
    const before = snapshotState(state);
    expect(() => restoreState(state, snapshot)).toThrow(new FlotillaError('protocol', message));
    expect(snapshotState(state)).toEqual(before);
  });

  test('and names of Object.prototype are no entries', () => {
    expect(() => restoreState({ toString: 1 }, {})).toThrow('the state has no entry toString');
  });
});

test.each<[string, object]>([
  ['a function', { x: Float64Array.of(1), draw: () => 1 }],
  ['a flag', { known: false }],
  ['a list of vectors', { g: [Float64Array.of(1)] }],
  ['nothing', { g: undefined }],
])('%s is no state', (_what, object) => {
  const name = Object.keys(object).at(-1);
  const message = `entry ${name} of a state is no vector, number or tracked point`;
  expect(() => snapshotState(object)).toThrow(new FlotillaError('internal', message));
  expect(() => restoreState(object, {})).toThrow(message);
});
