import { instantiate, type WasmMemory } from '@flotilla/core/internal';
import { ProtocolError } from './errors.js';
import { TOKENS } from './tokens.js';

// An adaptive binary range coder [G. N. N. Martin 1979; carries as in LZMA] for messages of small whole numbers, each with
// a sign unless it is zero. Nothing is learnt beforehand and nothing is sent but the code: a message of a thousand values
// costs about 1 % above its own entropy. The coder itself is in assembly/adaptive-code.ts.

/** Bytes that one number can take at most: each of its decisions 15 bits, at its least probability, and 32 plain bits. */
const LONGEST = Math.ceil((15 * TOKENS + 32) / 8) + 8;
const PAGE = 65536;

interface Exports {
  readonly memory: WasmMemory;
  base(): number;
  write(numbers: number, count: number, out: number, limit: number): number;
  read(from: number, end: number, numbers: number, count: number, largest: number): number;
}

/** The coder and its memory. It keeps nothing between two messages, so that all codecs of a thread share one. */
class Coder {
  readonly exports = instantiate<Exports>(import.meta.resolve('@flotilla/compressors/adaptive-code.wasm'));
  readonly #base = this.exports.base();

  /** Room for `count` numbers and for `bytes` bytes behind them. */
  reserve(count: number, bytes: number): { numbers: Uint32Array; bytes: Uint8Array } {
    const { memory } = this.exports;
    const first = this.#base + 4 * count;
    const missing = Math.ceil((first + bytes) / PAGE) - memory.buffer.byteLength / PAGE;
    if (missing > 0) memory.grow(missing);
    return {
      numbers: new Uint32Array(memory.buffer, this.#base, count),
      bytes: new Uint8Array(memory.buffer, first, bytes),
    };
  }
}

let coder: Coder | undefined;

/**
 * Codes lists of signed whole numbers below 2³¹. A list's code is the shortest byte string that stands for its interval
 * alone: no code begins another one for as many numbers, so that a truncated or an extended code is always found out. A
 * list has one code only.
 */
export class AdaptiveCode {
  /**
   * Writes `count` numbers, each magnitude · 2 + (1 when negative), zero being 0, to `out` from `at` and returns the number
   * of bytes, or −1, with `out` as it was, when they would be more than `limit`.
   */
  write(numbers: Uint32Array, count: number, out: Uint8Array, at: number, limit: number): number {
    coder ??= new Coder();
    const room = coder.reserve(count, limit + LONGEST);
    room.numbers.set(numbers.length === count ? numbers : numbers.subarray(0, count));
    const { byteOffset } = room.bytes;
    const length = coder.exports.write(room.numbers.byteOffset, count, byteOffset, limit);
    if (length > 0) out.set(room.bytes.subarray(0, length), at);
    return length;
  }

  /**
   * Reads `count` numbers with magnitudes up to `largest` from `bytes[at … end)`, which must be all of it.
   * @throws ProtocolError
   */
  read(bytes: Uint8Array, at: number, end: number, numbers: Uint32Array, count: number, largest: number): void {
    coder ??= new Coder();
    const size = Math.max(0, end - at);
    const room = coder.reserve(count, size);
    room.bytes.set(bytes.subarray(at, at + size));
    const { byteOffset } = room.bytes;
    // what is wrong, by number, as in the assembly
    switch (coder.exports.read(byteOffset, byteOffset + size, room.numbers.byteOffset, count, largest)) {
      case 1:
        throw new ProtocolError(`a coded number is above ${largest}`);
      case 2:
        throw new ProtocolError('the payload ends within its code');
      case 3:
        throw new ProtocolError(`a code of ${size} bytes is not that of ${count} numbers`);
    }
    numbers.set(room.numbers);
  }
}
