import type { Runtime } from '@flotilla/core';
import type { ThreadAttachment } from './attachment.js';
import { Layout, PLACE, RING, SLOTS, WORD } from './layout.js';
import { Outbox } from './outbox.js';
import { Parcels } from './parcels.js';
import { Consumer, PortInbox, type Post, Producer, postOf } from './ring.js';

/** A frame for one worker, or for all of them: then it is seen once for each. */
export interface Passing {
  readonly frame: Uint8Array;
  /** The slot of a frame that goes to all workers; undefined for one that is the worker's alone. */
  readonly broadcast: number | undefined;
}

/**
 * The end of the mailboxes of a thread that computes nothing and hands everything on: it hosts all workers, and waits
 * without blocking its event loop.
 */
export class BridgeEnd {
  readonly #layout: Layout;
  readonly #inbox: PortInbox;
  readonly #consumers: Consumer[] = [];
  readonly #outboxes: Outbox[] = [];
  readonly #behind = new Set<Outbox>();
  readonly #post: Post;
  readonly #bell: number;
  /** Workers whose frames have been handed over since it was last seen whether the server waits for one. */
  readonly #fresh = new Set<number>();
  #seen = 0;

  constructor(
    { shared, workers, threads, thread, slotBytes, broadcastBytes, parcelBytes, port }: ThreadAttachment,
    runtime: Runtime,
  ) {
    this.#layout = new Layout(shared, workers, threads, slotBytes, broadcastBytes, runtime);
    this.#post = postOf(port);
    this.#inbox = new PortInbox(this.#post);
    this.#bell = this.#layout.bell(thread);
    const parcels = new Parcels(parcelBytes);
    for (let worker = 0; worker < workers; worker++) {
      this.#consumers.push(new Consumer(this.#layout, worker, 0, this.#inbox, WORD.serverBell));
      const producer = new Producer(this.#layout, worker, 1, this.#post, parcels, this.#bell, WORD.serverBell);
      this.#outboxes.push(new Outbox(producer, WORD.serverBell));
    }
  }

  /** Resolves when there may be something new. False when the server has closed. Without a timer, which would cost as much as a wait. */
  async rung(): Promise<boolean> {
    const { words } = this.#layout;
    const wait = Atomics.waitAsync(words, this.#bell, this.#seen);
    if (wait.async) await wait.value;
    this.#seen = this.#layout.get(this.#bell);
    return this.#layout.get(WORD.closed) === 0;
  }

  takeControl(): Uint8Array | undefined {
    this.#inbox.collect();
    return this.#inbox.control.shift();
  }

  sendControl(message: Uint8Array): void {
    this.#post.send({ control: message });
    this.ring();
  }

  /** The oldest frame for a worker. It stays until {@link BridgeEnd.release}. */
  take(worker: number): Passing | undefined {
    const frame = this.#consumers[worker]?.take();
    if (frame === undefined) return undefined;
    const { words } = this.#layout;
    const ring = this.#layout.ring(worker, 0);
    const place = words[ring + RING.place + ((words[ring + RING.taken] as number) & (SLOTS - 1))] as number;
    return { frame, broadcast: place >= PLACE.broadcast && place < PLACE.parcel ? place - PLACE.broadcast : undefined };
  }

  release(worker: number): void {
    this.#consumers[worker]?.release();
  }

  /** Workers that have still to take what lies in a broadcast slot: all that it goes to, as long as nobody has. */
  readers(slot: number): number {
    return this.#layout.get(WORD.broadcastPending + slot);
  }

  /**
   * Hands a frame of a worker to the server, or keeps it until there is room. {@link BridgeEnd.wake} is to follow.
   * @param isOwn Nobody else has the frame or its buffer: a long one need not be copied
   */
  send(worker: number, frame: Uint8Array, isOwn: boolean): void {
    this.#fresh.add(worker);
    const outbox = this.#outboxes[worker] as Outbox;
    if (isOwn && frame.length > this.#layout.slotBytes) outbox.give(frame);
    else {
      outbox.claim(frame.length).set(frame);
      outbox.commit(frame.length);
    }
    if (outbox.isBehind) this.#behind.add(outbox);
  }

  /** Sends of what is kept what there is room for now. */
  catchUp(): void {
    for (const outbox of this.#behind) {
      if (outbox.catchUp()) this.ring();
      if (!outbox.isBehind) this.#behind.delete(outbox);
    }
  }

  /** Wakes the server if it waits for one of those whose frames have come: it says whom before it looks, as layout.ts has it. */
  wake(): void {
    const awaited = this.#layout.get(WORD.awaited);
    if (this.#fresh.has(awaited)) this.ring();
    this.#fresh.clear();
  }

  /** Wakes the server. */
  ring(): void {
    this.#layout.ringBell(WORD.serverBell);
  }
}
