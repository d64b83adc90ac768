import { UsageError } from '../errors.js';
import { printed } from '../printed.js';

/** What samples have in either form. The arrays lie in shared memory: one copy serves every thread. */
interface Samples {
  /** In messages and records. */
  readonly name: string;
  /** N */
  readonly samples: number;
  /** Columns of the matrix, without a bias. */
  readonly features: number;
  /** A sample's value is the stored one times `scale` (1/255 for 8-bit pixels). */
  readonly scale: number;
  /** One label a sample, as the file has it; empty when there are none, NaN for a sample without. See `labelsOf`. */
  readonly label: Float64Array;
  /** Labels are digits; odd ones are the positive class of a binary problem. */
  readonly digits?: boolean;
}

/**
 * Samples as a compressed sparse row (CSR) matrix: sample s has the non-zeros `column[k]`, `value[k] * scale` for k in
 * [rowStart[s], rowStart[s + 1]), columns ascending.
 */
export interface SparseDataset extends Samples {
  /** samples + 1 offsets. */
  readonly rowStart: Int32Array;
  readonly column: Uint16Array | Int32Array;
  readonly value: Uint8Array | Float64Array;
}

/** Samples as a dense matrix [samples, features], row-major. */
export interface DenseDataset extends Samples {
  readonly rowStart?: undefined;
  readonly column?: undefined;
  readonly value: Uint8Array | Float32Array | Float64Array;
}

/** Samples, labelled or not, in shared memory. Code that reads rows of both forms alike has {@link RowReader}. */
export type Dataset = SparseDataset | DenseDataset;

/**
 * Reads the rows of a data set one after the other, whatever its form. After {@link RowReader.seek} the sample has
 * `value[k] * scale` in column `column[k - shift]` for first ≤ k < end, columns ascending; of a dense data set the zeros are
 * there too.
 */
export class RowReader {
  readonly value: Dataset['value'];
  readonly scale: number;
  readonly column: Uint16Array | Int32Array;
  first = 0;
  end = 0;
  shift = 0;
  readonly #rowStart: Int32Array | undefined;
  readonly #features: number;

  constructor(data: Dataset) {
    this.value = data.value;
    this.scale = data.scale;
    this.#rowStart = data.rowStart;
    this.#features = data.features;
    this.column = data.column ?? Int32Array.from({ length: data.features }, (_, j) => j);
  }

  /** Goes to sample `s`. */
  seek(s: number): void {
    const rowStart = this.#rowStart;
    if (rowStart === undefined) {
      this.first = this.shift = s * this.#features;
      this.end = this.first + this.#features;
    } else {
      this.first = rowStart[s];
      this.end = rowStart[s + 1];
    }
  }
}

/** What a data set has beside its values: `label` has one number a sample, NaN for none; left out, none has one. */
export interface SamplesInput {
  readonly name: string;
  readonly features: number;
  readonly label?: ArrayLike<number> | undefined;
  /** Default 1. */
  readonly scale?: number;
  readonly digits?: boolean;
}

/**
 * A dense data set from values [samples, features], row-major. Arrays that lie in shared memory already are taken as they are
 * (nobody may write to them from then on), others are copied into it once.
 * @throws UsageError for a length that is not samples × features, and for values that are not finite
 */
export function denseDataset({
  values,
  samples,
  ...rest
}: SamplesInput & {
  readonly values: Uint8Array | Float32Array | Float64Array;
  readonly samples: number;
}): DenseDataset {
  const common = checkSamples(rest, samples);
  const { name, features } = rest;
  if (!(values instanceof Uint8Array || values instanceof Float32Array || values instanceof Float64Array)) {
    throw new UsageError(`data set ${name}: values must be a Float64Array, a Float32Array or a Uint8Array`);
  }
  if (values.length !== samples * features) {
    throw new UsageError(
      `data set ${name}: ${values.length} values, expected ${samples} × ${features} = ${samples * features}`,
    );
  }
  const bad = firstNotFinite(values);
  if (bad >= 0) {
    const where = `sample ${Math.floor(bad / features)}, feature ${bad % features}`;
    throw new UsageError(`data set ${name}: ${where}, counted from 0, is ${values[bad]}; values must be finite`);
  }
  return { ...common, value: inSharedMemory(values) };
}

/**
 * A sparse data set in CSR form: `rowStart` has samples + 1 offsets into `column` and `value`, columns count from 0 and ascend
 * within a row. Arrays in shared memory that have the types of {@link SparseDataset} are taken as they are (nobody may write to
 * them from then on), others are copied into it once.
 * @throws UsageError for offsets that do not ascend from 0 to the number of values, columns out of range or out of order, and
 *   values that are not finite
 */
