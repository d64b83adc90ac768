import { UsageError } from '../errors.js';
import { type Dataset, denseDataset, sparseDataset } from './dataset.js';

/**
 * Samples in the caller's memory. Typed arrays that lie in shared memory are used as they are (nobody may write to them while
 * the run goes on), others are copied there once.
 */
export type MemoryData = DenseMemoryData | SparseMemoryData;

/** A dense matrix. */
export interface DenseMemoryData {
  /** N · q values, row-major: sample s has x[s · q] … x[s · q + q − 1]. Finite. */
  readonly x: Float64Array | Float32Array | Uint8Array;
  /** [N, q] */
  readonly shape: readonly [number, number];
  /** A label for each sample, NaN where there is none. */
  readonly y?: ArrayLike<number>;
}

/** A compressed sparse row (CSR) matrix; SciPy calls the three arrays `indptr`, `indices` and `data`. */
export interface SparseMemoryData {
  /** N + 1 offsets: sample s has the entries rowStart[s] ≤ k < rowStart[s + 1]. An Int32Array is not converted. */
  readonly rowStart: ArrayLike<number>;
  /** Columns from 0, ascending within a sample. A Uint16Array or Int32Array is not converted. */
  readonly columns: ArrayLike<number>;
  /** Finite. A Float64Array or Uint8Array is not converted. */
  readonly values: ArrayLike<number>;
  /** [N, q] */
  readonly shape: readonly [number, number];
  /** A label for each sample, NaN where there is none. */
  readonly y?: ArrayLike<number>;
}

/**
 * What the option `data` may be: a name or a path, samples in memory, or a record that means something to a problem that loads
 * its own data.
 */
export type DataInput = string | MemoryData | Readonly<Record<string, unknown>>;

const NAME = 'memory';
const DENSE = ['x', 'shape', 'y'];
const SPARSE = ['rowStart', 'columns', 'values', 'shape', 'y'];

/** Samples in memory as a data set, checked. @throws UsageError */
export function datasetFrom(data: object): Dataset {
  const given = data as Readonly<Record<string, unknown>>;
  const sparse = SPARSE.slice(0, 3).some((key) => given[key] !== undefined);
  const known = sparse ? SPARSE : DENSE;
  for (const key of Object.keys(given)) if (!known.includes(key)) throw unusable(`has ${key}`);
  for (const key of known.slice(0, -1)) if (given[key] === undefined) throw unusable(`has no ${key}`);
  const [samples, features] = shapeOf(given.shape);
  const label = given.y === undefined ? undefined : listOf('y', given.y);
  if (!sparse) {
    const { x } = given;
    if (!(x instanceof Float64Array || x instanceof Float32Array || x instanceof Uint8Array)) {
      throw new UsageError('data in memory: x must be a Float64Array, a Float32Array or a Uint8Array');
    }
    return denseDataset({ name: NAME, values: x, samples, features, label });
  }
  const [rowStart, column, value] = SPARSE.slice(0, 3).map((key) => listOf(key, given[key])) as [
    ArrayLike<number>,
    ArrayLike<number>,
    ArrayLike<number>,
  ];
  if (rowStart.length !== samples + 1) {
    throw new UsageError(
      `data in memory: ${rowStart.length} offsets in rowStart; ${samples} samples have ${samples + 1}`,
    );
  }
  return sparseDataset({ name: NAME, rowStart, column, value, features, label });
}

function unusable(what: string): UsageError {
  return new UsageError(
    `data in memory ${what}; it is { x, shape: [N, q], y } or { rowStart, columns, values, shape: [N, q], y }, y where there are labels`,
  );
}

function shapeOf(shape: unknown): readonly [number, number] {
  if (Array.isArray(shape) && shape.length === 2 && shape.every((n) => Number.isInteger(n) && n > 0)) {
    return shape as unknown as readonly [number, number];
  }
  throw new UsageError('data in memory: shape must be [samples, features], two whole numbers from 1 on');
}

function listOf(name: string, list: unknown): ArrayLike<number> {
  const isTyped = ArrayBuffer.isView(list) && !(list instanceof DataView) && !(list instanceof BigInt64Array);
  if (Array.isArray(list) || (isTyped && !(list instanceof BigUint64Array))) return list as ArrayLike<number>;
  throw new UsageError(`data in memory: ${name} must be an array or a typed array of numbers`);
}
