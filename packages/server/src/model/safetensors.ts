import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { FlotillaError, type Precision, type Tensor, UsageError } from '@flotilla/core';
import { reasonOf } from '@flotilla/core/internal';
import { type FlatModel, type ModelTensor, sizeOf } from './model.js';

// The format of https://github.com/huggingface/safetensors: the header's length as a little-endian u64, a JSON header that is
// padded with blanks so that the data are aligned, then the tensors one after the other, row-major and little-endian.

/** A tensor as a file has it. */
export interface FileTensor extends ModelTensor {
  readonly name: string;
}

/** What a file holds, tensors in the order in which they lie there. */
export interface Safetensors {
  readonly tensors: readonly FileTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Longest header that is read, in bytes. */
export const MAX_HEADER_BYTES = 1 << 20;
/** Where the data begin: a multiple of this. */
const ALIGNMENT = 8;
/** Bytes that are read at a time. */
const CHUNK = 1 << 26;
/** What is read, and how many bytes a number has there. */
const WIDTHS = new Map([
  ['F64', 8],
  ['F32', 4],
]);

/** Where the metadata lie in a header: no tensor is called so. */
export const METADATA = '__metadata__';

/** All that comes before the data of tensors in F64 or F32, in the order in which they will lie there. */
export function safetensorsHead(
  tensors: readonly Tensor[],
  metadata: Readonly<Record<string, string>>,
  precision: Precision = 'f64',
): Buffer {
  const dtype = precision === 'f32' ? 'F32' : 'F64';
  let at = 0;
  const entries = tensors.map(({ name, shape }): [string, object] => {
    const from = at;
    at += (WIDTHS.get(dtype) as number) * sizeOf(shape);
    return [name, { dtype, shape, data_offsets: [from, at] }];
  });
  // JSON.stringify writes the keys of an object in their order unless they are whole numbers
  const members = [[METADATA, metadata] as const, ...entries].map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  const header = Buffer.from(`{${members.join(',')}}`);
  const length = Math.ceil(header.length / ALIGNMENT) * ALIGNMENT;
  const head = Buffer.alloc(8 + length, ' ');
  head.writeBigUInt64LE(BigInt(length));
  header.copy(head, 8);
  return head;
}

/** A model as the pieces of its file: x itself is the data. */
export function modelFile({ x, tensors, metadata }: FlatModel): readonly Uint8Array[] {
  const precision = x instanceof Float32Array ? 'f32' : 'f64';
  return [safetensorsHead(tensors, metadata, precision), new Uint8Array(x.buffer, x.byteOffset, x.byteLength)];
}

/**
 * Reads a safetensors file of F64 and F32 tensors.
 * @throws UsageError for a file that is none, FlotillaError `io` when it cannot be read
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const refuse = (why: string) => new UsageError(`${path} is not a safetensors file that can be read: ${why}`);
  let file: FileHandle | undefined;
  try {
    // opening a pipe would wait for whoever writes it
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) throw new UsageError(`${path} is not a regular file`);
    if (stats.size < 8) throw refuse('it is shorter than 8 bytes');
    const headerBytes = Number((await bytesOf(file, 0, 8)).readBigUInt64LE());
    if (headerBytes > MAX_HEADER_BYTES) {
      throw refuse(`its header is said to have ${headerBytes} bytes; at most ${MAX_HEADER_BYTES} are read`);
    }
    const dataBytes = stats.size - 8 - headerBytes;
    if (dataBytes < 0) throw refuse('it ends within its header');
    const header = (await bytesOf(file, 8, headerBytes)).toString();
    const { entries, metadata } = parseHeader(header, dataBytes, refuse);
    const data = await bytesOf(file, 8 + headerBytes, dataBytes);
    return { metadata, tensors: entries.map((entry) => toTensor(entry, data)) };
  } catch (cause) {
    if (cause instanceof FlotillaError) throw cause;
    throw new FlotillaError('io', `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  } finally {
    await file?.close();
  }
}

/** The bytes from `start` on, at the beginning of a buffer of their own. */
async function bytesOf(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK, length - at), start + at);
    if (bytesRead === 0) throw new Error('it has become shorter meanwhile');
    at += bytesRead;
  }
  return bytes;
}

interface Entry {
  readonly name: string;
  readonly width: number;
  readonly shape: readonly number[];
  readonly from: number;
  readonly to: number;
}

function parseHeader(text: string, dataBytes: number, refuse: (why: string) => UsageError) {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw refuse('its header is not JSON');
  }
  if (!isRecord(header)) throw refuse('its header is not a JSON object');
  const metadata: Record<string, string> = Object.create(null);
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name !== METADATA) {
      entries.push(parseEntry(name, value, refuse));
      continue;
    }
    if (!isRecord(value)) throw refuse(`${METADATA} is not an object`);
    for (const [key, entry] of Object.entries(value)) {
      if (typeof entry !== 'string') throw refuse(`${METADATA} has ${shown(key)}, which is not a text`);
      metadata[key] = entry;
    }
  }
  entries.sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of entries) {
    if (from !== end) throw refuse(`tensor ${shown(name)} begins at byte ${from} of the data, not at ${end}`);
    end = to;
  }
  if (end !== dataBytes) throw refuse(`its tensors have ${end} bytes, and the file has ${dataBytes} for them`);
  return { entries, metadata };
}

function parseEntry(name: string, value: unknown, refuse: (why: string) => UsageError): Entry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  const width = typeof dtype === 'string' ? WIDTHS.get(dtype) : undefined;
  if (width === undefined) throw refuse(`tensor ${shown(name)} has the type ${shown(dtype)}; F64 and F32 are read`);
  if (!isCounts(shape) || shape.length > 32) throw refuse(`tensor ${shown(name)} has the shape ${shown(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw refuse(`tensor ${shown(name)} has the data_offsets ${shown(offsets)}, not two numbers of bytes`);
  }
  const [from, to] = offsets as [number, number];
  if (to - from !== width * sizeOf(shape)) {
    throw refuse(`tensor ${shown(name)} of shape ${shown(shape)} and type ${dtype} has ${to - from} bytes`);
  }
  return { name, width, shape, from, to };
}

function toTensor({ name, width, shape, from, to }: Entry, data: Buffer): FileTensor {
  // a view where the place allows it: data are aligned to what comes before them in the file only
  const bytes = from % width === 0 ? data.subarray(from, to) : Buffer.from(new ArrayBuffer(to - from));
  if (from % width !== 0) data.copy(bytes, 0, from, to);
  const { buffer, byteOffset } = bytes;
  const count = (to - from) / width;
  const values =
    width === 8
      ? new Float64Array(buffer as ArrayBuffer, byteOffset, count)
      : new Float32Array(buffer as ArrayBuffer, byteOffset, count);
  return { name, shape, values };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it is a list of whole numbers from 0, small enough that products and sums stay exact. */
function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** A value of the file in an error, not longer than that needs to be. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
