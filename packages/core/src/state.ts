import { FlotillaError } from './errors.js';
import { CommonPoint } from './method/common-point.js';
import { TrackedPoint } from './method/tracked-point.js';

/** Vectors and numbers by name: all there is to know of one half of a method between two rounds. */
export type State = Readonly<Record<string, Float64Array | Float32Array | Int32Array | number>>;

/** What the entries of a half's state may be. Nothing else is kept between rounds, so that a state can be stored. */
export type StateValue = Float64Array | Float32Array | Int32Array | number | TrackedPoint | CommonPoint;

/** A type whose every property can be part of a state. */
export type StateShape<T> = { readonly [K in keyof T]: StateValue };

type Vector = Exclude<State[string], number>;

/**
 * A deep copy of a state object. A {@link TrackedPoint} `w` becomes `w`, its coordinates, and, where it has one, `w/product`; a
 * {@link CommonPoint} its coordinates.
 * @throws FlotillaError `internal` for an entry that is neither a vector nor a number nor a tracked or common point
 */
export function snapshotState(object: object): State {
  return copyState(viewState(object));
}

/** A deep copy of a state. */
export function copyState(state: State): State {
  const copy = (value: State[string]) => (typeof value === 'number' ? value : value.slice());
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [name, copy(value)]));
}

/** The same without copying: the vectors are the object's own, and change with it. @throws as {@link snapshotState} does */
export function viewState(object: object): State {
  return Object.fromEntries(entriesOf(object));
}

/**
 * Refuses a snapshot that is not of a state object of this shape. Writes nothing.
 * @throws FlotillaError `protocol` that names the first entry that is missing, of another kind or length, or superfluous
 */
export function checkState(object: object, state: State): void {
  const entries = [...entriesOf(object)];
  const names = new Set(entries.map(([name]) => name));
  for (const [name, own] of entries) {
    if (!Object.hasOwn(state, name)) throw new FlotillaError('protocol', `the state has no entry ${name}`);
    const [found, needed] = [kindOf(state[name]), kindOf(own)];
    if (found !== needed) throw new FlotillaError('protocol', `entry ${name} of the state is ${found}, not ${needed}`);
  }
  const superfluous = Object.keys(state).find((name) => !names.has(name));
  if (superfluous !== undefined) throw new FlotillaError('protocol', `the state has an entry ${superfluous} too many`);
}

/**
 * Writes a snapshot into a state object of the same shape, in place: its vectors and points stay the same objects.
 * @throws FlotillaError `protocol` as {@link checkState} does; nothing has been written then
 */
export function restoreState(object: object, state: State): void {
  checkState(object, state);
  for (const [name, own] of entriesOf(object)) {
    const value = state[name];
    if (typeof own === 'number') Reflect.set(object, name, value);
    else if (typeof value === 'object') own.set(value);
  }
  for (const point of Object.values(object)) if (point instanceof CommonPoint) point.renew();
}

/** The vectors, themselves, and the numbers of a state object. */
function* entriesOf(object: object): Generator<[name: string, value: State[string]]> {
  const entries: [string, unknown][] = Object.entries(object);
  for (const [name, value] of entries) {
    if (value instanceof TrackedPoint) {
      yield [name, value.x];
      if (value.product !== undefined) yield [`${name}/product`, value.product];
    } else if (value instanceof CommonPoint) {
      yield [name, value.x];
    } else if (typeof value === 'number' || isVector(value)) {
      yield [name, value];
    } else {
      throw new FlotillaError('internal', `entry ${name} of a state is no vector, number or tracked point`);
    }
  }
}

function isVector(value: unknown): value is Vector {
  return value instanceof Float64Array || value instanceof Float32Array || value instanceof Int32Array;
}

/** What an entry is, in words. */
function kindOf(value: unknown): string {
  if (isVector(value)) return `${value.constructor.name}(${value.length})`;
  return typeof value === 'number' ? 'a number' : 'neither a vector nor a number';
}
