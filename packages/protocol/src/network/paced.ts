import { ProtocolError } from '@flotilla/compressors';
import { FlotillaError, type Runtime } from '@flotilla/core';
import { getF64, putF64 } from '@flotilla/core/internal';
import { isCounted } from '../frame.js';
import type { HostEnd, ServerEnd } from '../transport/transport.js';
import { Link, type Links } from './link.js';

// A transport whose frames say when, on any transport below. Behind each frame travel two f64 that are no part of it and are
// counted nowhere: the stamp, in milliseconds of the runtime's clock, and the sender's work.
//
//   downlink: when the server handed the frame over; 0
//   uplink:   when the frame arrives at the server; milliseconds from the worker's taking its frame to its answer
//
// The host keeps its workers' links, both directions of each: it holds a downlink back until it has arrived, and tells the
// server when the uplink will have. So the links run side by side, whoever waits: nobody sleeps for a frame that is not the
// one he needs next, and a frame that is looked at late does not push back those behind it.
//
// Both ends must read the same clock: threads and processes of one machine.

/** Bytes behind a frame: stamp and work. */
export const STAMP_BYTES = 16;

/** Writes a stamp behind the first `length` bytes of `room`. */
function writeStamp(room: Uint8Array | undefined, length: number, time: number, work: number): void {
  if (room === undefined || length > room.length - STAMP_BYTES) {
    const claimed = Math.max(0, (room?.length ?? 0) - STAMP_BYTES);
    throw new FlotillaError('internal', `a frame of ${length} bytes was committed where ${claimed} were claimed`);
  }
  putF64(room, length, time);
  putF64(room, length + 8, work);
}

/** A frame without its stamp, and the stamp. @throws ProtocolError when there is none, or none that is a time; it is released then */
function readStamp(
  end: Pick<HostEnd, 'release'>,
  worker: number,
  stamped: Uint8Array,
): { frame: Uint8Array; time: number; work: number } {
  const length = stamped.length - STAMP_BYTES;
  if (length < 0) {
    end.release(worker);
    throw new ProtocolError(`a frame of ${stamped.length} bytes has no stamp`, { refusal: 'truncated' });
  }
  const time = getF64(stamped, length);
  const work = getF64(stamped, length + 8);
  if (!Number.isFinite(time) || !(work >= 0 && work < Number.POSITIVE_INFINITY)) {
    end.release(worker);
    throw new ProtocolError(`a frame is stamped with time ${time} and work ${work}`, { refusal: 'damaged' });
  }
  return { frame: stamped.subarray(0, length), time, work };
}

/** The server's end of a transport whose hosts have a {@link linkHostEnd}. */
export interface LinkedServerEnd extends ServerEnd {
  /** Milliseconds that a worker took for the frame last received from it. */
  workOf(worker: number): number;
}

/** Stamps what goes down, and holds back what comes up until it has arrived. */
export function linkServerEnd(end: ServerEnd, runtime: Runtime): LinkedServerEnd {
  const rooms: Uint8Array[] = [];
  const lengths = new Float64Array(end.workers);
  const work = new Float64Array(end.workers);
  const stats = { sentBytes: 0, receivedBytes: 0 };
  const broadcast = end.workers;
  const claimed = (at: number, room: Uint8Array, bytes: number) => {
    rooms[at] = room;
    return room.subarray(0, bytes);
  };
  return {
    workers: end.workers,
    hosts: end.hosts,
    stats,
    claim: (worker, bytes) => claimed(worker, end.claim(worker, bytes + STAMP_BYTES), bytes),
    commit(worker, length) {
      writeStamp(rooms[worker], length, runtime.now(), 0);
      stats.sentBytes += length;
      end.commit(worker, length + STAMP_BYTES);
    },
    claimBroadcast: (bytes) => claimed(broadcast, end.claimBroadcast(bytes + STAMP_BYTES), bytes),
    commitBroadcast(length) {
      writeStamp(rooms[broadcast], length, runtime.now(), 0);
      stats.sentBytes += length * end.workers;
      end.commitBroadcast(length + STAMP_BYTES);
    },
    lagging: (maxBytes, timeoutMs) => end.lagging(maxBytes, timeoutMs),
    flush: () => end.flush(),
    receive(worker, timeoutMs) {
      const until = runtime.now() + timeoutMs;
      const stamped = end.receive(worker, timeoutMs);
      if (stamped === undefined) return undefined;
      const { frame, time, work: taken } = readStamp(end, worker, stamped);
      for (let left = Math.min(time, until) - runtime.now(); left > 0; left = Math.min(time, until) - runtime.now()) {
        end.pause(left);
      }
      if (time > runtime.now()) return undefined;
      lengths[worker] = frame.length;
      work[worker] = taken;
      return frame;
    },
    release(worker) {
      end.release(worker);
      stats.receivedBytes += lengths[worker] as number;
    },
    waited: (host) => end.waited(host),
    workOf: (worker) => work[worker] as number,
    sendControl: (host, message) => end.sendControl(host, message),
    receiveControl: (host, timeoutMs) => end.receiveControl(host, timeoutMs),
    pause: (ms) => end.pause(ms),
    close: () => end.close(),
  };
}

