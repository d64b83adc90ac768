import { crc32 } from 'node:zlib';
import { ProtocolError } from '@flotilla/compressors';
import { FlotillaError, type FrameRefusal } from '@flotilla/core';
import { getU32, putU32 } from '@flotilla/core/internal';
import type { HostEnd, ServerEnd } from './transport/transport.js';

// A transport whose frames end with a checksum, on any transport below. It says that a frame is whole, and that it is of this
// run, from the worker it seems to be from or for the one that reads it, and of the run's current attempt:
//
//   bit 31        1 when the frame goes to all workers, so that it is written once
//   bits 0 to 30  those of CRC-32(frame) XOR key
//   key           mix(CRC-32 of four u32: run; 0 down, 1 up; worker, 2³² − 1 for all; attempt)
//
// Every change of one bit of a frame is found, and every burst of at most 31; of all other changes, one in 2³¹ is not. mix is
// MurmurHash3's finalizer: without it two workers' keys would differ as a flipped bit makes a checksum differ.

/** Bytes behind a frame: its checksum. */
export const CHECKSUM_BYTES = 4;

const TO_ALL = 0x8000_0000;
const ALL = 0xffff_ffff;
type Way = 'down' | 'up';

/**
 * A run's number, for its checksums.
 * @param text Everything that decides its frames, so that two runs of one text have the same frames.
 */
export function runNumber(text: string): number {
  return crc32(text);
}

function keyOf(run: number, way: Way, worker: number, attempt: number): number {
  const bytes = new Uint8Array(16);
  putU32(bytes, 0, run);
  putU32(bytes, 4, way === 'up' ? 1 : 0);
  putU32(bytes, 8, worker);
  putU32(bytes, 12, attempt);
  return mix(crc32(bytes));
}

