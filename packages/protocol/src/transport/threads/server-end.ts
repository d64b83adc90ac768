// Long: one class, the server's end of the mailboxes, with what opens it.
import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { FlotillaError, type Runtime } from '@flotilla/core';
import { SLICE_MS } from '@flotilla/core/internal';
import type { HostEnd, ServerEnd } from '../transport.js';
import { hostOf, type ThreadAttachment } from './attachment.js';
import { openOwnEnd } from './host-end.js';
import { ANYBODY, Layout, NOBODY, PLACE, RING, SLOTS, Waits, WORD } from './layout.js';
import { Outbox } from './outbox.js';
import { Parcel, Parcels } from './parcels.js';
import { Consumer, checkCommit, PortInbox, type Post, Producer, postHere, postOf } from './ring.js';

/** Frames above this, or above an equal share of MAX_SHARED_BYTES, lie in parcels. */
const MAX_SLOT_BYTES = 1 << 20;
const MAX_SHARED_BYTES = 256 << 20;
/** Slots are multiples of a cache line: what one worker's thread writes is in no line of another's. */
const LINE_BYTES = 64;
/** What a worker's state may have beside its vectors, which as a rule are no longer than an evaluation. Longer frames are transferred. */
const STATE_BYTES = 4096;
/** How long whoever has a core to itself may look for something new before it sleeps: about a short round. */
const WATCH_MS = 0.2;
/** The same of threads that have a core each, while the server has none. */
const SHORT_WATCH_MS = 0.03;

/** Where the time of a server that hosts workers itself goes, in milliseconds so far. */
export interface OwnTimes {
  /** In what its own workers do. */
  readonly working: number;
  /** In waits for others. */
  readonly waiting: number;
}

/** A server's end whose workers can move from thread to thread. */
export interface MovableServerEnd extends ServerEnd {
  /**
   * Has each worker hosted by the thread of this number from now on. There must be nothing on its way to or from those that
   * move. Both threads see it at their next control message.
   */
  place(hosts: Iterable<number>): void;
  /** The thread that hosts a worker. */
  hostOf(worker: number): number;
  readonly times: OwnTimes;
}

/** The server's end and, for each of `threads` threads, what it needs to open its own. */
export interface ThreadTransport {
  readonly server: MovableServerEnd;
  readonly attachments: readonly ThreadAttachment[];
  /** The memory of the mailboxes. */
  readonly shared: SharedArrayBuffer;
  /** Resolves when there may be something new of a worker, or the end has been closed; with `anybody`. */
  rung(): Promise<void>;
}

/** What handles everything that has arrived at a host, or stops between two frames, at that time or when there is enough; then it returns false. */
export type Serve = (until: number, enough?: () => boolean) => boolean;

/**
 * Mailboxes in shared memory between the calling thread and `threads` others, each with an equal share of the workers (`hostOf`).
 * @param options `maxFrameBytes` is the largest frame that is sent in a round, and `shortFrameBytes` that of most rounds, which slots
 *   have room for; what is longer than a slot lies in a parcel. `anybody`:
 *   the server's thread does not wait for one worker after the other, but takes what is there, and is rung by all. `own`: the first of the
 *   threads is the calling one, which has no attachment then; makes its host, which works while the server waits. `crowded`: others need
 *   the cores, so that nobody looks for something new before it sleeps.
 */
