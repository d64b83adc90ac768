import { FrameKind } from '../../frame.js';

/** What messages are made of. */
const PARTS = ['frames', 'broadcasts', 'others', 'control', 'again', 'data'] as const;

/** Bytes that one end has handed to the broker, or has had from it. Their sum is what the broker counts for the connection. */
export interface Traffic {
  /** Frames that the ledger counts, for one worker each. */
  frames: number;
  /** Those for all workers, which are sent once and which the ledger counts once for each worker. */
  broadcasts: number;
  /** Frames that the ledger does not count: evaluations, and states for checkpoints. */
  others: number;
  /** Envelopes, control messages, acknowledgements, handshakes. */
  control: number;
  /** What was sent again, or came again, with its envelopes. */
  again: number;
  /** The run's data, to hosts that have them from nowhere else. */
  data: number;
}

/** Room for two {@link Traffic}s in memory that threads share: sent, then received. */
export const TRAFFIC_VALUES = 2 * PARTS.length;

/** A traffic whose numbers lie in an array. */
export function trafficIn(values: Float64Array, which: 0 | 1): Traffic {
  const traffic = {};
  for (const [k, part] of PARTS.entries()) {
    const at = which * PARTS.length + k;
    Object.defineProperty(traffic, part, {
      enumerable: true,
      get: () => values[at] as number,
      set: (value: number) => {
        values[at] = value;
      },
    });
  }
  return traffic as Traffic;
}

/** The part of a traffic that a frame is, by its first byte. */
export function partOf(frame: Uint8Array): 'frames' | 'others' {
  const kind = frame[0];
  return kind === FrameKind.downlink || kind === FrameKind.uplink || kind === FrameKind.start ? 'frames' : 'others';
}
