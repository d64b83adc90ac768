import { ProtocolError } from '@flotilla/compressors';
import { refusalOf } from '@flotilla/core/internal';
import { Packr } from 'msgpackr/pack';
import * as v from 'valibot';

const text = v.pipe(v.string(), v.maxLength(10_000));
const id = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/));
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000));
const u32 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const line = v.pipe(v.string(), v.maxLength(2_000));

/** What must be the same on both sides for a host to take part: texts, and SHA-256 digests. */
const identitySchema = v.strictObject({
  wireVersion: count,
  version: line,
  job: digest,
  data: digest,
  modules: digest,
});

/** The longest data that are sent: a host has memory for no more. */
export const MAX_DATA_BYTES = 256 << 20;
/** How the name of a file of data may end: by that its kind is known. */
export const DATA_ENDINGS = ['', '.csv', '.tsv', '.npy', '.json'].flatMap((kind) =>
  ['', '.gz', '.xz', '.bz2'].map((packed) => `${kind}${packed}`),
);

/** Data that the server sends to hosts that ask. */
const dataSchema = v.strictObject({
  bytes: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_DATA_BYTES)),
  sha256: digest,
  ending: v.picklist(DATA_ENDINGS),
});

/** What a run is made of, as text: options without a path or a module among them. Checked again by whoever reads it. */
const offerSchema = v.strictObject({
  type: v.literal('offer'),
  session: u32,
  /** How often the run's workers have been started before. */
  attempt: count,
  workers: count,
  /** The options as JSON. */
  options: text,
  identity: identitySchema,
  data: v.optional(dataSchema),
  /** Checksums of frames: the run's number; none when left out. */
  checksumRun: v.optional(u32),
  maxFrameBytes: v.pipe(u32, v.minValue(1)),
});

const handshakeSchema = v.variant('type', [
  /** A host is there, and would like to know what there is to do. */
  v.strictObject({ type: v.literal('hello'), host: id }),
  offerSchema,
  /** It asks for the run's data from a byte on, on the subject of its first worker. */
  v.strictObject({ type: v.literal('want'), host: id, session: u32, from: u32 }),
  /**
   * A host has loaded its shards. It comes on the subject of each worker: that it may publish there is what shows that they are
   * its own.
   */
  v.strictObject({
    type: v.literal('ready'),
    host: id,
    session: u32,
    first: count,
    workers: v.pipe(count, v.minValue(1)),
    identity: identitySchema,
  }),
  /** A host will not take part. */
  v.strictObject({ type: v.literal('declined'), host: id, session: u32, reason: line }),
  /** It may begin. */
  v.strictObject({ type: v.literal('start'), host: id, session: u32 }),
  /** It may not: for good, or as long as another host has its workers. */
  v.strictObject({ type: v.literal('refused'), host: id, session: u32, reason: line, forGood: v.boolean() }),
  /** It takes part no longer, as far as the server knows; it may begin anew. */
  v.strictObject({ type: v.literal('dropped'), host: id, session: u32 }),
  /** A host has come to grief. */
  v.strictObject({ type: v.literal('gone'), host: id, session: u32, reason: line }),
  /** The attempt is over, and perhaps the run. */
  v.strictObject({ type: v.literal('over'), session: u32, last: v.boolean() }),
]);

export type Handshake = v.InferOutput<typeof handshakeSchema>;
export type Identity = v.InferOutput<typeof identitySchema>;
export type Offer = v.InferOutput<typeof offerSchema>;

/** Longest handshake that is read. */
const MAX_BYTES = 64 << 10;

const packr = new Packr({ useRecords: false });

export function packHandshake(message: Handshake): Uint8Array {
  return Uint8Array.from(packr.pack(message));
}

/** @throws ProtocolError */
export function unpackHandshake(bytes: Uint8Array): Handshake {
  if (bytes.length > MAX_BYTES) {
    throw new ProtocolError(`a handshake of ${bytes.length} bytes, at most ${MAX_BYTES} are read`, {
      refusal: 'oversized',
    });
  }
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch (cause) {
    throw new ProtocolError(`a handshake of ${bytes.length} bytes is not one MessagePack value`, { cause });
  }
  const parsed = v.safeParse(handshakeSchema, value);
  if (!parsed.success) throw new ProtocolError(`no handshake: ${refusalOf(parsed.issues[0], 'the message')}`);
  return parsed.output;
}
