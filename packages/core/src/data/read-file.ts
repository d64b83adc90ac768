import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import xz from 'xz-decompress';
import { FlotillaError, UsageError } from '../errors.js';

/** The part of seek-bzip that is used; the package has no types. */
interface Bunzip {
  decode(input: ByteSource, output: { writeByte(byte: number): void }, multistream: boolean): void;
}
interface ByteSource {
  readByte(): number;
  read(buffer: Uint8Array, offset: number, length: number): number;
  eof(): boolean;
}
const require = createRequire(import.meta.url);

/** Bytes a data file may have once unpacked. Keeps a small hostile archive from filling the memory. */
const MAX_BYTES = 2 ** 31;

type Decoder = (bytes: Buffer, limit: number) => Buffer | Promise<Buffer>;

/** Compressed files are known by their first bytes; no text begins like them. */
const formats: readonly { extension: string; magic: string; decode: Decoder }[] = [
  { extension: '.gz', magic: '1f8b', decode: (bytes, limit) => gunzipSync(bytes, { maxOutputLength: limit }) },
  { extension: '.xz', magic: 'fd377a585a00', decode: unxz },
  { extension: '.bz2', magic: '425a68', decode: bunzip2 },
];

/** Thrown where the unpacked bytes pass the limit. */
class TooLarge extends Error {}

/**
 * The bytes of a data file, unpacked when it is a gzip, xz or bzip2 file (several streams in a row are one file).
 * @param limit largest size in bytes, unpacked
 * @throws FlotillaError `io` when the file cannot be read or is not intact; UsageError when it is larger than `limit`.
 */
export async function readDataFile(path: string, limit = MAX_BYTES): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new FlotillaError('io', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  const format = formats.find(({ magic }) => bytes.toString('hex', 0, magic.length / 2) === magic);
  const named = formats.find(({ extension }) => path.endsWith(extension));
  if (format === undefined && named !== undefined) {
    throw new FlotillaError('io', `${path} is not a ${named.extension} file: it does not begin like one`);
  }
  try {
    if (format !== undefined) bytes = await format.decode(bytes, limit);
    if (bytes.length > limit) throw new TooLarge();
  } catch (cause) {
    if (cause instanceof TooLarge || (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new UsageError(`${path} is too large: at most ${limit} bytes unpacked`, { cause });
    }
    throw new FlotillaError('io', `cannot unpack ${path}: ${(cause as Error).message}`, { cause });
  }
  return bytes;
}

/** Bytes in arrival order, at most `limit` of them. */
class Sink {
  #buffer: Buffer;
  #length = 0;

  constructor(private readonly limit: number) {
    this.#buffer = Buffer.allocUnsafe(Math.min(limit, 1 << 16));
  }

  writeByte(byte: number): void {
    if (this.#length === this.#buffer.length) this.#grow(1);
    this.#buffer[this.#length++] = byte;
  }

  write(chunk: Uint8Array): void {
    if (this.#length + chunk.length > this.#buffer.length) this.#grow(chunk.length);
    this.#buffer.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(more: number): void {
    if (this.#length + more > this.limit) throw new TooLarge();
    const grown = Buffer.allocUnsafe(Math.min(this.limit, Math.max(2 * this.#buffer.length, this.#length + more)));
    grown.set(this.done());
    this.#buffer = grown;
  }
}

function bunzip2(bytes: Buffer, limit: number): Buffer {
  const { decode } = require('seek-bzip') as Bunzip;
  const sink = new Sink(limit);
  let at = 0;
  const source: ByteSource = {
    readByte() {
      if (at === bytes.length) throw new Error('the bzip2 stream ends early');
      return bytes[at++];
    },
    read(buffer, offset, length) {
      for (let i = 0; i < length; i++) buffer[offset + i] = this.readByte();
      return length;
    },
    // never: at an end of input between two blocks `decode` would stop without an error
    eof: () => false,
  };
  while (at < bytes.length) decode(source, sink, false);
  return sink.done();
}

async function unxz(bytes: Buffer, limit: number): Promise<Buffer> {
  const streams = xzStreams(bytes);
  if (streams.reduce((sum, { size }) => sum + size, 0) > limit) throw new TooLarge();
  const sink = new Sink(limit);
  for (const { start, end } of streams) {
    const source = new Blob([bytes.subarray(start, end)]).stream();
    try {
      for await (const chunk of new xz.XzReadableStream(source)) sink.write(chunk);
    } catch (cause) {
      if (cause instanceof TooLarge) throw cause;
      // the decoder gives numbers only, xz_ret of XZ Embedded: 6 a check or filter it does not know, 7 and 8 damage
      const reason = (cause as Error).message;
      throw new Error(`not an intact xz file, or its check or filter is not supported (${reason})`, { cause });
    }
  }
  return sink.done();
}

/**
 * The streams of an xz file, each with its unpacked size, from the indexes at their ends (The .xz File Format, 1.2.1).
 * The decoder reads one stream and drops what follows; here nothing is dropped, and sizes are known before unpacking.
 */
function xzStreams(bytes: Buffer): { start: number; end: number; size: number }[] {
  const broken = (what: string) => new Error(`not an intact xz file: ${what}`);
  const streams = [];
  let end = bytes.length;
  while (end > 0) {
    // streams may be padded with groups of four zeros
    while (end >= 4 && bytes.readUInt32LE(end - 4) === 0) end -= 4;
    if (end < 32 || bytes.toString('latin1', end - 2, end) !== 'YZ') throw broken('it ends early');
    const footer = end - 12;
    const index = footer - 4 * (bytes.readUInt32LE(end - 8) + 1);
    if (index < 12 || bytes[index] !== 0) throw broken('no index');
    let at = index + 1;
    const number = () => {
      for (let value = 0, unit = 1; at < footer; unit *= 128) {
        const byte = bytes[at++];
        value += (byte & 127) * unit;
        if (byte < 128) return value;
      }
      throw broken('the index ends early');
    };
    let start = index - 12;
    let size = 0;
    for (let records = number(); records > 0; records--) {
      start -= 4 * Math.ceil(number() / 4);
      size += number();
    }
    if (!(start >= 0) || bytes.toString('hex', start, start + 6) !== formats[1].magic) throw broken('no header');
    streams.unshift({ start, end, size });
    end = start;
  }
  return streams;
}
