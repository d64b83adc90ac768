import type { Direction } from '@flotilla/compressors';
import type { FrameRefusal, State } from '@flotilla/core';
import { checkState, restoreState, snapshotState } from '@flotilla/core/internal';

/** Why a message was sent: the initial gradient, or a round message, by its form. */
export const MESSAGE_KINDS = ['start', 'dense', 'compressed', 'delta', 'none'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** Sums over messages. */
export interface Tally {
  messages: number;
  /** Encoded vectors, as they lie in the frame. */
  payloadBytes: number;
  /** Payload, header and, where frames have one, checksum: exactly what the transport is handed. */
  frameBytes: number;
  /** Nominal bits, as the papers count: 32 bits a coordinate (9 after natural compression; 64 and 12 on an f64 wire), no indices. */
  paperBits: number;
  coordinates: number;
}

const COUNTERS = [
  'messages',
  'payloadBytes',
  'frameBytes',
  'paperBits',
  'coordinates',
] as const satisfies (keyof Tally)[];
const DIRECTIONS: readonly Direction[] = ['uplink', 'downlink'];
const KIND = Object.fromEntries(MESSAGE_KINDS.map((kind, k) => [kind, k])) as Record<MessageKind, number>;

/** Every byte of the run, by direction, worker and kind of message. Each message is recorded once for each worker it goes to. */
export class Ledger {
  readonly #cells: Float64Array;
  /** Frame bytes so far; sums that every round can ask for. */
  readonly frameBytes: Record<Direction, number> = { uplink: 0, downlink: 0 };

  /** Frames that were refused, by why; no part of a snapshot, because they are of the way and not of the run. */
  readonly refused: Partial<Record<FrameRefusal, number>> = {};

  /** @param checksumBytes What frames have behind header and payload. */
  constructor(
    readonly workers: number,
    private readonly checksumBytes = 0,
  ) {
    this.#cells = new Float64Array(DIRECTIONS.length * MESSAGE_KINDS.length * workers * COUNTERS.length);
  }

  /** Counts one message between the server and `worker`, as its boundary says; the checksum is added. */
  record(direction: Direction, worker: number, kind: MessageKind, message: Readonly<Omit<Tally, 'messages'>>): void {
    const at = this.#at(direction, kind, worker);
    const cells = this.#cells;
    const frameBytes = message.frameBytes + this.checksumBytes;
    this.frameBytes[direction] += frameBytes;
    cells[at] = (cells[at] as number) + 1;
    cells[at + 1] = (cells[at + 1] as number) + message.payloadBytes;
    cells[at + 2] = (cells[at + 2] as number) + frameBytes;
    cells[at + 3] = (cells[at + 3] as number) + message.paperBits;
    cells[at + 4] = (cells[at + 4] as number) + message.coordinates;
  }

  /** Counts one frame that was refused, by the server or by a worker. */
  refuse(refusal: FrameRefusal): void {
    this.refused[refusal] = (this.refused[refusal] ?? 0) + 1;
  }

  /** Sums over the messages that match; what is left out matches everything. */
  total(direction: Direction, match: { worker?: number; kind?: MessageKind } = {}): Tally {
    const tally: Tally = { messages: 0, payloadBytes: 0, frameBytes: 0, paperBits: 0, coordinates: 0 };
    for (const kind of match.kind === undefined ? MESSAGE_KINDS : [match.kind]) {
      const last = match.worker ?? this.workers - 1;
      for (let worker = match.worker ?? 0; worker <= last; worker++) {
        const at = this.#at(direction, kind, worker);
        for (const [k, counter] of COUNTERS.entries()) tally[counter] += this.#cells[at + k] as number;
      }
    }
    return tally;
  }

  /** Frame bytes to or from each worker, in the order of workers. */
  frameBytesOfWorkers(direction: Direction): Float64Array {
    const bytes = new Float64Array(this.workers);
    for (const kind of MESSAGE_KINDS) {
      for (let worker = 0; worker < this.workers; worker++) {
        bytes[worker] = (bytes[worker] as number) + (this.#cells[this.#at(direction, kind, worker) + 2] as number);
      }
    }
    return bytes;
  }

  /** A copy of all counters. */
  snapshot(): State {
    return snapshotState(this.#state());
  }

  /** Refuses what {@link Ledger.restore} would. Sets nothing. */
  check(state: State): void {
    checkState(this.#state(), state);
  }

  /** Sets all counters. @throws FlotillaError `protocol` when the state is not one of a ledger of as many workers */
  restore(state: State): void {
    const own = this.#state();
    restoreState(own, state);
    this.frameBytes.uplink = own.uplinkFrameBytes;
    this.frameBytes.downlink = own.downlinkFrameBytes;
  }

  #state() {
    const { uplink, downlink } = this.frameBytes;
    return { cells: this.#cells, uplinkFrameBytes: uplink, downlinkFrameBytes: downlink };
  }

  #at(direction: Direction, kind: MessageKind, worker: number): number {
    const row = (direction === 'uplink' ? 0 : MESSAGE_KINDS.length) + KIND[kind];
    return (row * this.workers + worker) * COUNTERS.length;
  }
}