/** MurmurHash3's 32-bit finalizer [A. Appleby]: one to one, and no bit of the result is linear in those of `h`. */
function mix(h: number): number {
  let x = h ^ (h >>> 16);
  x = Math.imul(x, 0x85eb_ca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

const without = (word: number) => (word & ~TO_ALL) >>> 0;

/** Writes the checksum behind the first `length` bytes of `room`. */
function seal(room: Uint8Array | undefined, length: number, key: number, toAll: boolean): void {
  if (room === undefined || length > room.length - CHECKSUM_BYTES) {
    const claimed = Math.max(0, (room?.length ?? 0) - CHECKSUM_BYTES);
    throw new FlotillaError('internal', `a frame of ${length} bytes was committed where ${claimed} were claimed`);
  }
  const sum = without(crc32(room.subarray(0, length)) ^ key);
  putU32(room, length, toAll ? sum | TO_ALL : sum);
}

/** One end's knowledge of who may send what. */
class Keys {
  /** The key of what goes to all. */
  readonly all: number;
  /** By worker, made when they are asked for. */
  readonly #own = { down: new Map<number, number>(), up: new Map<number, number>() };

  constructor(
    private readonly run: number,
    private readonly workers: number,
    private readonly attempt: number,
  ) {
    this.all = keyOf(run, 'down', ALL, attempt);
  }

  of(way: Way, worker: number): number {
    const known = this.#own[way].get(worker);
    if (known !== undefined) return known;
    const key = keyOf(this.run, way, worker, this.attempt);
    this.#own[way].set(worker, key);
    return key;
  }

  /** The frame before its checksum. @throws ProtocolError when it is not what a worker sends, or is sent */
  open(sealed: Uint8Array, way: Way, worker: number): Uint8Array {
    const length = sealed.length - CHECKSUM_BYTES;
    if (length < 0) {
      throw new ProtocolError(`a frame of ${sealed.length} bytes has no checksum`, { refusal: 'truncated' });
    }
    const frame = sealed.subarray(0, length);
    const word = getU32(sealed, length);
    const toAll = word >= TO_ALL;
    const key = without(word ^ crc32(frame));
    const due = toAll && way === 'down' ? this.all : this.of(way, worker);
    if (key !== without(due) || (toAll && way === 'up')) throw this.#refusal(key, way, worker, toAll, length);
    return frame;
  }

  /** What a key that is not the one due says of its frame. */
  #refusal(key: number, way: Way, worker: number, toAll: boolean, length: number): ProtocolError {
    const refused = (refusal: FrameRefusal, what: string) =>
      new ProtocolError(`a frame of ${length} bytes ${what}`, { refusal });
    const { attempt } = this;
    for (let before = 0; before < attempt; before++) {
      if (key !== without(keyOf(this.run, way, toAll ? ALL : worker, before))) continue;
      return refused('attempt', `is of attempt ${before}, and the run is in attempt ${attempt}`);
    }
    if (toAll && key === without(this.all)) return refused('misdelivered', 'goes to all workers, not to the server');
    for (let whose = 0; whose < this.workers && !toAll; whose++) {
      for (const other of ['down', 'up'] as const) {
        if (key !== without(this.of(other, whose))) continue;
        return refused('misdelivered', `is one ${other} of worker ${whose}, not ${way} of ${worker}`);
      }
    }
    return refused('damaged', 'has another checksum: it is damaged, or of another run');
  }
}

/**
 * Gives frames checksums, and looks at those of what comes back; its statistics are of frames without. `receive` throws a
 * ProtocolError, with its `refusal`, for a frame that is not what its worker has sent, and has released it then.
 * @param run Below 2³², the same at both ends: {@link runNumber}
 * @param attempt How often the run's workers have been started before, likewise
 */
export function checksumServerEnd(end: ServerEnd, run: number, attempt = 0): ServerEnd {
  const { workers } = end;
  const keys = new Keys(run, workers, attempt);
  const rooms: Uint8Array[] = [];
  const lengths = new Float64Array(workers);
  const stats = { sentBytes: 0, receivedBytes: 0 };
  const claimed = (at: number, room: Uint8Array, bytes: number) => {
    rooms[at] = room;
    return room.subarray(0, bytes);
  };
  return {
    workers,
    hosts: end.hosts,
    stats,
    claim: (worker, bytes) => claimed(worker, end.claim(worker, bytes + CHECKSUM_BYTES), bytes),
    commit(worker, length) {
      seal(rooms[worker], length, keys.of('down', worker), false);
      stats.sentBytes += length;
      end.commit(worker, length + CHECKSUM_BYTES);
    },
    claimBroadcast: (bytes) => claimed(workers, end.claimBroadcast(bytes + CHECKSUM_BYTES), bytes),
    commitBroadcast(length) {
      seal(rooms[workers], length, keys.all, true);
      stats.sentBytes += length * workers;
      end.commitBroadcast(length + CHECKSUM_BYTES);
    },
    lagging: (maxBytes, timeoutMs) => end.lagging(maxBytes, timeoutMs),
    flush: () => end.flush(),
    receive(worker, timeoutMs) {
      const sealed = end.receive(worker, timeoutMs);
      if (sealed === undefined) return undefined;
      const frame = opened(end, keys, sealed, 'up', worker);
      lengths[worker] = frame.length;
      return frame;
    },
    release(worker) {
      stats.receivedBytes += lengths[worker] as number;
      end.release(worker);
    },
    waited: (host) => end.waited(host),
    sendControl: (host, message) => end.sendControl(host, message),
    receiveControl: (host, timeoutMs) => end.receiveControl(host, timeoutMs),
    pause: (ms) => end.pause(ms),
    close: () => end.close(),
  };
}

/** What a host's frames are sealed with. */
export interface HostSeal {
  /** The run's number. */
  readonly run: number;
  /** n */
  readonly workers: number;
  /** How often the run's workers have been started before. */
  readonly attempt: number;
}

/** A host's end that does the same. `take` throws as `receive` does. */
export function checksumHostEnd(end: HostEnd, { run, workers, attempt }: HostSeal): HostEnd {
  const keys = new Keys(run, workers, attempt);
  const rooms: Uint8Array[] = [];
  return {
    workers: end.workers,
    wait: (timeoutMs) => end.wait(timeoutMs),
    takeControl: () => end.takeControl(),
    sendControl: (message) => end.sendControl(message),
    take(worker) {
      const sealed = end.take(worker);
      return sealed && opened(end, keys, sealed, 'down', worker);
    },
    release: (worker) => end.release(worker),
    claim(worker, bytes) {
      const room = end.claim(worker, bytes + CHECKSUM_BYTES);
      rooms[worker] = room;
      return room.subarray(0, bytes);
    },
    commit(worker, length) {
      seal(rooms[worker], length, keys.of('up', worker), false);
      end.commit(worker, length + CHECKSUM_BYTES);
    },
  };
}

function opened(end: Pick<ServerEnd, 'release'>, keys: Keys, sealed: Uint8Array, way: Way, worker: number): Uint8Array {
  try {
    return keys.open(sealed, way, worker);
  } catch (error) {
    end.release(worker);
    throw error;
  }
}
