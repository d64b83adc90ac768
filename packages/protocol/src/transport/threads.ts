import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { FlotillaError } from '@flotilla/core';
import type { HostEnd, ServerEnd } from './transport.js';

// Shared memory of a run, as 32-bit words and then bytes:
//
//   fixed words | a bell per thread | a ring per worker and direction | broadcast slots | frame slots
//
// A ring is a single-producer, single-consumer queue of two slots: `sent` and `taken` count messages, message k lies in
// slot k mod 2. The producer writes the slot, then stores `sent`; the consumer loads `sent`, then reads the slot (Atomics
// are sequentially consistent, so the plain writes before the store are seen after the load). A bell is a counter that is
// incremented and notified when its owner has something to look at; an owner waits on the value it saw before it looked,
// so that no ring is lost. The server says in `awaited` whose uplink it waits for, and only that worker's commit rings: the
// server stores `awaited` before it looks, the worker stores `sent` before it loads `awaited`, so one of them sees the
// other. Every wait has an end.

const WORD = { serverBell: 0, closed: 1, broadcastPending: 2, awaited: 4 } as const;
/** A cache line of words, so that neighbours do not share one. */
const LINE = 16;
/** Word offsets within a ring. `length` and `place` have one word a slot. */
const RING = { sent: 0, taken: 1, length: 2, place: 4, words: 8 } as const;
const SLOTS = 2;
/** Where a message lies: in its own slot, on the port, or (from `broadcast` on) in that broadcast slot. */
const PLACE = { slot: 0, port: 1, broadcast: 2 } as const;

/** Frames above this, or above an equal share of MAX_SHARED_BYTES, travel as transferred buffers. */
const MAX_SLOT_BYTES = 1 << 20;
const MAX_SHARED_BYTES = 256 << 20;
/** How long a producer waits for a full ring: its consumer has two unread frames and does not move. */
const FULL_RING_MS = 60_000;

/** What a thread needs to open its end. Can be posted; `port` must be in the transfer list. */
export interface ThreadAttachment {
  readonly shared: SharedArrayBuffer;
  readonly workers: number;
  readonly threads: number;
  readonly thread: number;
  readonly slotBytes: number;
  readonly port: MessagePort;
}

/** What travels on a thread's port: control messages, and frames too large for a slot. */
type PortMessage = { readonly control: Uint8Array } | { readonly worker: number; readonly frame: Uint8Array };

/** The workers of a thread: contiguous blocks whose sizes differ by at most one. */
function hosted(workers: number, threads: number, thread: number): number[] {
  const first = Math.floor((thread * workers) / threads);
  const end = Math.floor(((thread + 1) * workers) / threads);
  return Array.from({ length: end - first }, (_, k) => first + k);
}

/** The shared memory seen through names. */
class Layout {
  readonly words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #slots: number;

  constructor(
    readonly shared: SharedArrayBuffer,
    readonly workers: number,
    threads: number,
    readonly slotBytes: number,
  ) {
    this.words = new Int32Array(shared, 0, Layout.words(workers, threads));
    this.#bytes = new Uint8Array(shared);
    this.#slots = this.words.byteLength;
    this.rings = LINE * (1 + threads);
  }

  /** Word where the rings begin. */
  readonly rings: number;

  static words(workers: number, threads: number): number {
    return LINE * (1 + threads + workers);
  }

  static bytes(workers: number, threads: number, slotBytes: number): number {
    return 4 * Layout.words(workers, threads) + slotBytes * SLOTS * (1 + 2 * workers);
  }

  bell(thread: number): number {
    return LINE * (1 + thread);
  }

  /** Word of a ring; direction 0 is down, 1 is up. */
  ring(worker: number, direction: 0 | 1): number {
    return this.rings + worker * LINE + direction * RING.words;
  }

  broadcastSlot(slot: number, length: number): Uint8Array {
    return this.#view(slot, length);
  }

  slot(worker: number, direction: 0 | 1, slot: number, length: number): Uint8Array {
    return this.#view(SLOTS * (1 + 2 * worker + direction) + slot, length);
  }

  #view(index: number, length: number): Uint8Array {
    const at = this.#slots + index * this.slotBytes;
    return this.#bytes.subarray(at, at + length);
  }

  get(word: number): number {
    return Atomics.load(this.words, word);
  }

  ringBell(word: number): void {
    Atomics.add(this.words, word, 1);
    Atomics.notify(this.words, word);
  }
}