/** One worker's link as its host sees it. */
interface Hosted {
  readonly link: Link | undefined;
  /** Whether the oldest unread frame has been seen, and when it arrives. */
  seen: boolean;
  due: number;
  /** When the worker was given the frame that it has not answered yet. */
  from: number | undefined;
  /** When its last uplink arrives. */
  sent: number;
  room: Uint8Array | undefined;
}

/**
 * A host's end that holds each worker's frames back as long as its link takes.
 * @param links undefined to stamp only: every frame arrives when it is sent.
 */
export function linkHostEnd(end: HostEnd, links: Links | undefined, runtime: Runtime): HostEnd {
  const hosted = new Map<number, Hosted>();
  for (const worker of end.workers) {
    const link = links && new Link(links, worker);
    const idle = Number.NEGATIVE_INFINITY;
    hosted.set(worker, { link, seen: false, due: idle, from: undefined, sent: idle, room: undefined });
  }
  const of = (worker: number) => hosted.get(worker) as Hosted;
  /** Milliseconds until the next frame that is on its way arrives; infinite when none has been seen. */
  const untilArrival = () => {
    let due = Number.POSITIVE_INFINITY;
    for (const one of hosted.values()) if (one.seen && one.from === undefined) due = Math.min(due, one.due);
    return Math.max(0, due - runtime.now());
  };
  return {
    workers: end.workers,
    wait: (timeoutMs) => end.wait(Math.min(timeoutMs, untilArrival())),
    takeControl: () => end.takeControl(),
    sendControl: (message) => end.sendControl(message),
    take(worker) {
      const stamped = end.take(worker);
      if (stamped === undefined) return undefined;
      const { frame, time } = readStamp(end, worker, stamped);
      const one = of(worker);
      if (!one.seen) {
        one.seen = true;
        const arrives =
          one.link !== undefined && isCounted(frame) ? one.link.arrival('down', frame.length, time) : time;
        // in order, whatever is paced
        one.due = Math.max(one.due, arrives);
      }
      const at = runtime.now();
      if (one.due > at) return undefined;
      one.from ??= at;
      return frame;
    },
    release(worker) {
      const one = of(worker);
      one.seen = false;
      one.from = undefined;
      end.release(worker);
    },
    claim(worker, bytes) {
      const room = end.claim(worker, bytes + STAMP_BYTES);
      of(worker).room = room;
      return room.subarray(0, bytes);
    },
    commit(worker, length) {
      const one = of(worker);
      const at = runtime.now();
      const { room, link } = one;
      const paced = link !== undefined && room !== undefined && isCounted(room.subarray(0, length));
      one.sent = Math.max(one.sent, paced ? link.arrival('up', length, at) : at);
      writeStamp(room, length, one.sent, one.from === undefined ? 0 : at - one.from);
      end.commit(worker, length + STAMP_BYTES);
    },
  };
}
