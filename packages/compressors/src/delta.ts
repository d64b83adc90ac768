import type { Precision, Vector } from '@flotilla/core';
import { getU32, putU32, zeros } from '@flotilla/core/internal';
import type { MessageKey, ValueCodec, Wire } from './compressor.js';
import { ProtocolError } from './errors.js';
import { maxIndexBytes, readIndex, writeIndex } from './index-code.js';
import { plain } from './plain.js';

const COUNT_BYTES = 4;

/**
 * A dense vector as its difference from a delta base that the receivers hold: the number of coordinates that differ (u32),
 * their support, their values. Nothing is lost beyond the wire's own rounding. One object serves one direction of a link.
 */
export class DeltaCodec {
  /** Coordinates of the message that was last encoded or decoded. */
  coordinates = 0;
  readonly #index: Int32Array;
  readonly #values: Float64Array;
  readonly #plain: ValueCodec;
  readonly #room: Uint8Array;

  constructor(
    private readonly dimension: number,
    private readonly wire: Wire,
    precision: Precision = 'f64',
  ) {
    this.#index = new Int32Array(dimension);
    this.#values = zeros(dimension, precision) as Float64Array;
    this.#plain = plain(wire);
    this.#room = new Uint8Array(maxIndexBytes(dimension));
  }

  /**
   * Writes the coordinates of `x` that, as the wire carries them, are not those of `base`, to `out` from `at`, and returns
   * the number of bytes; 0, with nothing written, when that would be `limit` bytes or more.
   * @throws FlotillaError `compressor` for a value that cannot be carried
   */
  encode(x: Vector, base: Vector, limit: number, key: MessageKey, out: Uint8Array, at: number): number {
    const index = this.#index;
    const values = this.#values;
    let count = 0;
    for (let j = 0; j < x.length; j++) {
      // −0 is not 0 here: the receiver's vector must be the sender's bit for bit
      if (Object.is(this.wire === 'f32' ? Math.fround(x[j]) : x[j], base[j])) continue;
      index[count] = j;
      values[count++] = x[j];
    }
    const valueBytes = this.#plain.maxBytes(count);
    if (COUNT_BYTES + 1 + valueBytes >= limit) return 0;
    const indexBytes = writeIndex(index, count, this.dimension, this.#room, 0);
    const bytes = COUNT_BYTES + indexBytes + valueBytes;
    if (bytes >= limit) return 0;
    putU32(out, at, count);
    out.set(this.#room.subarray(0, indexBytes), at + COUNT_BYTES);
    this.#plain.write(values, count, key, out, at + COUNT_BYTES + indexBytes);
    this.coordinates = count;
    return bytes;
  }

  /** Reads the payload `bytes[at … end)`. @throws ProtocolError */
  decode(bytes: Uint8Array, at: number, end: number): void {
    if (end - at < COUNT_BYTES) throw new ProtocolError(`changes of ${end - at} bytes have no count`);
    const count = getU32(bytes, at);
    if (count > this.dimension) throw new ProtocolError(`${count} changes of ${this.dimension} coordinates`);
    let from = at + COUNT_BYTES;
    from += readIndex(bytes, from, end, count, this.dimension, this.#index);
    this.#plain.read(bytes, from, end, count, this.#values);
    this.coordinates = count;
  }

  /** target ← the vector, for a target that holds the delta base. */
  copyTo(target: Vector): void {
    for (let k = 0; k < this.coordinates; k++) target[this.#index[k]] = this.#values[k];
  }
}