/** Frames that came by port, kept until their worker's turn. */
class Parcels {
  readonly #frames = new Map<number, Uint8Array[]>();
  readonly control: Uint8Array[] = [];

  constructor(private readonly port: MessagePort) {}

  collect(): void {
    for (let got = receiveMessageOnPort(this.port); got !== undefined; got = receiveMessageOnPort(this.port)) {
      const message = got.message as PortMessage;
      if ('control' in message) {
        this.control.push(message.control);
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
}

/** The sending half of one ring. */
class Producer {
  #parcel: Uint8Array | undefined;
  #claimed = 0;

  constructor(
    private readonly layout: Layout,
    private readonly worker: number,
    private readonly direction: 0 | 1,
    private readonly port: MessagePort,
    /** Word on which the consumer's progress is announced. */
    private readonly ownBell: number,
    /** Word on which the consumer waits. */
    private readonly otherBell: number,
  ) {}

  claim(bytes: number): Uint8Array {
    const slot = this.waitForRoom();
    this.#parcel = undefined;
    this.#claimed = bytes;
    if (bytes <= this.layout.slotBytes) return this.layout.slot(this.worker, this.direction, slot, bytes);
    this.#parcel = new Uint8Array(bytes);
    return this.#parcel;
  }

  commit(length: number): void {
    checkCommit(length, this.#claimed);
    this.#claimed = 0;
    const parcel = this.#parcel;
    if (parcel !== undefined) {
      const frame = parcel.length === length ? parcel : parcel.slice(0, length);
      this.port.postMessage({ worker: this.worker, frame } satisfies PortMessage, [frame.buffer as ArrayBuffer]);
      this.#parcel = undefined;
    }
    this.announce(length, parcel === undefined ? PLACE.slot : PLACE.port);
  }

  /** Counts a message that lies at `place`; there must be room for it. */
  announce(length: number, place: number): void {
    const { layout } = this;
    const ring = layout.ring(this.worker, this.direction);
    const sent = layout.get(ring + RING.sent);
    layout.words[ring + RING.length + (sent & (SLOTS - 1))] = length;
    layout.words[ring + RING.place + (sent & (SLOTS - 1))] = place;
    Atomics.store(layout.words, ring + RING.sent, (sent + 1) | 0);
  }

  /** The slot of the next message, once its last message has been taken. Not waited for after a close: nobody reads it. */
  waitForRoom(): number {
    const { layout } = this;
    const ring = layout.ring(this.worker, this.direction);
    const sent = layout.get(ring + RING.sent);
    waitFor(
      layout,
      this.ownBell,
      () => ((sent - layout.get(ring + RING.taken)) | 0) < SLOTS || layout.get(WORD.closed) === 1,
      () => layout.ringBell(this.otherBell),
      () => `worker ${this.worker} has ${SLOTS} unread frames`,
    );
    return sent & (SLOTS - 1);
  }
}

function checkCommit(length: number, claimed: number): void {
  if (length > claimed) {
    throw new FlotillaError('internal', `a frame of ${length} bytes was committed where ${claimed} were claimed`);
  }
}

/** The receiving half of one ring. */
class Consumer {
  #current: Uint8Array | undefined;

  constructor(
    private readonly layout: Layout,
    private readonly worker: number,
    private readonly direction: 0 | 1,
    private readonly parcels: Parcels,
    /** Word on which the producer waits when the ring, or a broadcast slot, is full. */
    private readonly otherBell: number,
  ) {}

  /** The oldest message, or undefined. It stays until {@link Consumer.release}. */
  take(): Uint8Array | undefined {
    if (this.#current !== undefined) return this.#current;
    const { layout } = this;
    const ring = layout.ring(this.worker, this.direction);
    const taken = layout.get(ring + RING.taken);
    if (layout.get(ring + RING.sent) === taken) return undefined;
    const slot = taken & (SLOTS - 1);
    const length = layout.words[ring + RING.length + slot] as number;
    const place = layout.words[ring + RING.place + slot] as number;
    if (place === PLACE.port) this.#current = this.parcels.take(this.worker);
    else if (place === PLACE.slot) this.#current = layout.slot(this.worker, this.direction, slot, length);
    else this.#current = layout.broadcastSlot(place - PLACE.broadcast, length);
    return this.#current;
  }

  release(): void {
    const { layout } = this;
    const ring = layout.ring(this.worker, this.direction);
    if (this.take() === undefined) throw new FlotillaError('internal', `no frame of worker ${this.worker} to release`);
    this.#current = undefined;
    const taken = layout.get(ring + RING.taken);
    const place = layout.words[ring + RING.place + (taken & (SLOTS - 1))] as number;
    // first the progress, then the look at who may wait for it: a producer that fills the ring in between sees the progress
    Atomics.store(layout.words, ring + RING.taken, (taken + 1) | 0);
    let wanted = ((layout.get(ring + RING.sent) - taken) | 0) >= SLOTS;
    if (place >= PLACE.broadcast) {
      const pending = WORD.broadcastPending + place - PLACE.broadcast;
      wanted = Atomics.sub(layout.words, pending, 1) === 1 || wanted;
    }
    if (wanted) layout.ringBell(this.otherBell);
  }
}

/**
 * Waits on `bell` until `done`. Wakes whoever can bring that about before it sleeps, and gives up after FULL_RING_MS with
 * an error that says what it waited for.
 */
function waitFor(layout: Layout, bell: number, done: () => boolean, wake: () => void, what: () => string): void {
  const until = performance.now() + FULL_RING_MS;
  for (;;) {
    const seen = layout.get(bell);
    if (done()) return;
    const left = until - performance.now();
    if (left <= 0) throw new FlotillaError('worker-lost', `${what()} for ${FULL_RING_MS / 1000} s`);
    wake();
    Atomics.wait(layout.words, bell, seen, left);
  }
}

/** The server's end and, for each of `threads` threads, what it needs to open its own. */
export interface ThreadTransport {
  readonly server: ServerEnd;
  readonly attachments: readonly ThreadAttachment[];
}

/**
 * Mailboxes in shared memory between the calling thread and `threads` others, each with an equal share of the workers.
 * @param maxFrameBytes The largest frame that will ever be sent; longer frames than a slot holds are transferred.
 */
export function createThreadTransport(options: {
  workers: number;
  threads: number;
  maxFrameBytes: number;
}): ThreadTransport {
  const { workers, threads } = options;
  const share = Math.floor(MAX_SHARED_BYTES / (SLOTS * (1 + 2 * workers)));
  const slotBytes = Math.ceil(Math.min(options.maxFrameBytes, MAX_SLOT_BYTES, share) / 8) * 8;
  const shared = new SharedArrayBuffer(Layout.bytes(workers, threads, slotBytes));
  const channels = Array.from({ length: threads }, () => new MessageChannel());
  const ports = channels.map((channel) => channel.port1);
  return {
    server: new ThreadServerEnd(new Layout(shared, workers, threads, slotBytes), threads, ports),
    attachments: channels.map((channel, thread) => ({
      shared,
      workers,
      threads,
      thread,
      slotBytes,
      port: channel.port2,
    })),
  };
}

class ThreadServerEnd implements ServerEnd {
  readonly workers: number;
  readonly stats = { sentBytes: 0, receivedBytes: 0 };
  readonly #producers: Producer[] = [];
  readonly #consumers: Consumer[] = [];
  readonly #parcels: Parcels[];
  #broadcastParcel: Uint8Array | undefined;
  #broadcastClaimed = 0;
  #broadcasts = 0;

  constructor(
    private readonly layout: Layout,
    readonly hosts: number,
    private readonly ports: readonly MessagePort[],
  ) {
    this.workers = layout.workers;
    this.#parcels = ports.map((port) => new Parcels(port));
    for (const [thread, port] of ports.entries()) {
      for (const worker of hosted(layout.workers, hosts, thread)) {
        this.#producers.push(new Producer(layout, worker, 0, port, WORD.serverBell, layout.bell(thread)));
        this.#consumers.push(new Consumer(layout, worker, 1, this.#parcels[thread] as Parcels, layout.bell(thread)));
      }
    }
  }

  claim(worker: number, bytes: number): Uint8Array {
    return this.#producer(worker).claim(bytes);
  }

  commit(worker: number, length: number): void {
    this.stats.sentBytes += length;
    this.#producer(worker).commit(length);
  }

  claimBroadcast(bytes: number): Uint8Array {
    const { layout } = this;
    this.#broadcastParcel = undefined;
    this.#broadcastClaimed = bytes;
    for (const producer of this.#producers) producer.waitForRoom();
    if (bytes > layout.slotBytes) {
      this.#broadcastParcel = new Uint8Array(bytes);
      return this.#broadcastParcel;
    }
    const slot = this.#broadcasts & (SLOTS - 1);
    const pending = WORD.broadcastPending + slot;
    waitFor(
      layout,
      WORD.serverBell,
      () => layout.get(pending) === 0,
      () => this.flush(),
      () => `${layout.get(pending)} workers have not read a broadcast`,
    );
    return layout.broadcastSlot(slot, bytes);
  }

  commitBroadcast(length: number): void {
    const { layout } = this;
    checkCommit(length, this.#broadcastClaimed);
    this.#broadcastClaimed = 0;
    this.stats.sentBytes += length * this.workers;
    const parcel = this.#broadcastParcel;
    if (parcel !== undefined) {
      this.#broadcastParcel = undefined;
      for (const producer of this.#producers) {
        producer.claim(length).set(parcel.subarray(0, length));
        producer.commit(length);
      }
      return;
    }
    const slot = this.#broadcasts++ & (SLOTS - 1);
    Atomics.store(layout.words, WORD.broadcastPending + slot, this.workers);
    for (const producer of this.#producers) producer.announce(length, PLACE.broadcast + slot);
  }

  flush(): void {
    for (let thread = 0; thread < this.hosts; thread++) this.layout.ringBell(this.layout.bell(thread));
  }

  receive(worker: number, timeoutMs: number): Uint8Array | undefined {
    const consumer = this.#consumers[worker] as Consumer;
    Atomics.store(this.layout.words, WORD.awaited, worker);
    return this.#wait(timeoutMs, () => consumer.take());
  }

  release(worker: number): void {
    const consumer = this.#consumers[worker] as Consumer;
    this.stats.receivedBytes += consumer.take()?.length ?? 0;
    consumer.release();
  }

  sendControl(host: number, message: Uint8Array): void {
    this.ports[host]?.postMessage({ control: message } satisfies PortMessage);
    this.layout.ringBell(this.layout.bell(host));
  }

  receiveControl(host: number, timeoutMs: number): Uint8Array | undefined {
    const parcels = this.#parcels[host] as Parcels;
    return this.#wait(timeoutMs, () => {
      parcels.collect();
      return parcels.control.shift();
    });
  }

  close(): void {
    Atomics.store(this.layout.words, WORD.closed, 1);
    this.flush();
    for (const port of this.ports) port.close();
  }

  #producer(worker: number): Producer {
    return this.#producers[worker] as Producer;
  }

  /** What `look` finds, looking again each time the server's bell rings, for at most `timeoutMs`. */
  #wait(timeoutMs: number, look: () => Uint8Array | undefined): Uint8Array | undefined {
    const { layout } = this;
    const until = performance.now() + timeoutMs;
    for (;;) {
      const seen = layout.get(WORD.serverBell);
      const found = look();
      if (found !== undefined) return found;
      const left = until - performance.now();
      if (left <= 0) return undefined;
      Atomics.wait(layout.words, WORD.serverBell, seen, left);
    }
  }
}

/** A thread's end of the mailboxes. Call it on the thread that will use it. */
export function openThreadEnd(attachment: ThreadAttachment): HostEnd {
  const { shared, workers, threads, thread, slotBytes, port } = attachment;
  const layout = new Layout(shared, workers, threads, slotBytes);
  const parcels = new Parcels(port);
  const indices = hosted(workers, threads, thread);
  const bell = layout.bell(thread);
  const first = indices[0] ?? 0;
  const consumers = indices.map((worker) => new Consumer(layout, worker, 0, parcels, WORD.serverBell));
  const producers = indices.map((worker) => new Producer(layout, worker, 1, port, bell, WORD.serverBell));
  let seen = 0;
  return {
    workers: indices,
    wait(timeoutMs) {
      Atomics.wait(layout.words, bell, seen, timeoutMs);
      seen = layout.get(bell);
      return layout.get(WORD.closed) === 0;
    },
    takeControl() {
      parcels.collect();
      return parcels.control.shift();
    },
    sendControl(message) {
      port.postMessage({ control: message } satisfies PortMessage);
      layout.ringBell(WORD.serverBell);
    },
    take: (worker) => consumers[worker - first]?.take(),
    release: (worker) => consumers[worker - first]?.release(),
    claim: (worker, bytes) => (producers[worker - first] as Producer).claim(bytes),
    commit(worker, length) {
      producers[worker - first]?.commit(length);
      if (layout.get(WORD.awaited) === worker) layout.ringBell(WORD.serverBell);
    },
  };
}