export function createThreadTransport(
  options: {
    workers: number;
    threads: number;
    maxFrameBytes: number;
    shortFrameBytes?: number;
    anybody?: boolean;
    own?: ((end: HostEnd) => Serve) | undefined;
    crowded?: boolean;
  },
  runtime: Runtime,
): ThreadTransport {
  const { workers, threads, own, crowded = false } = options;
  const share = Math.floor(MAX_SHARED_BYTES / (SLOTS * (1 + 2 * workers)));
  const { maxFrameBytes, shortFrameBytes = maxFrameBytes } = options;
  const slotFor = (bytes: number) => Math.ceil(Math.min(bytes, MAX_SLOT_BYTES, share) / LINE_BYTES) * LINE_BYTES;
  const broadcastBytes = slotFor(maxFrameBytes);
  const slotBytes = slotFor(shortFrameBytes);
  const bytes = Layout.bytes(workers, threads, slotBytes, broadcastBytes);
  const isLong = maxFrameBytes > MAX_SLOT_BYTES;
  const parcelBytes = maxFrameBytes + (isLong ? STATE_BYTES : 0);
  let shared: SharedArrayBuffer;
  try {
    shared = new SharedArrayBuffer(bytes);
  } catch (cause) {
    const what = `${Math.ceil(bytes / 2 ** 20)} MiB of shared memory for the mailboxes of ${workers} workers cannot be had`;
    throw new FlotillaError('limit', `${what}: raise the limit of memory (ulimit -v), or use fewer workers`, { cause });
  }
  const others = own === undefined ? threads : threads - 1;
  const channels = Array.from({ length: others }, () => new MessageChannel());
  const posts = channels.map((channel) => postOf(channel.port1));
  const layout = new Layout(shared, workers, threads, slotBytes, broadcastBytes, runtime);
  const hosts = Array.from({ length: workers }, (_, worker) => hostOf(worker, workers, threads, isLong));
  for (const [worker, host] of hosts.entries()) layout.words[layout.ring(worker, 0) + RING.host] = host;
  const cores = availableParallelism();
  const hasCore = others + 1 <= cores && !crowded;
  const watchMs = hasCore ? WATCH_MS : threads <= cores && !crowded ? SHORT_WATCH_MS : 0;
  let serve: Serve | undefined;
  if (own !== undefined) {
    const [here, host] = postHere();
    posts.unshift(here);
    serve = own(openOwnEnd(layout, 0, host, new Parcels(parcelBytes)));
  }
  const { anybody = false } = options;
  if (anybody) Atomics.store(layout.words, WORD.awaited, ANYBODY);
  let seen = 0;
  return {
    shared,
    server: new ThreadServerEnd(
      layout,
      threads,
      posts,
      new Parcels(parcelBytes),
      anybody,
      hasCore ? WATCH_MS : 0,
      serve,
    ),
    async rung() {
      const wait = Atomics.waitAsync(layout.words, WORD.serverBell, seen);
      if (wait.async) await wait.value;
      seen = layout.get(WORD.serverBell);
    },
    attachments: channels.map((channel, k) => ({
      shared,
      workers,
      threads,
      thread: threads - others + k,
      hosted: hosts.flatMap((host, worker) => (host === threads - others + k ? [worker] : [])),
      slotBytes,
      broadcastBytes,
      parcelBytes,
      watchMs,
      port: channel.port2,
    })),
  };
}

class ThreadServerEnd implements MovableServerEnd {
  readonly workers: number;
  readonly stats = { sentBytes: 0, receivedBytes: 0 };
  readonly times = { working: 0, waiting: 0 };
  readonly #outboxes: Outbox[] = [];
  /** Those of workers that are behind. */
  readonly #behind = new Set<Outbox>();
  readonly #consumers: Consumer[] = [];
  readonly #inbox: PortInbox[];
  /** What was claimed for a broadcast that does not lie in a broadcast slot. */
  #broadcastRoom: Uint8Array | Parcel | undefined;
  #broadcastClaimed = 0;
  #broadcasts = 0;
  readonly #waits: Waits;
  /** Words of the bells of other threads that host workers. */
  #bells: number[] = [];
  /** Whether there may be something to do for the workers on this thread. */
  #isDue = false;

  constructor(
    private readonly layout: Layout,
    readonly hosts: number,
    private readonly posts: readonly Post[],
    private readonly parcels: Parcels,
    private readonly anybody: boolean,
    watchMs: number,
    /** Serves the workers of thread 0, which is this one; undefined where it has none. */
    private readonly serve: Serve | undefined,
  ) {
    this.workers = layout.workers;
    this.#inbox = posts.map((post) => new PortInbox(post));
    this.#waits = new Waits(layout, WORD.serverBell, watchMs);
    for (let worker = 0; worker < layout.workers; worker++) this.#connect(worker);
    this.#findBells();
  }

