import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { FlotillaError, type Runtime } from '@flotilla/core';
import { SLICE_MS } from '@flotilla/core/internal';
import type { ServerEnd } from '../transport.js';
import { hosted, type ThreadAttachment } from './attachment.js';
import { ANYBODY, Layout, PLACE, SLOTS, WORD } from './layout.js';
import { Outbox } from './outbox.js';
import { Consumer, checkCommit, PortInbox, type PortMessage, Producer } from './ring.js';

/** Frames above this, or above an equal share of MAX_SHARED_BYTES, travel as transferred buffers. */
const MAX_SLOT_BYTES = 1 << 20;
const MAX_SHARED_BYTES = 256 << 20;

/** The server's end and, for each of `threads` threads, what it needs to open its own. */
export interface ThreadTransport {
  readonly server: ServerEnd;
  readonly attachments: readonly ThreadAttachment[];
  /** Resolves when there may be something new of a worker, at the latest after `timeoutMs`; with `anybody`. */
  rung(timeoutMs: number): Promise<void>;
}

/**
 * Mailboxes in shared memory between the calling thread and `threads` others, each with an equal share of the workers.
 * @param options `maxFrameBytes` is the largest frame that will ever be sent; longer frames than a slot holds are transferred. `anybody`:
 *   the server's thread does not wait for one worker after the other, but takes what is there, and is rung by all.
 */
export function createThreadTransport(
  options: { workers: number; threads: number; maxFrameBytes: number; anybody?: boolean },
  runtime: Runtime,
): ThreadTransport {
  const { workers, threads } = options;
  const share = Math.floor(MAX_SHARED_BYTES / (SLOTS * (1 + 2 * workers)));
  const slotBytes = Math.ceil(Math.min(options.maxFrameBytes, MAX_SLOT_BYTES, share) / 8) * 8;
  const bytes = Layout.bytes(workers, threads, slotBytes);
  let shared: SharedArrayBuffer;
  try {
    shared = new SharedArrayBuffer(bytes);
  } catch (cause) {
    const what = `${Math.ceil(bytes / 2 ** 20)} MiB of shared memory for the mailboxes of ${workers} workers cannot be had`;
    throw new FlotillaError('limit', `${what}: raise the limit of memory (ulimit -v), or use fewer workers`, { cause });
  }
  const channels = Array.from({ length: threads }, () => new MessageChannel());
  const ports = channels.map((channel) => channel.port1);
  const layout = new Layout(shared, workers, threads, slotBytes, runtime);
  const { anybody = false } = options;
  if (anybody) Atomics.store(layout.words, WORD.awaited, ANYBODY);
  let seen = 0;
  return {
    server: new ThreadServerEnd(layout, threads, ports, anybody),
    async rung(timeoutMs) {
      const wait = Atomics.waitAsync(layout.words, WORD.serverBell, seen, timeoutMs);
      if (wait.async) await wait.value;
      seen = layout.get(WORD.serverBell);
    },
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
  readonly #outboxes: Outbox[] = [];
  /** Those of workers that are behind. */
  readonly #behind = new Set<Outbox>();
  readonly #consumers: Consumer[] = [];
  readonly #inbox: PortInbox[];
  /** What was claimed for a broadcast that does not lie in a broadcast slot. */
  #broadcastRoom: Uint8Array | undefined;
  #broadcastClaimed = 0;
  #broadcasts = 0;

  constructor(
    private readonly layout: Layout,
    readonly hosts: number,
    private readonly ports: readonly MessagePort[],
    private readonly anybody: boolean,
  ) {
    this.workers = layout.workers;
    this.#inbox = ports.map((port) => new PortInbox(port));
    for (const [thread, port] of ports.entries()) {
      const bell = layout.bell(thread);
      for (const worker of hosted(layout.workers, hosts, thread)) {
        this.#outboxes.push(new Outbox(new Producer(layout, worker, 0, port, WORD.serverBell, bell), bell));
        this.#consumers.push(new Consumer(layout, worker, 1, this.#inbox[thread] as PortInbox, bell));
      }
    }
  }

  claim(worker: number, bytes: number): Uint8Array {
    return this.#outbox(worker).claim(bytes);
  }

  commit(worker: number, length: number): void {
    this.stats.sentBytes += length;
    const outbox = this.#outbox(worker);
    outbox.commit(length);
    if (outbox.isBehind) this.#behind.add(outbox);
  }

  claimBroadcast(bytes: number): Uint8Array {
    const { layout } = this;
    const isLarge = bytes > layout.slotBytes;
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
    this.#broadcastRoom = isLarge || !isFree() ? new Uint8Array(bytes) : undefined;
    return this.#broadcastRoom ?? layout.broadcastSlot(slot, bytes);
  }

  commitBroadcast(length: number): void {
    const { layout } = this;
    checkCommit(length, this.#broadcastClaimed);
    this.#broadcastClaimed = 0;
    this.stats.sentBytes += length * this.workers;
    const slot = this.#broadcasts & (SLOTS - 1);
    const room = this.#broadcastRoom?.subarray(0, length);
    this.#broadcastRoom = undefined;
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
    for (let thread = 0; thread < this.hosts; thread++) this.layout.ringBell(this.layout.bell(thread));
  }

  /** Sends of what is kept what there is room for now. */
  #catchUp(): void {
    for (const outbox of this.#behind) {
      if (outbox.catchUp()) this.layout.ringBell(outbox.bell);
      if (!outbox.isBehind) this.#behind.delete(outbox);
    }
  }

  receive(worker: number, timeoutMs: number): Uint8Array | undefined {
    const consumer = this.#consumers[worker] as Consumer;
    const frame = consumer.take();
    if (frame !== undefined) return frame;
    if (!this.anybody) Atomics.store(this.layout.words, WORD.awaited, worker);
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
    const inbox = this.#inbox[host] as PortInbox;
    return this.#wait(timeoutMs, () => {
      inbox.collect();
      return inbox.control.shift();
    });
  }

  pause(ms: number): void {
    this.layout.runtime.block(ms);
  }

  close(): void {
    Atomics.store(this.layout.words, WORD.closed, 1);
    this.flush();
    for (const port of this.ports) port.close();
  }

  waited(host: number): number {
    return this.layout.get(this.layout.waited(host)) >>> 0;
  }

  #outbox(worker: number): Outbox {
    return this.#outboxes[worker] as Outbox;
  }

  /** What `look` finds, looking again each time the server's bell rings, for at most `timeoutMs`. */
  #wait<T>(timeoutMs: number, look: () => T | undefined): T | undefined {
    const { layout } = this;
    const { runtime } = layout;
    const until = runtime.now() + timeoutMs;
    for (;;) {
      const seen = layout.get(WORD.serverBell);
      if (this.#behind.size > 0) this.#catchUp();
      const found = look();
      if (found !== undefined) return found;
      const left = until - runtime.now();
      if (left <= 0) return undefined;
      Atomics.wait(layout.words, WORD.serverBell, seen, left);
    }
  }
}
