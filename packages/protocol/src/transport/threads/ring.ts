import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { FlotillaError } from '@flotilla/core';
import { isToAll, type Layout, PLACE, parcelAt, RING, SLOTS, WORD, waitFor } from './layout.js';
import { Parcel, ParcelBlock, type Parcels } from './parcels.js';

/** What travels on a thread's port: control messages, the memory of parcels, a block of them once, and frames too large even for these. */
type PortMessage =
  | { readonly control: Uint8Array }
  | { readonly block: number; readonly memory: SharedArrayBuffer; readonly count: number }
  | { readonly worker: number; readonly frame: Uint8Array };

/** One end of the way beside the shared memory, between two threads or two ends on one. */
export interface Post {
  send(message: PortMessage, transfer?: readonly ArrayBuffer[]): void;
  receive(): PortMessage | undefined;
  close(): void;
  /** Blocks of parcels that the other end has. */
  readonly sent: Set<number>;
}

export function postOf(port: MessagePort): Post {
  return {
    send: (message, transfer = []) => port.postMessage(message, transfer),
    receive: () => receiveMessageOnPort(port)?.message as PortMessage | undefined,
    close: () => port.close(),
    sent: new Set(),
  };
}

/** Both ends on one thread. */
export function postHere(): readonly [Post, Post] {
  const ways: readonly [PortMessage[], PortMessage[]] = [[], []];
  const end = (out: PortMessage[], into: PortMessage[]): Post => ({
    send: (message) => out.push(message),
    receive: () => into.shift(),
    close: () => undefined,
    sent: new Set(),
  });
  return [end(ways[0], ways[1]), end(ways[1], ways[0])];
}

/** Frames that came beside the shared memory, kept until their worker's turn. */
export class PortInbox {
  readonly #frames = new Map<number, Uint8Array[]>();
  /** Those of the sender's that have come here: others may have gone to other threads alone. */
  readonly #blocks: (ParcelBlock | undefined)[] = [];
  /** Parcels of a block, of all of them alike. */
  #perBlock = 1;
  readonly #parcels: (Parcel | undefined)[] = [];
  readonly control: Uint8Array[] = [];

  constructor(private readonly post: Post) {}

  collect(): void {
    for (let message = this.post.receive(); message !== undefined; message = this.post.receive()) {
      if ('control' in message) {
        this.control.push(message.control);
        continue;
      }
      if ('block' in message) {
        const { block, memory, count } = message;
        this.#blocks[block] = new ParcelBlock(block, memory, count);
        this.#perBlock = count;
        continue;
      }
      const queue = this.#frames.get(message.worker);
      if (queue === undefined) this.#frames.set(message.worker, [message.frame]);
      else queue.push(message.frame);
    }
  }

  /** The oldest frame of `worker`, which its ring says has been sent. */
  take(worker: number): Uint8Array {
    this.collect();
    const frame = this.#frames.get(worker)?.shift();
    if (frame === undefined) throw new FlotillaError('internal', `a transferred frame of worker ${worker} is missing`);
    return frame;
  }

  /** The parcel that a ring says has been sent. */
  parcel(id: number): Parcel {
    const known = this.#parcels[id];
    if (known !== undefined) return known;
    this.collect();
    const block = this.#blocks[Math.floor(id / this.#perBlock)];
    if (block === undefined) throw new FlotillaError('internal', `parcel ${id} is missing`);
    const parcel = block.parcel(id);
    this.#parcels[id] = parcel;
    return parcel;
  }
}

/** The sending half of one ring. */
export class Producer {
  /** What is claimed, where it is no slot. */
  #room: Uint8Array | Parcel | undefined;
  #claimed = 0;
  /** Words of the ring, and how many messages have been sent: nobody else sends. */
  readonly #ring: number;
  #sent: number;

  constructor(
    private readonly layout: Layout,
    private readonly worker: number,
    private readonly direction: 0 | 1,
    private readonly post: Post,
    /** Those of the sending end. */
    private readonly parcels: Parcels,
    /** Word on which the consumer's progress is announced. */
    private readonly ownBell: number,
    /** Word on which the consumer waits. */
    private readonly otherBell: number,
    /** Whether it waits for memory to be used again. */
    private readonly waits = false,
  ) {
    this.#ring = layout.ring(worker, direction);
    this.#sent = layout.get(this.#ring + RING.sent);
  }