  /** Finds which other threads have something to do in rounds. */
  #findBells(): void {
    const { layout, workers } = this;
    const threads = new Set(Array.from({ length: workers }, (_, worker) => layout.hostOf(worker)));
    if (this.serve !== undefined) threads.delete(0);
    this.#bells = [...threads].map((thread) => layout.bell(thread));
  }

  #connect(worker: number): void {
    const { layout, posts, parcels } = this;
    const thread = layout.hostOf(worker);
    const bell = layout.bell(thread);
    this.#outboxes[worker] = new Outbox(
      new Producer(layout, worker, 0, posts[thread] as Post, parcels, WORD.serverBell, bell),
      bell,
    );
    this.#consumers[worker] = new Consumer(layout, worker, 1, this.#inbox[thread] as PortInbox, bell);
  }

  place(hosts: Iterable<number>): void {
    const { layout } = this;
    let worker = 0;
    for (const host of hosts) {
      const moves = layout.hostOf(worker) !== host;
      if (moves) {
        Atomics.store(layout.words, layout.ring(worker, 0) + RING.host, host);
        this.#connect(worker);
      }
      worker++;
    }
    Atomics.add(layout.words, WORD.moves, 1);
    this.#findBells();
  }

  hostOf(worker: number): number {
    return this.layout.hostOf(worker);
  }

  claim(worker: number, bytes: number): Uint8Array {
    return this.#outbox(worker).claim(bytes);
  }

  commit(worker: number, length: number): void {
    this.stats.sentBytes += length;
    const outbox = this.#outbox(worker);
    outbox.commit(length);
    if (outbox.isBehind) this.#behind.add(outbox);
    this.#isDue = true;
  }

  claimBroadcast(bytes: number): Uint8Array {
    const { layout } = this;
    const isLarge = bytes > layout.broadcastBytes;
    const slot = this.#broadcasts & (SLOTS - 1);
    const isFree = () => layout.get(WORD.broadcastPending + slot) === 0;
    // those who are about to read are waited for a little; those who have been found behind are not
    const isReady = () =>
      this.#outboxes.every((outbox) => outbox.isBehind || outbox.hasRoom) &&
      (isLarge || this.#behind.size > 0 || isFree());
    if (!isReady()) {
      this.flush();
      this.#wait(SLICE_MS, () => isReady() || undefined);
    }
    this.#broadcastClaimed = bytes;
    if (this.#broadcastRoom instanceof Parcel) this.#broadcastRoom.release();
    // one copy for all, also where who is behind still keeps the slot
    if ((isLarge || (bytes > layout.slotBytes && !isFree())) && this.parcels.fits(bytes)) {
      this.#broadcastRoom = this.parcels.take() ?? this.parcels.make();
      return this.#broadcastRoom.frame(bytes);
    }
    this.#broadcastRoom = isLarge || !isFree() ? new Uint8Array(bytes) : undefined;
    return this.#broadcastRoom ?? layout.broadcastSlot(slot, bytes);
  }

  commitBroadcast(length: number): void {
    const { layout } = this;
    checkCommit(length, this.#broadcastClaimed);
    this.#broadcastClaimed = 0;
    this.#isDue = true;
    this.stats.sentBytes += length * this.workers;
    const slot = this.#broadcasts & (SLOTS - 1);
    const claimed = this.#broadcastRoom;
    this.#broadcastRoom = undefined;
    if (claimed instanceof Parcel) {
      this.#broadcastParcel(claimed, length);
      return;
    }
    const room = claimed?.subarray(0, length);
    let kept = room;
    for (const outbox of this.#outboxes) {
      if (outbox.hasRoom) continue;
      kept ??= layout.broadcastSlot(slot, length).slice();
      outbox.keep(kept);
      this.#behind.add(outbox);
    }
    if (room === undefined) {
      const readers = this.workers - this.#behind.size;
      if (readers > 0) this.#broadcasts++;
      Atomics.store(layout.words, WORD.broadcastPending + slot, readers);
    }
    for (const outbox of this.#outboxes) {
      if (outbox.isBehind) continue;
      if (room === undefined) outbox.announce(length, PLACE.broadcast + slot);
      else {
        outbox.claim(length).set(room);
        outbox.commit(length);
      }
    }
  }

  /** One copy for all; who is behind gets it later. */
  #broadcastParcel(parcel: Parcel, length: number): void {
    parcel.take(this.workers);
    for (const outbox of this.#outboxes) {
      outbox.send(parcel, length);
      if (outbox.isBehind) this.#behind.add(outbox);
    }
  }

  lagging(maxBytes: number, timeoutMs: number): number | undefined {
    if (this.#behind.size === 0) return undefined;
    let last = 0;
    const caughtUp = this.#wait(timeoutMs, () => {
      last = this.#outboxes.findIndex(({ keptBytes }) => keptBytes > maxBytes);
      return last < 0 || undefined;
    });
    return caughtUp === undefined ? last : undefined;
  }

  flush(): void {
    this.#catchUp();
    for (const bell of this.#bells) this.layout.ringBell(bell);
  }

  /** Sends of what is kept what there is room for now. */
  #catchUp(): void {
    for (const outbox of this.#behind) {
      if (outbox.catchUp()) {
        this.#isDue = true;
        this.layout.ringBell(outbox.bell);
      }
      if (!outbox.isBehind) this.#behind.delete(outbox);
    }
  }

  receive(worker: number, timeoutMs: number): Uint8Array | undefined {
    const consumer = this.#consumers[worker] as Consumer;
    const frame = consumer.take();
    if (frame !== undefined || (timeoutMs <= 0 && this.#behind.size === 0)) return frame;
    const { words, slotBytes } = this.layout;
    // a long answer is read before others are made, so that few of them take memory
    const isLong = () => (consumer.take()?.length ?? 0) > slotBytes;
    if (this.anybody || this.#bells.length === 0) return this.#wait(timeoutMs, () => consumer.take(), isLong);
    Atomics.store(words, WORD.awaited, worker);
    const found = this.#wait(timeoutMs, () => consumer.take(), isLong);
    Atomics.store(words, WORD.awaited, NOBODY);
    return found;
  }

  release(worker: number): void {
    const consumer = this.#consumers[worker] as Consumer;
    this.stats.receivedBytes += consumer.take()?.length ?? 0;
    // a host on this thread may have kept an answer for want of room
    if (consumer.release()) this.#isDue = true;
  }

  sendControl(host: number, message: Uint8Array): void {
    this.posts[host]?.send({ control: message });
    this.#isDue = true;
    this.layout.ringBell(this.layout.bell(host));
  }

  receiveControl(host: number, timeoutMs: number): Uint8Array | undefined {
    const inbox = this.#inbox[host] as PortInbox;
    return this.#wait(timeoutMs, () => {
      inbox.collect();
      return inbox.control.shift();
    });
  }

  pause(ms: number): void {
    const { runtime } = this.layout;
    const from = runtime.now();
    const now = this.#serveOwn(from, from + ms) ?? from;
    runtime.block(Math.max(0, from + ms - now));
  }

  close(): void {
    Atomics.store(this.layout.words, WORD.closed, 1);
    for (let thread = 0; thread < this.hosts; thread++) this.layout.ringBell(this.layout.bell(thread));
    this.layout.ringBell(WORD.serverBell);
    for (const post of this.posts) post.close();
  }

  waited(host: number): number {
    return this.layout.get(this.layout.waited(host)) >>> 0;
  }

  #outbox(worker: number): Outbox {
    return this.#outboxes[worker] as Outbox;
  }

  /** Serves the workers on this thread until then, where they have something to do: the time when they have done it. */
  #serveOwn(now: number, until: number, enough?: () => boolean): number | undefined {
    const { serve, layout, times } = this;
    if (serve === undefined || !this.#isDue) return undefined;
    this.#isDue = false;
    if (!serve(until, enough)) this.#isDue = true;
    const after = layout.runtime.now();
    times.working += after - now;
    return after;
  }

  /**
   * What `look` finds, looking again each time the server's bell rings, for at most `timeoutMs`; and, while its own workers have something
   * to do, when there is enough.
   */
  #wait<T>(timeoutMs: number, look: () => T | undefined, enough?: () => boolean): T | undefined {
    const { layout, times } = this;
    let now = layout.runtime.now();
    const until = now + timeoutMs;
    for (;;) {
      const seen = layout.get(WORD.serverBell);
      if (this.#behind.size > 0) this.#catchUp();
      const found = look();
      if (found !== undefined) return found;
      if (now >= until) return undefined;
      const served = this.#serveOwn(now, until, enough);
      if (served !== undefined) {
        now = served;
        continue;
      }
      const waited = this.#waits.wait(seen, until - now);
      times.waiting += waited;
      now += waited;
    }
  }
}
