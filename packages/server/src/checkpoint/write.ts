import { createHash } from 'node:crypto';
import type { Disk } from '@flotilla/core/internal';
import { encodeState } from '@flotilla/protocol';
import type { OwnState } from '../training-state.js';
import { FIXED_BYTES, FORMAT_VERSION, type Header, LENGTH_BYTES, MAGIC } from './format.js';

/** Small pieces are written together. */
const BUFFER_BYTES = 1 << 18;

/** What the header says that the state itself does not. */
export type About = Pick<Header, 'identity' | 'rowBytes' | 'workers'>;

/** Writes a checkpoint into an open file, piece by piece: vectors go there from where they are. */
export class CheckpointWriter {
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #buffered = 0;

  constructor(
    private readonly file: number,
    private readonly disk: Disk,
  ) {}

  /** The header, and what is not the workers'. */
  own(state: OwnState, about: About): void {
    const { round, seconds, started, configuration, ...states } = state;
    const parts = Object.entries(states).flatMap(([name, part]) => (part === undefined ? [] : [{ name, part }]));
    const names = parts.map(({ name }) => name);
    const header: Header = { round, seconds, started, configuration, ...about, parts: names };
    const text = Buffer.from(JSON.stringify(header));
    const fixed = Buffer.alloc(FIXED_BYTES);
    MAGIC.copy(fixed);
    fixed.writeUInt32LE(FORMAT_VERSION, MAGIC.length);
    fixed.writeUInt32LE(text.length, MAGIC.length + 4);
    this.#write(fixed);
    this.#write(text);
    for (const { part } of parts) {
      const encoded = encodeState(part);
      this.#length(encoded.length);
      for (const piece of encoded.pieces()) this.#write(piece);
    }
  }

  /** The next worker's state, packed. */
  worker(state: Uint8Array): void {
    this.#length(state.length);
    this.#write(state);
  }

  /** Nothing comes after. The file lasts when this returns. */
  end(): void {
    this.#flush();
    this.#all(this.#hash.digest());
    this.disk.fsyncSync(this.file);
  }

  #length(bytes: number): void {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeBigUInt64LE(BigInt(bytes));
    this.#write(length);
  }

  #write(bytes: Uint8Array): void {
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length > BUFFER_BYTES) {
      this.#hash.update(bytes);
      this.#all(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#buffered = 0;
    this.#hash.update(bytes);
    this.#all(bytes);
  }

  /** A single write may take fewer, when the disk is nearly full, or 2 GiB at most. */
  #all(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += this.disk.writeSync(this.file, bytes, at);
  }
}
