/** Memory is had, and kept, in multiples of so many bytes. */
const STEP_BYTES = 4 << 10;
/** What is kept for others at most. */
const MAX_KEPT_BYTES = 16 << 20;

/** Memory for messages that are kept until they have arrived, used again then: the collector has nothing to do for it. */
export class Rooms {
  readonly #kept = new Map<number, Uint8Array[]>();
  #bytes = 0;

  /** Room of so many bytes, with whatever is in it. */
  take(bytes: number): Uint8Array {
    const size = STEP_BYTES * Math.ceil(bytes / STEP_BYTES);
    const room = this.#kept.get(size)?.pop();
    if (room === undefined) return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer, 0, bytes);
    this.#bytes -= size;
    return room.subarray(0, bytes);
  }

  /** What {@link Rooms.take} has given, and nobody looks at any more. */
  give(room: Uint8Array): void {
    const size = room.buffer.byteLength;
    if (this.#bytes + size > MAX_KEPT_BYTES) return;
    this.#bytes += size;
    const whole = new Uint8Array(room.buffer);
    const others = this.#kept.get(size);
    if (others === undefined) this.#kept.set(size, [whole]);
    else others.push(whole);
  }
}
