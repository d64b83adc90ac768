import type { Runtime } from '@flotilla/core';
import { SLICE_MS } from '@flotilla/core/internal';

// Shared memory of a run, as 32-bit words and then bytes:
//
//   fixed words | a bell, its owner's waiting time and whether it wants a parcel, per thread | a ring per worker and direction | broadcast slots | frame slots
//
// A ring is a single-producer, single-consumer queue of two slots: `sent` and `taken` count messages, message k lies in
// slot k mod 2. The producer writes the slot, then stores `sent`; the consumer loads `sent`, then reads the slot (Atomics
// are sequentially consistent, so the plain writes before the store are seen after the load). A bell is a counter that is
// incremented and notified when its owner has something to look at; an owner waits on the value it saw before it looked,
// so that no bell is missed. The server says in `awaited` whose uplink it waits for, as long as it does, and only that worker's
// thread rings, after its commit or at the latest before it sleeps: the server stores `awaited` before it looks, the thread stores `sent` before it
// loads `awaited`, so one of them sees the other.
//
// Each worker's line also names the thread that hosts it. The server alone writes that, while nothing is on its way to or from
// the worker, and counts in `moves` how often it has: a thread that sees another count looks anew whom it hosts.
//
// The server waits for 50 ms at most: what a ring has no room for it keeps. A host waits for room until there is some or the
// server has closed: how long an answer may take, the server knows.

export const WORD = { serverBell: 0, closed: 1, broadcastPending: 2, awaited: 4, moves: 5 } as const;
/** In `awaited`: whoever commits rings; nobody does, for the server is busy. */
export const ANYBODY = -1;
export const NOBODY = -2;
/** A cache line of words, so that neighbours do not share one. */
const LINE = 16;
/** Word offsets within a ring. `length` and `place` have one word a slot; `host` is that of the ring down. */
export const RING = { sent: 0, taken: 1, length: 2, place: 4, host: 6, words: 8 } as const;
export const SLOTS = 2;
/**
 * Where a message lies: in its own slot, on the port, in that broadcast slot (from `broadcast` on), or in a parcel of its sender: from
 * `parcel` on two numbers for each, for a message to one worker and for one to all.
 */
export const PLACE = { slot: 0, port: 1, broadcast: 2, parcel: 4 } as const;

/** The number of the parcel. */
export function parcelAt(place: number): number {
  return (place - PLACE.parcel) >> 1;
}

/** Whether what lies in a parcel goes to all. */
export function isToAll(place: number): boolean {
  return ((place - PLACE.parcel) & 1) === 1;
}

/** The shared memory seen through names. */
export class Layout {
  readonly words: Int32Array;
  readonly #bytes: Uint8Array;
  /** By slot, the view last made of it: most frames of a ring are as long as the one before. */
  readonly #views: (Uint8Array | undefined)[];
  readonly #broadcastViews: (Uint8Array | undefined)[] = new Array(SLOTS);
  readonly #broadcastSlots: number;
  readonly #slots: number;

  constructor(
    readonly shared: SharedArrayBuffer,
    readonly workers: number,
    threads: number,
    /** Of a worker's slot, and of a broadcast slot: multiples of a cache line. */
    readonly slotBytes: number,
    readonly broadcastBytes: number,
    /** Measures the waits of the end that looks through this. */
    readonly runtime: Runtime,
  ) {
    this.words = new Int32Array(shared, 0, Layout.words(workers, threads));
    this.#bytes = new Uint8Array(shared);
    this.#broadcastSlots = this.words.byteLength;
    this.#slots = this.#broadcastSlots + SLOTS * broadcastBytes;
    // as long as it will be: an array that begins somewhere in the middle becomes a slow one
    this.#views = new Array(2 * SLOTS * workers);
    this.rings = LINE * (1 + threads);
  }

  /** Word where the rings begin. */
  readonly rings: number;

