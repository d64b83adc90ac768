import { ProtocolError } from '@flotilla/compressors';
import { Packr } from 'msgpackr';
import { z } from 'zod';
import { WIRE_VERSION } from './frame.js';

/** What a worker has to know to take part in a run. All texts are specs; docs/cli.md has the grammar. */
export const jobSchema = z.strictObject({
  method: z.string(),
  problem: z.string(),
  /** undefined for problems without data */
  data: z.string().optional(),
  split: z.string().optional(),
  workers: z.int().min(1).max(10_000),
  /** Compressors, undefined where the method never compresses. */
  uplink: z.string().optional(),
  downlink: z.string().optional(),
  wire: z.enum(['f32', 'f64']),
  init: z.string(),
  seed: z.string(),
});
export type Job = z.infer<typeof jobSchema>;

/** Messages between the server and a host of workers. They set a run up and end it; none is sent during its rounds. */
const controlSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('configure'), wireVersion: z.literal(WIRE_VERSION), job: jobSchema }),
  /** Answer to `configure`: L_i of each hosted worker, in worker order, null where there is none. */
  z.strictObject({
    type: z.literal('ready'),
    wireVersion: z.literal(WIRE_VERSION),
    smoothness: z.array(z.number().nullable()).max(10_000),
  }),
  /** Step size and the method's parameters: the rounds begin. */
  z.strictObject({ type: z.literal('begin'), constants: z.record(z.string(), z.number()) }),
  z.strictObject({ type: z.literal('begun') }),
  z.strictObject({ type: z.literal('finish') }),
  /** Answer to `finish`: seconds spent in gradients, over the hosted workers. */
  z.strictObject({ type: z.literal('finished'), computeSeconds: z.number().nonnegative() }),
  z.strictObject({ type: z.literal('failed'), code: z.string(), message: z.string() }),
]);
export type Control = z.infer<typeof controlSchema>;

/** Longest control message that is read. */
const MAX_CONTROL_BYTES = 1 << 20;

const packr = new Packr({ useRecords: false });

/** A control message as bytes of its own. (msgpackr's result is a view into an arena it reuses, hence the copy.) */
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
    throw new ProtocolError(`not a control message: ${(cause as Error).message}`, { cause });
  }
  const parsed = controlSchema.safeParse(value);
  if (!parsed.success)
    throw new ProtocolError(`not a control message of wire version ${WIRE_VERSION}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
