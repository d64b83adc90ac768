import type { Runtime } from '@flotilla/core';
import { checksumHostEnd, createLoopback, FrameKind, type HostEnd } from '@flotilla/protocol';
import { SimulatedRuntime } from '@flotilla/protocol/testing';
import { WorkerHost } from '@flotilla/worker';
import type { Hosts } from '../dist/hosts/fleet.js';

/** A frame on its way, checksum and all. */
export interface OnTheWay {
  readonly way: 'down' | 'up';
  readonly worker: number;
  readonly kind: number;
  readonly round: number;
  readonly bytes: Uint8Array;
}

/** What arrives in place of a frame: none, one or several, to whichever worker; the frame itself when it is undefined. */
export type Fault = (frame: OnTheWay) => readonly Uint8Array[] | undefined;

/** Workers on this thread behind a link on which things happen. */
export function faultyHosts(fault: Fault, runtime: Runtime = new SimulatedRuntime()): Hosts {
  return {
    open({ job, problemData, start, registries, checksumRun }) {
      const { workers } = job;
      let host: WorkerHost | undefined;
      const transport = createLoopback(
        workers,
        (end) => {
          const faulty = link(end, fault);
          const sealed =
            checksumRun === undefined ? faulty : checksumHostEnd(faulty, { run: checksumRun, workers, attempt: 0 });
          const own = new WorkerHost(sealed, { problemData, start }, registries, runtime);
          host = own;
          return () => own.step();
        },
        runtime,
      );
      const failure = () => undefined;
      return { transport, linked: undefined, threads: 1, host, runtime, failure, close: async () => transport.close() };
    },
    close: async () => {},
  };
}

function link(end: HostEnd, fault: Fault): HostEnd {
  const rooms: Uint8Array[] = [];
  /** By worker what has arrived. */
  const arrived = new Map<number, Uint8Array[]>();
  const about = (way: 'down' | 'up', worker: number, bytes: Uint8Array): OnTheWay => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return { way, worker, kind: bytes[0] as FrameKind, round: view.getUint32(4, true), bytes };
  };
  const queue = (worker: number) => {
    const own = arrived.get(worker) ?? [];
    arrived.set(worker, own);
    return own;
  };
  return {
    ...end,
    take(worker) {
      for (let frame = end.take(worker); frame !== undefined; frame = end.take(worker)) {
        const bytes = frame.slice();
        end.release(worker);
        queue(worker).push(...(fault(about('down', worker, bytes)) ?? [bytes]));
      }
      return queue(worker)[0];
    },
    release: (worker) => void queue(worker).shift(),
    claim(worker, bytes) {
      const room = new Uint8Array(bytes);
      rooms[worker] = room;
      return room;
    },
    commit(worker, length) {
      const bytes = (rooms[worker] as Uint8Array).slice(0, length);
      for (const frame of fault(about('up', worker, bytes)) ?? [bytes]) {
        end.claim(worker, frame.length).set(frame);
        end.commit(worker, frame.length);
      }
    },
  };
}

/** The bytes with one bit flipped. */
export function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
  return flipped;
}

export const isUplink = ({ kind }: OnTheWay): boolean => kind === FrameKind.uplink;
export const isDownlink = ({ kind }: OnTheWay): boolean => kind === FrameKind.downlink;