  static words(workers: number, threads: number): number {
    return LINE * (1 + threads + workers);
  }

  static bytes(workers: number, threads: number, slotBytes: number, broadcastBytes: number): number {
    return 4 * Layout.words(workers, threads) + SLOTS * (broadcastBytes + 2 * workers * slotBytes);
  }

  bell(thread: number): number {
    return LINE * (1 + thread);
  }

  /** Word of the time that a thread has waited, in microseconds. */
  waited(thread: number): number {
    return this.bell(thread) + 1;
  }

  /** Word that is 1 while the thread of that bell waits for a parcel of its own to be read. */
  wanting(bell: number): number {
    return bell + 2;
  }

  /** Word of a ring; direction 0 is down, 1 is up. */
  ring(worker: number, direction: 0 | 1): number {
    return this.rings + worker * LINE + direction * RING.words;
  }

  /** The thread that hosts a worker. */
  hostOf(worker: number): number {
    return Atomics.load(this.words, this.ring(worker, 0) + RING.host);
  }

  broadcastSlot(slot: number, length: number): Uint8Array {
    return this.#view(this.#broadcastViews, slot, this.#broadcastSlots + slot * this.broadcastBytes, length);
  }

  slot(worker: number, direction: 0 | 1, slot: number, length: number): Uint8Array {
    const index = SLOTS * (2 * worker + direction) + slot;
    return this.#view(this.#views, index, this.#slots + index * this.slotBytes, length);
  }

  #view(views: (Uint8Array | undefined)[], index: number, at: number, length: number): Uint8Array {
    const last = views[index];
    if (last?.length === length) return last;
    const view = this.#bytes.subarray(at, at + length);
    views[index] = view;
    return view;
  }

  get(word: number): number {
    return Atomics.load(this.words, word);
  }

  ringBell(word: number): void {
    Atomics.add(this.words, word, 1);
    Atomics.notify(this.words, word);
  }
}

/**
 * Waits on `bell` until `done`, as long as that takes. Wakes whoever can bring that about before it sleeps, and looks again
 * every 50 ms.
 */
export function waitFor(layout: Layout, bell: number, done: () => boolean, wake: () => void): void {
  for (;;) {
    const seen = layout.get(bell);
    if (done()) return;
    wake();
    Atomics.wait(layout.words, bell, seen, SLICE_MS);
  }
}

/** How often a bell is looked at before the clock is. */
const LOOKS = 100;
/** How long a wait looks at its bell before it sleeps, where the waits before have been longer than it may look. */
const SHORT_WATCH_MS = 0.03;

/**
 * The waits of a thread on its own bell. A sleep and a wake-up take some 50 µs, so a thread that has a core to itself first
 * looks for as long as it may, if its last wait was no longer than that.
 */
export class Waits {
  #last = 0;

  constructor(
    private readonly layout: Layout,
    private readonly bell: number,
    /** Milliseconds that a wait may look at its bell; 0 where others need the core. */
    private readonly watchMs: number,
  ) {}

  /** Waits up to `timeoutMs` while the bell is as it was `seen`. Milliseconds waited. */
  wait(seen: number, timeoutMs: number): number {
    const { layout, bell, watchMs } = this;
    const { runtime, words } = layout;
    const from = runtime.now();
    const watch = Math.min(timeoutMs, this.#last <= watchMs ? watchMs : Math.min(watchMs, SHORT_WATCH_MS));
    if (watch <= 0 || !this.#watched(seen, from + watch)) Atomics.wait(words, bell, seen, timeoutMs);
    this.#last = runtime.now() - from;
    return this.#last;
  }

  /** Looks at the bell until then. Whether it has rung. */
  #watched(seen: number, until: number): boolean {
    const { layout, bell } = this;
    do {
      for (let k = 0; k < LOOKS; k++) if (layout.get(bell) !== seen) return true;
    } while (layout.runtime.now() < until);
    return false;
  }
}
