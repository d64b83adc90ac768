import { ProtocolError } from '@flotilla/compressors';
import type { Form } from '@flotilla/core';
import { getU32, putU32 } from '@flotilla/core/internal';

/** Version of everything on the wire: frames, payloads, control messages. Both ends must have the same. */
export const WIRE_VERSION = 7;

/** Bytes before the payload. A multiple of 8, so that f64 payloads stay aligned in a frame's buffer. */
export const HEADER_BYTES = 8;

/** What a frame is for. The numbers are part of the wire format. */
export const FrameKind = {
  /** Server asks for the initial gradient (round 0). No payload. */
  start: 1,
  /** Downlink of a round. */
  downlink: 2,
  /** Uplink of a round, or the initial gradient. */
  uplink: 3,
  /** Server asks for f_i and ∇f_i at the f64 vector in the payload. Not counted. */
  evaluate: 4,
  /** f_i and ∇f_i, f64. Not counted. */
  evaluation: 5,
  /** In place of an answer: a control message that says why there is none. */
  failure: 6,
  /** Server asks for a worker's state after the round in the payload, a u32. Not counted, like the three below. */
  snapshot: 7,
  /** A worker's state. */
  state: 8,
  /** Server hands a worker the state in the payload. */
  restore: 9,
  /** The worker has taken it. No payload. */
  restored: 10,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** Exchanges of states are numbered from here on, in the place of a round: no round has such a number. */
export const FIRST_EXCHANGE = 2 ** 31;

/** In the place of a round, in a failure frame: the frame that it answers cannot be read. */
export const NO_ROUND = 2 ** 32 - 1;

const COUNTED = new Set<number | undefined>([FrameKind.start, FrameKind.downlink, FrameKind.uplink]);

/** Whether the ledger counts a frame, and hence its link carries it: evaluations, failures and states cost nothing. */
export function isCounted(frame: Uint8Array): boolean {
  return COUNTED.has(frame[0]);
}

const KINDS = new Set<number>(Object.values(FrameKind));
/** Frames that carry vectors: only these have a form, coins and extra vectors. */
const WITH_VECTORS = new Set<number>([FrameKind.downlink, FrameKind.uplink]);
/** Frames that have the number of an evaluation, modulo 256, in the place of coins: several may be of one round. */
const NUMBERED = new Set<number>([FrameKind.evaluate, FrameKind.evaluation]);
/** Frames that are a header and no more. */
const EMPTY = new Set<number>([FrameKind.start, FrameKind.restored]);
const FORMS: readonly Form[] = ['none', 'dense', 'compressed', 'delta'];

/** Most vectors of a frame beside the first. */
export const MAX_EXTRA = 255;

/**
 * The eight bytes of a frame that are not payload: kind, form, coins, extra vectors, round (little-endian u32). Who it is for, and
 * how long it is, the transport knows.
 */
export interface Header {
  kind: FrameKind;
  form: Form;
  /** The server's coins of the round, at most 8; of an evaluation its number modulo 256, which its answer has too. */
  coins: number;
  /** Vectors in the payload beside the first. */
  extra: number;
  round: number;
}

/** Writes a header to the first bytes of `frame`. */
export function writeHeader(header: Readonly<Header>, frame: Uint8Array): void {
  frame[0] = header.kind;
  frame[1] = FORMS.indexOf(header.form);
  frame[2] = header.coins;
  frame[3] = header.extra;
  putU32(frame, 4, header.round);
}

/**
 * Reads a header into `header`, which it returns.
 * @throws ProtocolError with `header` as it was: `truncated` when there is none, `malformed` when no sender writes it,
 *   `oversized` for a payload where there is none
 */
export function readHeader(frame: Uint8Array, header: Header): Header {
  if (frame.length < HEADER_BYTES) {
    throw new ProtocolError(`a frame of ${frame.length} bytes has no header`, { refusal: 'truncated' });
  }
  const byte = (at: number) => frame[at] as number;
  const kind = byte(0);
  const form = FORMS[byte(1)];
  const coins = byte(2);
  const extra = byte(3);
  if (!KINDS.has(kind)) throw malformed(`unknown frame kind ${kind}`);
  if (form === undefined) throw malformed(`unknown payload form ${byte(1)}`);
  if (!WITH_VECTORS.has(kind) && (form !== 'none' || (coins > 0 && !NUMBERED.has(kind)) || extra > 0)) {
    throw malformed(`a frame of kind ${kind} with form ${form}, coins ${coins} and ${extra} extra vectors`);
  }
  if (EMPTY.has(kind) && frame.length > HEADER_BYTES) {
    const what = `${frame.length - HEADER_BYTES} bytes after a frame of kind ${kind}, which has no payload`;
    throw new ProtocolError(what, { refusal: 'oversized' });
  }
  header.kind = kind as FrameKind;
  header.form = form;
  header.coins = coins;
  header.extra = extra;
  header.round = getU32(frame, 4);
  return header;
}

/** The payload of a frame as f64: where it lies, as long as the frame is valid, or a copy where no f64 can lie there. */
export function floatsIn(frame: Uint8Array): Float64Array {
  const from = frame.byteOffset + HEADER_BYTES;
  if (from % 8 !== 0) return floatsIn(Uint8Array.from(frame));
  return new Float64Array(frame.buffer, from, (frame.length - HEADER_BYTES) >> 3);
}

/** Writes numbers to the payload of a frame as f64. */
export function putFloats(values: Float64Array | Float32Array, frame: Uint8Array): void {
  const floats = floatsIn(frame);
  floats.set(values);
  if (floats.buffer !== frame.buffer)
    frame.set(new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength), HEADER_BYTES);
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(what, { refusal: 'malformed' });
}

/**
 * Refuses a frame that is not the one due: of kind `due` and of `round` or, with `round` undefined, of a round after `after`.
 * @throws ProtocolError `duplicate`, `stale`, `early` or `unexpected`
 */
export function checkDue(header: Readonly<Header>, due: FrameKind, round: number | undefined, after = -1): void {
  const { kind } = header;
  const first = round ?? after + 1;
  const fits = round === undefined ? header.round >= first : header.round === first;
  if (kind === due && fits) return;
  const before = kind === due && header.round === first - 1 ? 'duplicate' : 'stale';
  const refusal = fits ? 'unexpected' : header.round < first ? before : 'early';
  throw new ProtocolError(
    `expected a frame of kind ${due} and round ${round ?? `> ${after}`}, got kind ${kind} and round ${header.round}`,
    { refusal },
  );
}
