import { FlotillaError, type Runtime } from '@flotilla/core';
import type { HostEnd, ServerEnd } from './transport.js';

/** Of an answer that the server reads as soon as it is there. */
const LONG_BYTES = 1024;

/** Memory for one frame, and the frame in it. */
interface Room {
  readonly memory: Uint8Array;
  /** As much of it as was asked for. */
  claimed: Uint8Array;
  frame: Uint8Array;
  /** Queues that the frame is still in. */
  readers: number;
}

/** The frames of one direction, by worker, in memory that is used again when they have been read. */
class Direction {
  readonly #queues: Room[][];
  readonly #free: Room[] = [];
  /** By worker what it has claimed; behind the last what is claimed for all. */
  readonly #claimed: (Room | undefined)[] = [];

  constructor(workers: number) {
    this.#queues = Array.from({ length: workers }, () => []);
  }

  /** Room for a frame to `worker`, or to all. */
  claim(bytes: number, worker = this.#queues.length): Uint8Array {
    let room = this.#free.pop();
    if (room === undefined || room.memory.length < bytes) {
      const memory = new Uint8Array(bytes);
      room = { memory, claimed: memory, frame: memory, readers: 0 };
    }
    if (room.claimed.length !== bytes) room.claimed = room.memory.subarray(0, bytes);
    this.#claimed[worker] = room;
    return room.claimed;
  }

  /** Sends the first `length` bytes of what was claimed to `worker`, or to all. */
  commit(length: number, worker = this.#queues.length): void {
    const room = this.#claimed[worker];
    if (room === undefined || length > room.claimed.length) {
      const size = room?.claimed.length ?? 0;
      throw new FlotillaError('internal', `${length} bytes were committed where ${size} were claimed`);
    }
    this.#claimed[worker] = undefined;
    if (room.frame.length !== length) room.frame = room.memory.subarray(0, length);
    const queues = worker < this.#queues.length ? [this.#queue(worker)] : this.#queues;
    room.readers = queues.length;
    for (const queue of queues) queue.push(room);
  }

  first(worker: number): Uint8Array | undefined {
    return this.#queue(worker)[0]?.frame;
  }

  /** Ends the reading of a worker's first frame and returns its length. */
  release(worker: number): number {
    const room = this.#queue(worker).shift();
    if (room === undefined) return 0;
    if (--room.readers === 0) this.#free.push(room);
    return room.frame.length;
  }

  #queue(worker: number): Room[] {
    return this.#queues[worker] as Room[];
  }
}

/**
 * Everything on the calling thread: the workers run when the server waits for them, or lets time pass. Real frames, no
 * concurrency; for tests, debugging and comparisons.
 *
 * @param serve Makes the host: is given its end, returns what handles everything that has arrived at it, or stops between two frames
 *   when there is enough.
 * @param decorate What the host's end is wrapped in, for frames that take their time.
 */
export function createLoopback(
  workers: number,
  serve: (end: HostEnd) => (until?: number, enough?: () => boolean) => unknown,
  runtime: Runtime,
  decorate = (end: HostEnd): HostEnd => end,
): ServerEnd {
  const down = new Direction(workers);
  const up = new Direction(workers);
  const controlDown: Uint8Array[] = [];
  const controlUp: Uint8Array[] = [];
  const stats = { sentBytes: 0, receivedBytes: 0 };
  let closed = false;

  const host = decorate({
    workers: Array.from({ length: workers }, (_, i) => i),
    wait(timeoutMs) {
      // nobody else runs on this thread: nothing new can come before
      runtime.block(timeoutMs);
      return !closed;
    },
    takeControl: () => controlDown.shift(),
    sendControl: (message) => controlUp.push(message),
    take: (worker) => down.first(worker),
    release: (worker) => down.release(worker),
    claim: (worker, bytes) => up.claim(bytes, worker),
    commit: (worker, length) => up.commit(length, worker),
  });
  const step = serve(host);

  /**
   * What `look` finds. The host works and time passes until then, for at most `timeoutMs`. A long answer is read before others are
   * made, so that few of them take memory.
   */
  const wait = (timeoutMs: number, look: () => Uint8Array | undefined): Uint8Array | undefined => {
    const work = () => step(undefined, () => (look()?.length ?? 0) >= LONG_BYTES);
    work();
    let found = look();
    if (found !== undefined || timeoutMs <= 0) return found;
    const until = runtime.now() + timeoutMs;
    for (let left = timeoutMs; found === undefined && left > 0; left = until - runtime.now()) {
      host.wait(left);
      work();
      found = look();
    }
    return found;
  };

  return {
    workers,
    hosts: 1,
    stats,
    claim: (worker, bytes) => down.claim(bytes, worker),
    commit(worker, length) {
      stats.sentBytes += length;
      down.commit(length, worker);
    },
    claimBroadcast: (bytes) => down.claim(bytes),
    commitBroadcast(length) {
      stats.sentBytes += length * workers;
      down.commit(length);
    },
    // the workers read whenever the server waits
    lagging: () => undefined,
    flush() {},
    waited: () => 0,
    receive: (worker, timeoutMs) => up.first(worker) ?? wait(timeoutMs, () => up.first(worker)),
    release(worker) {
      stats.receivedBytes += up.release(worker);
    },
    sendControl: (_host, message) => controlDown.push(message),
    receiveControl: (_host, timeoutMs) =>
      controlUp.length > 0 || wait(timeoutMs, () => controlUp[0]) !== undefined ? controlUp.shift() : undefined,
    pause: (ms) => void wait(ms, () => undefined),
    close() {
      closed = true;
    },
  };
}
