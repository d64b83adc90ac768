import { UsageError } from '../errors.js';

/**
 * Labelled samples as a compressed sparse row (CSR) matrix in shared memory: one copy serves every thread.
 * Sample s has the non-zeros `column[k]`, `value[k] * scale` for k in [rowStart[s], rowStart[s + 1]), columns ascending.
 */
export interface Dataset {
  readonly name: string;
  readonly samples: number;
  readonly features: number;
  /** samples + 1 offsets. */
  readonly rowStart: Int32Array;
  readonly column: Uint16Array | Int32Array;
  /** Stored values; the sample's value is the stored one times `scale` (1/255 for 8-bit pixels). */
  readonly value: Uint8Array | Float64Array;
  readonly scale: number;
  /** One label a sample, as the file has it; empty when there are none. See `labelsOf`. */
  readonly label: Float64Array;
  /** Labels are digits; odd ones are the positive class of a binary problem. */
  readonly digits?: boolean;
}

/** The labels of a data set. @throws UsageError when it has none. */
export function labelsOf({ name, samples, label }: Dataset): Float64Array {
  if (label.length === samples) return label;
  throw new UsageError(
    `data set ${name} has no labels; those of an IDX file of images are read from the file beside it whose name has labels-idx1`,
  );
}

/** A typed array over fresh shared memory. */
export function shared<T>(array: { new (buffer: SharedArrayBuffer): T; BYTES_PER_ELEMENT: number }, length: number): T {
  return new array(new SharedArrayBuffer(length * array.BYTES_PER_ELEMENT));
}
