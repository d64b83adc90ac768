import type { Runtime } from '@flotilla/core';
import type { HostEnd } from '../transport.js';
import type { ThreadAttachment } from './attachment.js';
import { ANYBODY, Layout, NOBODY, Waits, WORD } from './layout.js';
import { Outbox } from './outbox.js';
import { Parcels } from './parcels.js';
import { Consumer, PortInbox, type Post, Producer, postOf } from './ring.js';

/**
 * A thread that has more to do wakes the server at most this often: a sleep and a wake-up take as long as reading a short
 * uplink, and the server then finds several.
 */
const WAKE_MS = 0.5;

/** The rings of the workers that one thread hosts. */
class HostedRings {
  /** Ascending; the same array, whoever moves. */
  readonly workers: number[] = [];
  /** By worker. */
  readonly #consumers: (Consumer | undefined)[];
  readonly #producers: (Producer | undefined)[];
  readonly #inbox: PortInbox;
  #moves: number | undefined;

  constructor(
    private readonly layout: Layout,
    private readonly thread: number,
    private readonly post: Post,
    private readonly parcels: Parcels,
    /** The bell of a server on another thread. */
    private readonly serverBell: number | undefined,
  ) {
    this.#inbox = new PortInbox(post);
    this.#consumers = new Array(layout.workers);
    this.#producers = new Array(layout.workers);
    this.#look();
  }

  takeControl(): Uint8Array | undefined {
    this.#inbox.collect();
    // after it: a message that says that workers have moved comes after the count of the moves
    if (this.layout.get(WORD.moves) !== this.#moves) this.#look();
    return this.#inbox.control.shift();
  }

  consumer(worker: number): Consumer | undefined {
    return this.#consumers[worker];
  }

  producer(worker: number): Producer {
    return this.#producers[worker] as Producer;
  }

  /** Finds whom the thread hosts now. */
  #look(): void {
    const { layout, thread, post, parcels, serverBell } = this;
    const bell = layout.bell(thread);
    this.#moves = layout.get(WORD.moves);
    this.workers.length = 0;
    this.#consumers.fill(undefined);
    this.#producers.fill(undefined);
    for (let worker = 0; worker < layout.workers; worker++) {
      if (layout.hostOf(worker) !== thread) continue;
      this.workers.push(worker);
      this.#consumers[worker] = new Consumer(layout, worker, 0, this.#inbox, serverBell);
      const waits = serverBell !== undefined;
      this.#producers[worker] = new Producer(layout, worker, 1, post, parcels, bell, WORD.serverBell, waits);
    }
  }
}

/** A thread's end of the mailboxes. Call it on the thread that will use it. */
export function openThreadEnd(attachment: ThreadAttachment, runtime: Runtime): HostEnd {
  const { shared, workers, threads, thread, slotBytes, broadcastBytes, parcelBytes, watchMs, port } = attachment;
  const layout = new Layout(shared, workers, threads, slotBytes, broadcastBytes, runtime);
  const post = postOf(port);
  const rings = new HostedRings(layout, thread, post, new Parcels(parcelBytes), WORD.serverBell);
  const bell = layout.bell(thread);
  const waits = new Waits(layout, bell, watchMs);
  let seen = 0;
  /** Whether there are commits that the server has not been woken for. */
  let due = false;
  let waited = 0;
  let woken = Number.NEGATIVE_INFINITY;
  const isAwaited = () => {
    const awaited = layout.get(WORD.awaited);
    return awaited === ANYBODY || (awaited !== NOBODY && layout.hostOf(awaited) === thread);
  };
  return {
    workers: rings.workers,
    wait(timeoutMs) {
      if (due && isAwaited()) layout.ringBell(WORD.serverBell);
      due = false;
      waited += 1000 * waits.wait(seen, timeoutMs);
      // where all answers go on together, short ones are handed over together
      if (layout.get(WORD.awaited) === ANYBODY) woken = runtime.now();
      Atomics.store(layout.words, layout.waited(thread), waited);
      seen = layout.get(bell);
      return layout.get(WORD.closed) === 0;
    },
    takeControl: () => rings.takeControl(),
    sendControl(message) {
      post.send({ control: message });
      layout.ringBell(WORD.serverBell);
    },
    take: (worker) => rings.consumer(worker)?.take(),
    release: (worker) => void rings.consumer(worker)?.release(),
    claim: (worker, bytes) => rings.producer(worker).claim(bytes),
    commit(worker, length) {
      rings.producer(worker).commit(length);
      due = true;
      if (!isAwaited()) return;
      const now = runtime.now();
      if (now - woken < WAKE_MS) return;
      woken = now;
      due = false;
      layout.ringBell(WORD.serverBell);
    },
  };
}

/**
 * The end of the server's own thread, for the workers that it hosts itself. It never waits: answers that find no room are kept
 * until the server has read others, and sent when the host next looks for something to do.
 */
export function openOwnEnd(layout: Layout, thread: number, post: Post, parcels: Parcels): HostEnd {
  const rings = new HostedRings(layout, thread, post, parcels, undefined);
  const behind = new Map<number, Outbox>();
  /** What was claimed last, in the ring or in an outbox. */
  let claimed: Outbox | Producer | undefined;
  return {
    workers: rings.workers,
    // nobody else runs on this thread
    wait: () => layout.get(WORD.closed) === 0,
    takeControl() {
      for (const [worker, outbox] of behind) {
        outbox.catchUp();
        if (!outbox.isBehind) behind.delete(worker);
      }
      return rings.takeControl();
    },
    sendControl: (message) => post.send({ control: message }),
    take: (worker) => rings.consumer(worker)?.take(),
    release: (worker) => void rings.consumer(worker)?.release(),
    claim(worker, bytes) {
      const producer = rings.producer(worker);
      claimed = behind.get(worker) ?? (producer.hasRoom ? producer : new Outbox(producer, WORD.serverBell));
      return claimed.claim(bytes);
    },
    commit(worker, length) {
      claimed?.commit(length);
      if (claimed instanceof Outbox) behind.set(worker, claimed);
    },
  };
}