export function sparseDataset({
  rowStart,
  column,
  value,
  ...rest
}: SamplesInput & {
  readonly rowStart: ArrayLike<number>;
  readonly column: ArrayLike<number>;
  readonly value: ArrayLike<number>;
}): SparseDataset {
  const samples = rowStart.length - 1;
  const common = checkSamples(rest, samples);
  const { name, features } = rest;
  const refuse = (what: string) => new UsageError(`data set ${name}: ${what}`);
  if (column.length !== value.length) throw refuse(`${column.length} columns for ${value.length} values`);
  if (value.length > MAX_COUNT) throw refuse(`${value.length} values; at most ${MAX_COUNT}`);
  if (rowStart[0] !== 0 || rowStart[samples] !== value.length) {
    throw refuse(`rowStart must run from 0 to ${value.length}, not from ${rowStart[0]} to ${rowStart[samples]}`);
  }
  for (let s = 0; s < samples; s++) {
    const [first, end] = [rowStart[s], rowStart[s + 1]];
    if (!Number.isInteger(end) || !(first <= end) || end > value.length) {
      throw refuse(`rowStart[${s + 1}] is ${end} after ${first}; offsets must not descend`);
    }
    for (let k = first, previous = -1; k < end; previous = column[k++]) {
      const j = column[k];
      if (Number.isInteger(j) && j > previous && j < features) continue;
      const allowed = `columns of a row must ascend and lie in 0 … ${features - 1}`;
      throw refuse(`sample ${s} has column ${j}${previous < 0 ? '' : ` after ${previous}`}; ${allowed}`);
    }
  }
  const bad = firstNotFinite(value);
  if (bad >= 0) throw refuse(`value ${bad}, counted from 0, is ${value[bad]}; values must be finite`);
  const Column = features <= 65_536 ? Uint16Array : Int32Array;
  return {
    ...common,
    rowStart: rowStart instanceof Int32Array ? inSharedMemory(rowStart) : copied(Int32Array, rowStart),
    column:
      column instanceof Uint16Array || column instanceof Int32Array
        ? inSharedMemory(column)
        : copied<Uint16Array | Int32Array>(Column, column),
    value:
      value instanceof Uint8Array || value instanceof Float64Array
        ? inSharedMemory(value)
        : copied(Float64Array, value),
  };
}

/** Samples, features or non-zeros that 32-bit numbers can count. */
const MAX_COUNT = 2 ** 31 - 1;

function checkSamples({ name, features, label, scale = 1, digits }: SamplesInput, samples: number): Samples {
  for (const [what, count] of Object.entries({ samples, features })) {
    if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
      throw new UsageError(`data set ${name}: ${what} must be a whole number between 1 and ${MAX_COUNT}, not ${count}`);
    }
  }
  if (!Number.isFinite(scale)) throw new UsageError(`data set ${name}: scale must be finite, not ${scale}`);
  const labels = label ?? [];
  if (labels.length !== 0 && labels.length !== samples) {
    throw new UsageError(`data set ${name}: ${labels.length} labels for ${samples} samples`);
  }
  for (let s = 0; s < labels.length; s++) {
    if (Number.isFinite(labels[s]) || Number.isNaN(labels[s])) continue;
    throw new UsageError(
      `data set ${name}: the label of sample ${s} is ${printed(labels[s])}; labels are finite numbers, or NaN for none`,
    );
  }
  const kept = labels instanceof Float64Array ? inSharedMemory(labels) : copied(Float64Array, labels);
  const common = { name, samples, features, scale, label: kept };
  return digits === undefined ? common : { ...common, digits };
}

function firstNotFinite(values: ArrayLike<number>): number {
  if (values instanceof Uint8Array) return -1;
  for (let k = 0; k < values.length; k++) if (!Number.isFinite(values[k])) return k;
  return -1;
}

/** The labels of a data set. @throws UsageError when it has none, or some samples have none. */
export function labelsOf({ name, samples, label }: Dataset): Float64Array {
  const missing = label.length === samples ? label.findIndex(Number.isNaN) : 0;
  if (missing < 0) return label;
  if (label.some((value) => !Number.isNaN(value))) {
    throw new UsageError(`data set ${name} has no label for sample ${missing}, counted from 0`);
  }
  throw new UsageError(
    `data set ${name} has no labels: in memory they are y, in a CSV file a column, in a NumPy file the one that --label-column names (labelColumn in the library), and those of IDX and NumPy files are read from a file beside them (docs/data.md)`,
  );
}

interface TypedArrayType<T> {
  new (buffer: SharedArrayBuffer): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** A typed array over fresh shared memory. @throws UsageError when there is not so much */
export function shared<T>(array: TypedArrayType<T>, length: number): T {
  const bytes = length * array.BYTES_PER_ELEMENT;
  try {
    return new array(new SharedArrayBuffer(bytes));
  } catch (cause) {
    throw new UsageError(`there is no memory for ${bytes} bytes of data`, { cause });
  }
}

function copied<T extends { set(values: ArrayLike<number>): void }>(
  array: TypedArrayType<T>,
  values: ArrayLike<number>,
): T {
  const copy = shared(array, values.length);
  copy.set(values);
  return copy;
}

type Numbers = Uint8Array | Uint16Array | Int32Array | Float32Array | Float64Array;

/** The array itself when it lies in shared memory, or a copy that does. */
function inSharedMemory<T extends Numbers>(values: T): T {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  return copied(values.constructor as unknown as TypedArrayType<T>, values);
}
