import { ProtocolError } from '@flotilla/compressors';

/** What a message on a subject is. */
export const Kind = {
  /** A frame, or a piece of one, of the worker whose subject it came on. */
  frame: 1,
  /** The same for all workers. */
  broadcast: 2,
  /** A control message between the server and a host, on the subject of the host's first worker. */
  control: 3,
  /** How much of each of a host's links has arrived: what is missing is sent again. */
  sync: 4,
  /** Before a run and after it: MessagePack, see handshake.ts. */
  handshake: 5,
  /** A piece of the run's data, from byte `seq` on; to a host that has asked for it. */
  data: 6,
  /** Short messages of several links of one host, on the subject of its first worker. */
  bundle: 7,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

const KINDS = new Set<number>(Object.values(Kind));

export const Flag = {
  /** Whoever gets this answers with what has arrived. */
  ask: 1,
  /** It is such an answer, or tells of a gap: what is missing has been lost. */
  missing: 2,
} as const;

/** Before every message's payload. */
export interface Envelope {
  kind: Kind;
  flags: number;
  /** A number that the server has drawn for this attempt at the run: what is left of another one is dropped. */
  session: number;
  /** The number of this piece on its link. */
  seq: number;
  /** How many pieces of the link's other direction have arrived in order. */
  ack: number;
  /** Bytes of the whole message of which this is a piece. */
  total: number;
}

export const ENVELOPE_BYTES = 20;

/** The envelope and the payload behind it, as one message. */
export function sealed(envelope: Readonly<Envelope>, payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(ENVELOPE_BYTES + payload.length);
  writeEnvelope(envelope, message);
  message.set(payload, ENVELOPE_BYTES);
  return message;
}

/** Writes the envelope before a payload that lies in the message. */
export function writeEnvelope(envelope: Readonly<Envelope>, message: Uint8Array): void {
  const view = new DataView(message.buffer, message.byteOffset);
  message[0] = envelope.kind;
  message[1] = envelope.flags;
  message[2] = 0;
  message[3] = 0;
  view.setUint32(4, envelope.session, true);
  view.setUint32(8, envelope.seq, true);
  view.setUint32(12, envelope.ack, true);
  view.setUint32(16, envelope.total, true);
}

/** @throws ProtocolError for what is no message of ours */
export function unsealed(message: Uint8Array): { readonly envelope: Envelope; readonly payload: Uint8Array } {
  if (message.length < ENVELOPE_BYTES) {
    throw new ProtocolError(`a message of ${message.length} bytes, an envelope has ${ENVELOPE_BYTES}`, {
      refusal: 'truncated',
    });
  }
  const view = new DataView(message.buffer, message.byteOffset);
  const kind = message[0] as number;
  if (!KINDS.has(kind)) throw new ProtocolError(`a message of kind ${kind}`, { refusal: 'unexpected' });
  const envelope = {
    kind: kind as Kind,
    flags: message[1] as number,
    session: view.getUint32(4, true),
    seq: view.getUint32(8, true),
    ack: view.getUint32(12, true),
    total: view.getUint32(16, true),
  };
  return { envelope, payload: message.subarray(ENVELOPE_BYTES) };
}
