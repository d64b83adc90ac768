import { createHash } from 'node:crypto';
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { UsageError } from '@flotilla/core';
import { dataNames, optionError, printed, reasonOf } from '@flotilla/core/internal';
import { DATA_ENDINGS, MAX_DATA_BYTES, type Offer, Upload } from '@flotilla/protocol/nats';
import type { Options } from '../run/options.js';

type Sent = NonNullable<Offer['data']>;

const PIECE_BYTES = 1 << 20;

/**
 * What a run's offer has of data that the server sends to hosts without them; undefined when it sends none, as every host has those of
 * the catalogue.
 * @throws UsageError for data that cannot be sent
 */
export function sentData({ sendData, data }: Options): Sent | undefined {
  if (sendData !== true || data === undefined || (typeof data === 'string' && dataNames().includes(data)))
    return undefined;
  if (typeof data !== 'string') throw optionError('sendData', 'sends data from one file, and these are in memory');
  const name = basename(data);
  // the longest that fits; what has none is LIBSVM
  const ending = DATA_ENDINGS.filter((end) => name.toLowerCase().endsWith(end)).reduce((a, b) =>
    b.length > a.length ? b : a,
  );
  if (/[-.]idx[1-9]-ubyte/.test(name)) {
    throw optionError('sendData', `sends data from one file, and the labels of ${printed(data)} are in another`);
  }
  let file: number | undefined;
  try {
    file = openSync(data, 'r');
    const { size } = fstatSync(file);
    if (size < 1 || size > MAX_DATA_BYTES) {
      throw optionError('sendData', `sends files of at most ${MAX_DATA_BYTES} bytes, and ${printed(data)} has ${size}`);
    }
    const hash = createHash('sha256');
    for (let at = 0; at < size; at += PIECE_BYTES) hash.update(readAt(file, at, Math.min(PIECE_BYTES, size - at)));
    return { bytes: size, sha256: hash.digest('hex'), ending };
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw optionError('data', `${printed(data)} cannot be read: ${reasonOf(cause)}`, cause);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Reads from the file as hosts ask: one that has changed since has another hash, and is refused there. */
export function uploadOf(path: string, bytes: number): Upload {
  return new Upload(bytes, (from, length) => {
    const file = openSync(path, 'r');
    try {
      return readAt(file, from, length);
    } finally {
      closeSync(file);
    }
  });
}

function readAt(file: number, from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let got = 0; got < length; ) {
    const more = readSync(file, bytes, got, length - got, from + got);
    if (more === 0) return bytes.subarray(0, got);
    got += more;
  }
  return bytes;
}

/** Lets `load` read bytes that were sent as a file of this process's own, in a folder that is gone afterwards. */
export async function withFile<T>(bytes: Uint8Array, ending: string, load: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-data-'));
  try {
    const path = join(folder, `sent${ending}`);
    writeFileSync(path, bytes, { mode: 0o600 });
    return await load(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