  claim(bytes: number): Uint8Array {
    const slot = this.#waitForRoom();
    // what was claimed and not sent
    if (this.#room instanceof Parcel) this.#room.release();
    this.#room = undefined;
    this.#claimed = bytes;
    if (bytes <= this.layout.slotBytes) return this.layout.slot(this.worker, this.direction, slot, bytes);
    if (this.parcels.fits(bytes)) {
      this.#room = this.#waitForParcel();
      return this.#room.frame(bytes);
    }
    this.#room = new Uint8Array(bytes);
    return this.#room;
  }

  commit(length: number): void {
    checkCommit(length, this.#claimed);
    this.#claimed = 0;
    const room = this.#room;
    this.#room = undefined;
    if (room === undefined) this.announce(length, PLACE.slot);
    else if (room instanceof Parcel) this.send(room, length, false);
    else this.#give(room.length === length ? room : room.slice(0, length));
  }

  /** Sends a frame that no slot has room for, and that nobody else has: it is not copied, and gone here afterwards. */
  give(frame: Uint8Array): void {
    this.#waitForRoom();
    this.#give(frame);
  }

  #give(frame: Uint8Array): void {
    this.post.send({ worker: this.worker, frame }, [frame.buffer as ArrayBuffer]);
    this.announce(frame.length, PLACE.port);
  }

  /** Sends the first `length` bytes of a parcel, which counts its readers; there must be room. */
  send(parcel: Parcel, length: number, toAll: boolean): void {
    const { sent } = this.post;
    const { number, memory, count } = parcel.block;
    if (!sent.has(number)) {
      sent.add(number);
      this.post.send({ block: number, memory, count });
    }
    this.announce(length, PLACE.parcel + 2 * parcel.id + (toAll ? 1 : 0));
  }

  /** Counts a message that lies at `place`; there must be room for it. */
  announce(length: number, place: number): void {
    const { words } = this.layout;
    const ring = this.#ring;
    const slot = this.#sent & (SLOTS - 1);
    words[ring + RING.length + slot] = length;
    words[ring + RING.place + slot] = place;
    this.#sent = (this.#sent + 1) | 0;
    Atomics.store(words, ring + RING.sent, this.#sent);
  }

  /** Whether the next message can be claimed without waiting. */
  get hasRoom(): boolean {
    return ((this.#sent - this.layout.get(this.#ring + RING.taken)) | 0) < SLOTS;
  }

  /** The slot of the next message, once its last message has been taken. Not waited for after a close: nobody reads it. */
  #waitForRoom(): number {
    const { layout } = this;
    if (!this.hasRoom) {
      waitFor(
        layout,
        this.ownBell,
        () => this.hasRoom || layout.get(WORD.closed) === 1,
        () => layout.ringBell(this.otherBell),
      );
    }
    return this.#sent & (SLOTS - 1);
  }

  /** A parcel that is free, after some waiting, or another one: who is to read the others may wait for this sender. */
  #waitForParcel(): Parcel {
    const { layout, parcels } = this;
    let parcel = parcels.take();
    if (parcel !== undefined || !this.waits) return parcel ?? parcels.make();
    const until = layout.runtime.now() + parcels.patienceMs;
    const wanting = layout.wanting(this.ownBell);
    Atomics.store(layout.words, wanting, 1);
    waitFor(
      layout,
      this.ownBell,
      () => {
        parcel = parcels.take(Number.POSITIVE_INFINITY);
        return parcel !== undefined || layout.runtime.now() >= until || layout.get(WORD.closed) === 1;
      },
      () => layout.ringBell(this.otherBell),
    );
    Atomics.store(layout.words, wanting, 0);
    return parcel ?? parcels.make();
  }
}

export function checkCommit(length: number, claimed: number): void {
  if (length > claimed) {
    throw new FlotillaError('internal', `a frame of ${length} bytes was committed where ${claimed} were claimed`);
  }
}

/** The receiving half of one ring. */
export class Consumer {
  #current: Uint8Array | undefined;
  /** Words of the ring, and how many messages have been taken: nobody else takes. */
  readonly #ring: number;
  #taken: number;

  constructor(
    private readonly layout: Layout,
    private readonly worker: number,
    private readonly direction: 0 | 1,
    private readonly inbox: PortInbox,
    /**
     * Word on which the producer waits when the ring, or a broadcast slot, is full; undefined for one on this thread, which
     * never does.
     */
    private readonly otherBell: number | undefined,
  ) {
    this.#ring = layout.ring(worker, direction);
    this.#taken = layout.get(this.#ring + RING.taken);
  }

  /** The oldest message, or undefined. It stays until {@link Consumer.release}. */
  take(): Uint8Array | undefined {
    if (this.#current !== undefined) return this.#current;
    const { layout } = this;
    const ring = this.#ring;
    const taken = this.#taken;
    if (layout.get(ring + RING.sent) === taken) return undefined;
    const slot = taken & (SLOTS - 1);
    const length = layout.words[ring + RING.length + slot] as number;
    const place = layout.words[ring + RING.place + slot] as number;
    if (place === PLACE.port) this.#current = this.inbox.take(this.worker);
    else if (place === PLACE.slot) this.#current = layout.slot(this.worker, this.direction, slot, length);
    else if (place >= PLACE.parcel) {
      const parcel = this.inbox.parcel(parcelAt(place));
      this.#current = isToAll(place) ? parcel.frame(length) : parcel.own(length);
    } else this.#current = layout.broadcastSlot(place - PLACE.broadcast, length);
    return this.#current;
  }

  /** Whether the producer may have waited for that. */
  release(): boolean {
    const { layout } = this;
    const ring = this.#ring;
    if (this.take() === undefined) throw new FlotillaError('internal', `no frame of worker ${this.worker} to release`);
    this.#current = undefined;
    const taken = this.#taken;
    this.#taken = (taken + 1) | 0;
    const place = layout.words[ring + RING.place + (taken & (SLOTS - 1))] as number;
    // first the progress, then the look at who may wait for it: a producer that fills the ring in between sees the progress
    Atomics.store(layout.words, ring + RING.taken, this.#taken);
    let wanted = ((layout.get(ring + RING.sent) - taken) | 0) >= SLOTS;
    if (place >= PLACE.parcel) wanted = (this.inbox.parcel(parcelAt(place)).release() && this.#isWanted) || wanted;
    else if (place >= PLACE.broadcast) {
      const pending = WORD.broadcastPending + place - PLACE.broadcast;
      wanted = Atomics.sub(layout.words, pending, 1) === 1 || wanted;
    }
    if (wanted && this.otherBell !== undefined) layout.ringBell(this.otherBell);
    return wanted;
  }

  /** Whether the producer waits for a parcel. The server never does. */
  get #isWanted(): boolean {
    const { direction, otherBell, layout } = this;
    return direction === 1 && otherBell !== undefined && layout.get(layout.wanting(otherBell)) === 1;
  }
}
