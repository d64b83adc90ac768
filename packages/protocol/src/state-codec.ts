import { ProtocolError } from '@flotilla/compressors';
import type { State } from '@flotilla/core';
import { getU32, putU32, refusalOf } from '@flotilla/core/internal';
import { Packr } from 'msgpackr/pack';
import * as v from 'valibot';

// A state as bytes: the length of its index (u32, little-endian), the index (msgpack: name, kind and length of each entry, in
// order), zeros up to a multiple of 8, and the entries' values one behind the other, each filled up to a multiple of 8. A number
// is one f64.

const KINDS = { f64: Float64Array, f32: Float32Array, i32: Int32Array } as const;
type Kind = keyof typeof KINDS | 'number';

/** Longest index that is read, and most entries. */
const MAX_INDEX_BYTES = 1 << 20;
const MAX_ENTRIES = 10_000;
const LENGTH_BYTES = 4;

const indexSchema = v.pipe(
  v.array(
    v.strictTuple([
      v.pipe(v.string(), v.maxLength(200)),
      v.picklist(['f64', 'f32', 'i32', 'number']),
      v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31)),
    ]),
  ),
  v.maxLength(MAX_ENTRIES),
);

const packr = new Packr({ useRecords: false });
const padded = (bytes: number) => Math.ceil(bytes / 8) * 8;

/** The bytes of a state, wherever they come from: their number is known, and none has been copied yet. */
export interface StateSource {
  readonly length: number;
  /** Writes all of them to the first bytes of `room`. */
  writeTo(room: Uint8Array): void;
}

/** A state about to be written. */
export interface EncodedState extends StateSource {
  /** The bytes, piece by piece; vectors are views of the state's own. */
  pieces(): Iterable<Uint8Array>;
}

/** How a state is written. Both ends are little-endian machines, as everywhere in this package. */
export function encodeState(state: State): EncodedState {
  const entries = Object.entries(state).map(([name, value]) => {
    const [kind, values] =
      typeof value === 'number' ? (['number', Float64Array.of(value)] as const) : [kindOf(value), value];
    return { name, kind, values };
  });
  const index = packr.pack(entries.map(({ name, kind, values }) => [name, kind, values.length]));
  const head = new Uint8Array(padded(LENGTH_BYTES + index.length));
  putU32(head, 0, index.length);
  head.set(index, LENGTH_BYTES);
  function* pieces() {
    yield head;
    for (const { values } of entries) {
      yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      yield ZEROS.subarray(0, padded(values.byteLength) - values.byteLength);
    }
  }
  return {
    length: entries.reduce((sum, { values }) => sum + padded(values.byteLength), head.length),
    pieces,
    writeTo(room) {
      let at = 0;
      for (const piece of pieces()) {
        room.set(piece, at);
        at += piece.length;
      }
    },
  };
}

const ZEROS = new Uint8Array(8);

/** A state as bytes of its own. */
export function packState(state: State): Uint8Array {
  const encoded = encodeState(state);
  const bytes = new Uint8Array(encoded.length);
  encoded.writeTo(bytes);
  return bytes;
}

/** @throws ProtocolError when the bytes are not exactly one state. Nothing is allocated before their length is known to be right. */
export function unpackState(bytes: Uint8Array): State {
  const indexed = readIndex(bytes);
  const state: [name: string, value: State[string]][] = [];
  let { at } = indexed;
  for (const [name, kind, length] of indexed.index) {
    const Values = kind === 'number' ? Float64Array : KINDS[kind];
    const values = new Values(length);
    new Uint8Array(values.buffer).set(bytes.subarray(at, at + values.byteLength));
    at += padded(values.byteLength);
    state.push([name, kind === 'number' ? (values[0] as number) : values]);
  }
  return Object.fromEntries(state);
}

/** The index, and where the values begin. */
function readIndex(bytes: Uint8Array): { index: [string, Kind, number][]; at: number } {
  if (bytes.length < LENGTH_BYTES) throw new ProtocolError(`a state of ${bytes.length} bytes has no index`);
  const length = getU32(bytes, 0);
  if (length > MAX_INDEX_BYTES || LENGTH_BYTES + length > bytes.length) {
    throw new ProtocolError(`the index of a state says that it has ${length} bytes`);
  }
  let value: unknown;
  try {
    value = packr.unpack(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
  } catch (cause) {
    throw new ProtocolError(`not the index of a state: its ${length} bytes are not one MessagePack value`, { cause });
  }
  const parsed = v.safeParse(indexSchema, value);
  if (!parsed.success) throw new ProtocolError(`not the index of a state: ${refusalOf(parsed.issues[0], 'it')}`);
  const index = parsed.output;
  const at = padded(LENGTH_BYTES + length);
  let end = at;
  for (const [name, kind, count] of index) {
    if (kind === 'number' && count !== 1) throw new ProtocolError(`entry ${name} of a state is ${count} numbers`);
    end += padded(count * (kind === 'number' ? 8 : KINDS[kind].BYTES_PER_ELEMENT));
  }
  if (end !== bytes.length) throw new ProtocolError(`a state of ${bytes.length} bytes whose index adds up to ${end}`);
  return { index, at };
}

function kindOf(values: Exclude<State[string], number>): keyof typeof KINDS {
  if (values instanceof Float64Array) return 'f64';
  return values instanceof Float32Array ? 'f32' : 'i32';
}
