import { ProtocolError } from '@flotilla/compressors';
import type { MethodParameters } from '@flotilla/core';
import { FRAME_REFUSALS, refusalOf } from '@flotilla/core/internal';
// the package's main entry loads streams and looks for a native add-on: 10 ms on every thread
import { Packr } from 'msgpackr/pack';
import * as v from 'valibot';
import { WIRE_VERSION } from './frame.js';

/** Workers that messages can name: ten times what `workers` takes, as many as `bench scale` simulates. */
const MAX_WORKERS = 100_000;

const text = v.string();
const real = v.pipe(v.number(), v.finite());

/**
 * A method's parameters by name. (valibot's record leaves out the name `prototype` without a word; msgpackr reads the name
 * `__proto__` as `__proto_`, and a message that says so is not one of ours.)
 */
const parameters = v.custom<MethodParameters>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.entries(value).every(([name, entry]) => !name.startsWith('__proto') && isParameter(entry)),
  'not a map of names to finite numbers, strings and booleans',
);

function isParameter(value: unknown): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string' || typeof value === 'boolean';
}

const samples = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1e9));

const jobSchema = v.strictObject({
  method: text,
  problem: text,
  // undefined for problems without data
  data: v.optional(text),
  split: v.optional(text),
  workers: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_WORKERS)),
  // compressors, undefined where the method never compresses
  uplink: v.optional(text),
  downlink: v.optional(text),
  wire: v.picklist(['f32', 'f64']),
  // of state and arithmetic on both sides; f64 when left out
  precision: v.optional(v.picklist(['f32', 'f64'])),
  // how dense vectors are coded; plain when left out
  dense: v.optional(v.picklist(['plain', 'packed'])),
  init: text,
  seed: text,
  // samples of a gradient, and of one of a dense round; all of them when left out
  batch: v.optional(samples),
  batchDense: v.optional(samples),
});

/**
 * What a worker has to know to take part in a run. All texts are specs; docs/cli.md has the grammar.
 * @interface
 */
export type Job = v.InferOutput<typeof jobSchema>;

const controlSchema = v.variant('type', [
  v.strictObject({ type: v.literal('configure'), wireVersion: v.literal(WIRE_VERSION), job: jobSchema }),
  /** Answer to `configure`: L_i and max_j L_ij of each hosted worker, in worker order, null where there is none. */
  v.strictObject({
    type: v.literal('ready'),
    wireVersion: v.literal(WIRE_VERSION),
    smoothness: v.pipe(v.array(v.nullable(real)), v.maxLength(MAX_WORKERS)),
    sampleSmoothness: v.pipe(v.array(v.nullable(real)), v.maxLength(MAX_WORKERS)),
  }),
  /** γ and the method's own parameters: the rounds begin. */
  v.strictObject({ type: v.literal('begin'), stepSize: real, parameters }),
  v.strictObject({ type: v.literal('begun') }),
  /** Workers have moved to another host of the same process, or from one: those that are new are built. */
  v.strictObject({ type: v.literal('move') }),
  v.strictObject({ type: v.literal('moved') }),
  v.strictObject({ type: v.literal('finish') }),
  /**
   * Answer to `finish`: gradients computed, a batch as its share of the samples, by hosted worker, so that their sum does not depend on
   * who hosts whom; and the seconds they took.
   */
  v.strictObject({
    type: v.literal('finished'),
    computeSeconds: v.pipe(real, v.minValue(0)),
    gradientCalls: v.pipe(v.array(v.pipe(real, v.minValue(0))), v.maxLength(MAX_WORKERS)),
  }),
  /** In place of an answer: an error as data, an `ErrorRecord`. Its texts are shown, and nothing else. */
  v.strictObject({
    type: v.literal('failed'),
    code: text,
    message: text,
    worker: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_WORKERS - 1))),
    round: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1))),
    option: v.exactOptional(text),
    refusal: v.exactOptional(v.picklist(FRAME_REFUSALS)),
    cause: v.exactOptional(v.strictObject({ name: text, message: text, stack: text })),
  }),
]);

/**
 * Messages between the server and a host of workers. They set a run up and end it; none is sent during a round.
 * @internal
 */
export type Control = v.InferOutput<typeof controlSchema>;

/** Longest control message that is read: two numbers of nine bytes for each worker, and room. */
const MAX_CONTROL_BYTES = 2 << 20;

const packr = new Packr({ useRecords: false });

/**
 * A control message as bytes of its own. (msgpackr's result is a view into an arena it reuses, hence the copy.)
 */
export function packControl(message: Control): Uint8Array {
  return Uint8Array.from(packr.pack(message));
}

/** @throws ProtocolError when the bytes are not a control message of this wire version. */
export function unpackControl(bytes: Uint8Array): Control {
  if (bytes.length > MAX_CONTROL_BYTES) {
    throw new ProtocolError(`a control message of ${bytes.length} bytes, at most ${MAX_CONTROL_BYTES} are read`);
  }
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch (cause) {
    throw new ProtocolError(`a control message of ${bytes.length} bytes is not one MessagePack value`, { cause });
  }
  const parsed = v.safeParse(controlSchema, value);
  if (!parsed.success) {
    const refusal = refusalOf(parsed.issues[0], 'the message');
    throw new ProtocolError(`not a control message of wire version ${WIRE_VERSION}: ${refusal}`);
  }
  return parsed.output;
}
