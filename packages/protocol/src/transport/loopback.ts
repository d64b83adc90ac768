import { FlotillaError } from '@flotilla/core';
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
  /** Claimed rooms, by worker; the last one is the broadcast's. */
  const downRooms: Uint8Array[] = [];
  const upRooms: Uint8Array[] = [];
  let closed = false;

  const claim = (rooms: Uint8Array[], at: number, bytes: number) => {
    const room = new Uint8Array(bytes);
    rooms[at] = room;
    return room;
  };
  const committed = (rooms: Uint8Array[], at: number, length: number) => {
    const room = rooms[at];
    if (room === undefined || length > room.length) {
      throw new FlotillaError('internal', `${length} bytes were committed where ${room?.length ?? 0} were claimed`);
    }
    return room.subarray(0, length);
  };
  const queue = (queues: Queue[], worker: number) => queues[worker] as Queue;

  const pump = serve({
    workers: Array.from({ length: workers }, (_, i) => i),
    wait: () => !closed,
    takeControl: () => controlDown.shift(),
    sendControl: (message) => controlUp.push(message),
    take: (worker) => queue(down, worker)[0],
    release: (worker) => queue(down, worker).shift(),
    claim: (worker, bytes) => claim(upRooms, worker, bytes),
    commit(worker, length) {
      queue(up, worker).push(committed(upRooms, worker, length));
    },
  });

  return {
    workers,
    hosts: 1,
    stats,
    claim: (worker, bytes) => claim(downRooms, worker, bytes),
    commit(worker, length) {
      stats.sentBytes += length;
      queue(down, worker).push(committed(downRooms, worker, length));
    },
    claimBroadcast: (bytes) => claim(downRooms, workers, bytes),
    commitBroadcast(length) {
      stats.sentBytes += length * workers;
      const frame = committed(downRooms, workers, length);
      for (const frames of down) frames.push(frame);
    },
    flush() {},
    waited: () => 0,
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
