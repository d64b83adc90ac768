import { type Dataset, type DenseDataset, RowReader, type SparseDataset } from '../data/dataset.js';
import { UsageError } from '../errors.js';
import type { DenseMatrix, Kernels, Region, SparseMatrix } from '../kernels/kernels.js';
import type { Vector } from '../vector.js';

/** The samples of one shard, laid out for the kernels as the data set is, sparse or dense; row r is local sample r. */
export class ShardRows {
  readonly #matrix: SparseMatrix | DenseMatrix;
  readonly #rows: number;
  readonly #scale: number;
  /** x or a gradient, and one number a row. */
  readonly #vector: Region;
  #numbers: Region;
  #which: Int32Array | undefined;

  /** With `offset` 1 every row begins with a one, the bias, and the features come after it. */
  constructor(
    private readonly kernels: Kernels,
    data: Dataset,
    shard: Int32Array,
    private readonly offset: 0 | 1,
  ) {
    this.#matrix = shardMatrix(kernels, data, shard);
    this.#rows = shard.length;
    this.#scale = data.scale;
    this.#vector = kernels.allocate(data.features + offset);
    this.#numbers = kernels.allocate(shard.length);
  }

  /** Local samples. */
  get count(): number {
    return this.#rows;
  }

  /**
   * ⟨a_s, x⟩ for the local samples in `batch`, or for all, in order. What is returned is valid until the next call and may be
   * written to, for {@link ShardRows.combine}.
   */
  multiply(batch: Int32Array | undefined, x: Vector): Float64Array {
    const { offset, kernels } = this;
    const which = this.#place(batch);
    const count = batch?.length ?? this.#rows;
    this.#vector.values.set(x);
    const shift = offset === 1 ? x[0] : 0;
    kernels.multiplyRows(this.#matrix, which, count, this.#vector, offset, this.#scale, shift, this.#numbers);
    return count === this.#numbers.values.length ? this.#numbers.values : this.#numbers.values.subarray(0, count);
  }

  /** out ← a · x + Σ_r factor[r] · a_s: `factor` and x as {@link ShardRows.multiply} has left them. Returns ‖x‖². */
  combine(batch: Int32Array | undefined, factor: Float64Array, a: number, out: Vector): number {
    const { values } = this.#vector;
    let squares = 0;
    for (let j = 0; j < values.length; j++) {
      squares += values[j] * values[j];
      values[j] *= a;
    }
    if (this.offset === 1) for (let r = 0; r < factor.length; r++) values[0] += factor[r];
    const which = batch && this.#which;
    this.kernels.addRows(this.#matrix, which, factor.length, this.#numbers, this.#scale, this.#vector, this.offset);
    out.set(values);
    return squares;
  }

  /** A copy of the batch where the kernels reach it, and room for its numbers. */
  #place(batch: Int32Array | undefined): Int32Array | undefined {
    if (batch === undefined) return undefined;
    if (this.#which === undefined || this.#which.length < batch.length) {
      this.#which = this.kernels.allocateInt32(batch.length);
    }
    if (this.#numbers.values.length < batch.length) this.#numbers = this.kernels.allocate(batch.length);
    this.#which.set(batch);
    return this.#which;
  }
}

/** The rows of a shard where the kernels reach them, sparse or dense as the data set is. */
export function shardMatrix(kernels: Kernels, data: Dataset, shard: Int32Array): SparseMatrix | DenseMatrix {
  return data.rowStart === undefined ? denseRows(kernels, data, shard) : sparseRows(kernels, data, shard);
}

/** Rows of a sparse data set where the kernels reach them. Values that are all one are not stored. */
function sparseRows(kernels: Kernels, { rowStart, column, value }: SparseDataset, shard: Int32Array): SparseMatrix {
  const start = kernels.allocateInt32(shard.length + 1);
  shard.forEach((s, r) => {
    start[r + 1] = start[r] + rowStart[s + 1] - rowStart[s];
  });
  const length = start[shard.length];
  const to = kernels.allocateInt32(length);
  const bytes = value instanceof Uint8Array;
  let ones = true;
  for (const s of shard) for (let k = rowStart[s]; ones && k < rowStart[s + 1]; k++) ones = value[k] === 1;
  const values = ones ? undefined : bytes ? kernels.allocateUint8(length) : kernels.allocate(length).values;
  shard.forEach((s, r) => {
    for (let k = rowStart[s], at = start[r]; k < rowStart[s + 1]; k++, at++) {
      to[at] = 8 * column[k];
      if (values !== undefined) values[at] = value[k];
    }
  });
  return { start, column: to, values };
}

/** The same of a dense one. */
function denseRows(kernels: Kernels, { value, features }: DenseDataset, shard: Int32Array): DenseMatrix {
  const length = shard.length * features;
  const values =
    value instanceof Uint8Array
      ? kernels.allocateUint8(length)
      : value instanceof Float32Array
        ? kernels.allocateFloat32(length)
        : kernels.allocate(length).values;
  shard.forEach((s, r) => {
    values.set(value.subarray(s * features, (s + 1) * features), r * features);
  });
  return { columns: features, values };
}

/** ‖a_s‖² of every sample. @throws UsageError where one overflows */
export function squaredRowNorms(data: Dataset, offset: 0 | 1): Float64Array {
  const rows = new RowReader(data);
  const { value, scale } = rows;
  return Float64Array.from({ length: data.samples }, (_, s) => {
    rows.seek(s);
    let sum = 0;
    for (let k = rows.first; k < rows.end; k++) sum += value[k] * value[k];
    const norm = sum * scale * scale + offset;
    if (Number.isFinite(norm)) return norm;
    let at = rows.first;
    for (let k = at; k < rows.end; k++) if (Math.abs(value[k]) > Math.abs(value[at])) at = k;
    const feature = rows.column[at - rows.shift] + 1;
    throw new UsageError(
      `data set ${data.name}: ‖a‖² of sample ${s + 1} overflows, feature ${feature} is ${value[at] * scale}; scale the data`,
    );
  });
}
