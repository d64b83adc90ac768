import { createHash } from 'node:crypto';
import type { State } from '@flotilla/core';
import { UsageError } from '@flotilla/core';
import type { Disk } from '@flotilla/core/internal';
import { type StateSource, unpackState } from '@flotilla/protocol';
import type { OwnState } from '../training-state.js';
import {
  FIXED_BYTES,
  FORMAT_VERSION,
  HASH_BYTES,
  type Header,
  LENGTH_BYTES,
  MAGIC,
  MAX_HEADER_BYTES,
  parseHeader,
} from './format.js';

const PIECE_BYTES = 1 << 20;

/** Where in the file a state lies. */
interface Place {
  readonly at: number;
  readonly length: number;
}

/** A checkpoint that is whole: open, its states still in the file. */
export interface Checkpoint {
  readonly path: string;
  readonly header: Header;
  /** What is not the workers'. @throws ProtocolError when the parts are no states */
  own(): OwnState;
  /** The workers', in worker order. */
  readonly workers: readonly StateSource[];
  close(): void;
}

/**
 * Opens a checkpoint, and makes sure that every byte of it is what was written. No length in it is believed before it is known
 * to fit.
 * @throws UsageError that says what is wrong with it, without its path
 */
export function openCheckpoint(path: string, disk: Disk): Checkpoint {
  const file = disk.openSync(path, 'r');
  try {
    return { path, ...read(file, disk), close: () => disk.closeSync(file) };
  } catch (error) {
    disk.closeSync(file);
    throw error;
  }
}

function read(file: number, disk: Disk): Omit<Checkpoint, 'path' | 'close'> {
  const status = disk.fstatSync(file);
  if (!status.isFile()) throw new UsageError('it is not a regular file');
  const end = status.size - HASH_BYTES;
  if (end < FIXED_BYTES) throw new UsageError(`it is cut short: ${status.size} bytes`);
  const take = (at: number, length: number): Buffer => {
    if (at + length > end) throw new UsageError(`it has no ${length} bytes at ${at}`);
    const bytes = Buffer.alloc(length);
    fill(file, bytes, at, disk);
    return bytes;
  };
  const fixed = take(0, FIXED_BYTES);
  if (!fixed.subarray(0, MAGIC.length).equals(MAGIC)) throw new UsageError('it is no checkpoint');
  const version = fixed.readUInt32LE(MAGIC.length);
  if (version !== FORMAT_VERSION) {
    throw new UsageError(`its format has version ${version}; only ${FORMAT_VERSION} is read here`);
  }
  checkHash(file, end, disk);
  const headerLength = fixed.readUInt32LE(MAGIC.length + 4);
  if (headerLength > MAX_HEADER_BYTES) throw new UsageError(`its header has ${headerLength} bytes`);
  const header = parseHeader(take(FIXED_BYTES, headerLength));
  let at = FIXED_BYTES + headerLength;
  const next = (): Place => {
    const length = Number(take(at, LENGTH_BYTES).readBigUInt64LE());
    const place = { at: at + LENGTH_BYTES, length };
    at += LENGTH_BYTES + length;
    if (at > end) throw new UsageError(`it has no ${length} bytes at ${place.at}`);
    return place;
  };
  const parts = header.parts.map((name) => ({ name, place: next() }));
  const workers = Array.from({ length: header.workers }, next).map((place) => ({
    length: place.length,
    writeTo: (room: Uint8Array) => fill(file, room.subarray(0, place.length), place.at, disk),
  }));
  if (at !== end) throw new UsageError(`it has ${end - at} bytes too many`);
  const { round, seconds, started, configuration } = header;
  return {
    header,
    own() {
      const states = parts.map(({ name, place }): [string, State] => [name, unpackState(take(place.at, place.length))]);
      // what a training has not is undefined there, and left out here: `checkOwnState` tells whether these are the right ones
      return { round, seconds, started, configuration, ...Object.fromEntries(states) } as unknown as OwnState;
    },
    workers,
  };
}

function checkHash(file: number, end: number, disk: Disk): void {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, end));
  for (let at = 0; at < end; ) {
    const bytes = piece.subarray(0, Math.min(piece.length, end - at));
    fill(file, bytes, at, disk);
    hash.update(bytes);
    at += bytes.length;
  }
  const written = Buffer.alloc(HASH_BYTES);
  fill(file, written, end, disk);
  if (!hash.digest().equals(written)) {
    throw new UsageError('it is damaged: its SHA-256 is not the one that it was written with');
  }
}

/** Reads all of `bytes`. */
function fill(file: number, bytes: Uint8Array, from: number, disk: Disk): void {
  for (let at = 0; at < bytes.length; ) {
    const read = disk.readSync(file, bytes, at, bytes.length - at, from + at);
    if (read === 0) throw new UsageError('it became shorter while it was read');
    at += read;
  }
}
