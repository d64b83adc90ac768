import type { Parcel } from './parcels.js';
import { checkCommit, type Producer } from './ring.js';

/** A frame that waits. */
type Kept = Uint8Array | { readonly parcel: Parcel; readonly length: number };

/**
 * The server's sending half of one ring. It never waits: what the ring has no room for is kept here, in order, until the worker
 * has made some. A worker for whom something is kept is behind.
 */
export class Outbox {
  readonly #kept: Kept[] = [];
  #keptBytes = 0;
  /** What is claimed, when it is to be kept. */
  #room: Uint8Array | undefined;

  constructor(
    private readonly producer: Producer,
    /** Word of the bell that its worker's thread waits on. */
    readonly bell: number,
  ) {}

  get isBehind(): boolean {
    return this.#kept.length > 0;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Whether the next frame goes into the ring. */
  get hasRoom(): boolean {
    return !this.isBehind && this.producer.hasRoom;
  }

  claim(bytes: number): Uint8Array {
    this.#room = this.hasRoom ? undefined : new Uint8Array(bytes);
    return this.#room ?? this.producer.claim(bytes);
  }

  commit(length: number): void {
    const room = this.#room;
    if (room === undefined) {
      this.producer.commit(length);
      return;
    }
    checkCommit(length, room.length);
    this.#room = undefined;
    this.keep(room.subarray(0, length));
  }

  /** As {@link Producer.give}; what there is no room for is kept. */
  give(frame: Uint8Array): void {
    if (this.hasRoom) this.producer.give(frame);
    else this.keep(frame);
  }

  /** Counts a message that lies at `place`; there must be room for it. */
  announce(length: number, place: number): void {
    this.producer.announce(length, place);
  }

  /** Puts a frame behind those that wait. It may be kept for several workers at once: nobody writes to it. */
  keep(frame: Kept): void {
    this.#kept.push(frame);
    this.#keptBytes += frame.length;
  }

  /** Sends the first `length` bytes of a parcel that goes to all, or keeps them: it counts its readers. */
  send(parcel: Parcel, length: number): void {
    if (this.hasRoom) this.producer.send(parcel, length, true);
    else this.keep({ parcel, length });
  }

  /** Sends what there is room for. Whether that was anything. */
  catchUp(): boolean {
    const before = this.#kept.length;
    while (this.isBehind && this.producer.hasRoom) {
      const frame = this.#kept.shift() as Kept;
      this.#keptBytes -= frame.length;
      if ('parcel' in frame) {
        this.producer.send(frame.parcel, frame.length, true);
        continue;
      }
      this.producer.claim(frame.length).set(frame);
      this.producer.commit(frame.length);
    }
    return this.#kept.length < before;
  }
}
