import { UsageError } from '@flotilla/core';
import { refusalOf } from '@flotilla/core/internal';
import * as v from 'valibot';

// A checkpoint is one file, little-endian:
//
//   8 bytes    FLOTCKPT
//   u32        version of this format
//   u32        length of the header
//   header     JSON, UTF-8
//   parts      for each of the header's `parts`, then for each worker: u64, the length; a state as state-codec packs it
//   32 bytes   SHA-256 of everything before
//
// docs/reliability.md says what it is good for.

export const MAGIC = Buffer.from('FLOTCKPT', 'latin1');
export const FORMAT_VERSION = 1;
/** Magic, version, length of the header. */
export const FIXED_BYTES = 16;
export const LENGTH_BYTES = 8;
export const HASH_BYTES = 32;
/** Links of 10,000 workers may be listed one by one. */
export const MAX_HEADER_BYTES = 1 << 24;
const MAX_PARTS = 100;

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const hashes = v.record(v.string(), v.string());

const identitySchema = v.strictObject({
  /** Versions of these packages and of their wire. */
  version: v.string(),
  wire: count,
  /** SHA-256 of the modules that the run imports, and of the files that its data are read from, by path. */
  modules: hashes,
  data: hashes,
});

/** The code and the data that a run depends on and that its options only name. */
export type Identity = v.InferOutput<typeof identitySchema>;

const headerSchema = v.strictObject({
  round: count,
  seconds: v.pipe(v.number(), v.finite(), v.minValue(0)),
  started: v.boolean(),
  configuration: v.string(),
  identity: identitySchema,
  /** Bytes of metrics.jsonl that are of rounds before this one. */
  rowBytes: count,
  /** Names of the states before the workers'. */
  parts: v.pipe(v.array(v.string()), v.maxLength(MAX_PARTS)),
  workers: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000)),
});

/** What a checkpoint says of itself. */
export type Header = v.InferOutput<typeof headerSchema>;

/** @throws UsageError when the bytes are no header */
export function parseHeader(bytes: Uint8Array): Header {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    throw new UsageError('its header is not JSON', { cause });
  }
  const parsed = v.safeParse(headerSchema, value);
  if (!parsed.success) throw new UsageError(`its header is none: ${refusalOf(parsed.issues[0], 'it')}`);
  return parsed.output;
}
