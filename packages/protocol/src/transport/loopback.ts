import type { HostEnd, ServerEnd } from './transport.js';

/** A frame in flight. */
type Queue = Uint8Array[];

/**
 * Everything on the calling thread: the workers run when the server waits for them. Real frames, no concurrency; for
 * tests, debugging and comparisons.
 *
 * @param serve Makes the host: is given its end, returns what handles everything that has arrived at it.
 */
export function createLoopback(workers: number, serve: (end: HostEnd) => () => void): ServerEnd {
  const down: Queue[] = Array.from({ length: workers }, () => []);
  const up: Queue[] = Array.from({ length: workers }, () => []);
  const controlDown: Queue = [];
  const controlUp: Queue = [];
  const stats = { sentBytes: 0, receivedBytes: 0 };
  let room = new Uint8Array(0);
  let closed = false;

  const claim = (_worker: number, bytes: number) => {
    if (room.length < bytes) room = new Uint8Array(bytes);
    return room;
  };
  const queue = (queues: Queue[], worker: number) => queues[worker] as Queue;

  const pump = serve({
    workers: Array.from({ length: workers }, (_, i) => i),
    wait: () => !closed,
    takeControl: () => controlDown.shift(),
    sendControl: (message) => controlUp.push(message),
    take: (worker) => queue(down, worker)[0],
    release: (worker) => queue(down, worker).shift(),
    claim,
    commit(worker, length) {
      queue(up, worker).push(room.slice(0, length));
    },
  });

  return {
    workers,
    hosts: 1,
    stats,
    claim,
    commit(worker, length) {
      stats.sentBytes += length;
      queue(down, worker).push(room.slice(0, length));
    },
    claimBroadcast: (bytes) => claim(0, bytes),
    commitBroadcast(length) {
      stats.sentBytes += length * workers;
      const frame = room.slice(0, length);
      for (const frames of down) frames.push(frame);
    },
    flush() {},
    receive(worker) {
      if (queue(up, worker).length === 0) pump();
      return queue(up, worker)[0];
    },
    release(worker) {
      stats.receivedBytes += queue(up, worker).shift()?.length ?? 0;
    },
    sendControl: (_host, message) => controlDown.push(message),
    receiveControl() {
      if (controlUp.length === 0) pump();
      return controlUp.shift();
    },
    close() {
      closed = true;
    },
  };
}
