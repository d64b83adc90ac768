import { close, constants, fstatSync, openSync, read, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { addAbortSignal, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { FlotillaError, UsageError } from '../errors.js';
import { reasonOf } from '../thrown.js';
import { bunzip2 } from './bunzip2.js';
import { giveWay } from './give-way.js';

/** Bytes a data file may have once unpacked. Keeps a small hostile archive from filling the memory. */
const MAX_BYTES = 2 ** 31;
/** Beyond `FLOOR` bytes, a file may unpack to so many times its own size at most. */
const MAX_RATIO = 1000;
const FLOOR = 2 ** 26;
/** Bytes that are unpacked, and that are read, between two looks at the signal. */
const PIECE = 2 ** 18;
const READ = 2 ** 20;
/** Bytes that are read where no more are expected. */
const SPARE = 4096;
/** Streams that an xz file may have. */
const MAX_STREAMS = 10_000;

export interface FileLimits {
  /** Ends the reading; the promise then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Largest size in bytes, unpacked; 2 GiB when not given. */
  readonly limit?: number | undefined;
}

type Unpack = (bytes: Buffer, sink: Sink) => Promise<void>;

/** Compressed files are known by their first bytes; no text begins like them. */
const formats: readonly { extension: string; magic: string; unpack: Unpack }[] = [
  { extension: '.gz', magic: '1f8b', unpack: gunzip },
  { extension: '.xz', magic: 'fd377a585a00', unpack: unxz },
  {
    extension: '.bz2',
    magic: '425a68',
    async unpack(bytes, sink) {
      for (const _ of bunzip2(bytes, (piece) => sink.write(piece))) await giveWay(sink.signal);
    },
  },
];

/** Thrown where the bytes pass the limit. */
class TooLarge extends Error {}

/**
 * The bytes of a data file, unpacked when it is a gzip, xz or bzip2 file (several streams in a row are one file). Regular files
 * and pipes are read, and nothing else; whatever they hold, the event loop runs while they are read and unpacked.
 * @throws FlotillaError `io` when the file cannot be read or is not intact; UsageError when it is larger than the limit, or
 *   unpacks to more than 64 MiB and 1000 times its size; the signal's reason
 */
export async function readDataFile(path: string, { signal, limit = MAX_BYTES }: FileLimits = {}): Promise<Buffer> {
  signal?.throwIfAborted();
  const tooLarge = (cause: unknown) =>
    new UsageError(`${path} is too large: at most ${limit} bytes unpacked`, { cause });
  let bytes: Buffer;
  try {
    // a small file may be larger packed
    bytes = await readWhole(path, new Sink(Math.max(limit, FLOOR), signal));
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof TooLarge) throw tooLarge(cause);
    throw new FlotillaError('io', `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
  const format = formats.find(({ magic }) => bytes.toString('hex', 0, magic.length / 2) === magic);
  const named = formats.find(({ extension }) => path.endsWith(extension));
  if (format === undefined && named !== undefined) {
    throw new FlotillaError('io', `${path} is not a ${named.extension} file: it does not begin like one`);
  }
  if (format === undefined && bytes.length > limit) throw tooLarge(undefined);
  if (format === undefined) return bytes;
  const plausible = Math.max(FLOOR, MAX_RATIO * bytes.length);
  const sink = new Sink(Math.min(limit, plausible), signal);
  try {
    await format.unpack(bytes, sink);
    return sink.done();
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof TooLarge && limit <= plausible) throw tooLarge(cause);
    if (cause instanceof TooLarge) {
      const size = `${bytes.length} bytes that unpack to more than ${plausible}`;
      throw new UsageError(`${path} is no data: ${size}; at most ${MAX_RATIO} times its size is unpacked`, { cause });
    }
    throw new FlotillaError('io', `cannot unpack ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** The bytes of a regular file or a pipe as they are. */
async function readWhole(path: string, sink: Sink): Promise<Buffer> {
  // opening alone can do things to a device
  checkKind(await stat(path));
  // it may have become something else; without waiting, where there is a pipe that nobody writes to
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  let ours = true;
  try {
    const found = fstatSync(file);
    checkKind(found);
    if (found.isFIFO()) {
      ours = false;
      return await readPipe(file, sink);
    }
    sink.expect(found.size);
    for (;;) {
      const room = sink.room(READ);
      const { bytesRead } = await promisify(read)(file, room, 0, room.length, null);
      if (bytesRead === 0) return sink.done();
      sink.took(room, bytesRead);
      sink.signal?.throwIfAborted();
    }
  } finally {
    if (ours) close(file);
  }
}

function checkKind(found: Stats): void {
  if (found.isFile() || found.isFIFO()) return;
  const kind = found.isDirectory() ? 'a folder' : found.isSocket() ? 'a socket' : 'a device';
  throw new Error(`it is ${kind}; data is read from files and pipes`);
}

/** Until the last writer has closed the pipe; while there is none yet, this waits. Closes `file`. */
async function readPipe(file: number, sink: Sink): Promise<Buffer> {
  const socket = new Socket({ fd: file, readable: true, writable: false });
  if (sink.signal !== undefined) addAbortSignal(sink.signal, socket);
  for await (const piece of socket) sink.write(piece);
  return sink.done();
}

/** Bytes in arrival order, at most `limit` of them. */
class Sink {
  #buffer: Buffer;
  #length = 0;

  constructor(
    private readonly limit: number,
    readonly signal: AbortSignal | undefined,
  ) {
    this.#buffer = Buffer.allocUnsafe(Math.min(limit, 1 << 16));
  }

  /** Makes room for so many bytes, if they may come. */
  expect(length: number): void {
    if (length > this.limit) throw new TooLarge();
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(length);
  }

  /** Where the next bytes may be put, at most so many: most files are read to where they stay. */
  room(most: number): Buffer {
    const left = this.#buffer.subarray(this.#length, this.#length + most);
    return left.length > 0 ? left : Buffer.allocUnsafe(SPARE);
  }

  /** Takes what has been put into the first bytes of that. */
  took(room: Buffer, length: number): void {
    if (room.buffer === this.#buffer.buffer) this.#length += length;
    else this.write(room.subarray(0, length));
  }

  write(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.limit) throw new TooLarge();
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.limit, Math.max(2 * this.#buffer.length, length)));
      grown.set(this.done());
      this.#buffer = grown;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = length;
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

async function gunzip(bytes: Buffer, sink: Sink): Promise<void> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / PIECE) }, (_, k) => k * PIECE);
  const source = Readable.from(pieces.map((at) => bytes.subarray(at, at + PIECE)));
  const unpacked = source.pipe(createGunzip({ chunkSize: PIECE }));
  if (sink.signal !== undefined) addAbortSignal(sink.signal, unpacked);
  for await (const piece of unpacked) {
    sink.write(piece);
    await giveWay(sink.signal);
  }
}

async function unxz(bytes: Buffer, sink: Sink): Promise<void> {
  // loaded where it is needed: it looks for streams of its own when it is
  const require = createRequire(import.meta.resolve('@flotilla/core'));
  const { XzReadableStream } = require('xz-decompress');
  const streams = xzStreams(bytes);
  sink.expect(streams.reduce((sum, { size }) => sum + size, 0));
  for (const { start, end } of streams) {
    const source = new Blob([bytes.subarray(start, end)]).stream();
    try {
      for await (const piece of new XzReadableStream(source)) {
        sink.write(piece);
        await giveWay(sink.signal);
      }
    } catch (cause) {
      sink.signal?.throwIfAborted();
      if (cause instanceof TooLarge) throw cause;
      // the decoder gives numbers only, xz_ret of XZ Embedded: 6 a check or filter it does not know, 7 and 8 damage
      const reason = (cause as Error).message;
      throw new Error(`not an intact xz file, or its check or filter is not supported (${reason})`, { cause });
    }
  }
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
    streams.push({ start, end, size });
    if (streams.length > MAX_STREAMS) throw broken(`more than ${MAX_STREAMS} streams`);
    end = start;
  }
  return streams.reverse();
}
