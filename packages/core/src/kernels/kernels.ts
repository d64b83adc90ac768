// Long: a method for each function of one WebAssembly module, with its docs.

import { readFileSync } from 'node:fs';
import { FlotillaError } from '../errors.js';
import { type Precision, type Vector, zeros } from '../precision.js';

/** Where values lie in a thread's kernel memory. Of two that a method reads from and writes to, one at most is f32. */
export interface Place {
  /** Byte address. */
  readonly pointer: number;
  /** Whether they are f32, and not f64. */
  readonly isF32?: boolean;
}

/** A block of f64 values in a thread's kernel memory. */
export interface Region extends Place {
  /** Stays valid: the memory is shared, so growing it does not detach views. */
  readonly values: Float64Array;
}

/** A square matrix in a thread's kernel memory, row-major: integers where they are exact at half the memory, or f64. */
export interface Matrix {
  readonly pointer: number;
  readonly values: Int32Array | Float64Array;
}

/** A matrix that sparse ones are multiplied with. */
export interface BorderedMatrix extends Matrix {
  /** Between which columns, multiples of 4, the non-zeros of each row lie: the first, and the one behind the last. */
  readonly extent: Uint16Array;
}

/** A sparse matrix in CSC form in a thread's kernel memory: column j has values[k] in row[k], start[j] ≤ k < start[j + 1]. */
export interface SparseColumns {
  readonly start: Int32Array;
  readonly row: Int32Array;
  readonly values: Float64Array;
}

/** A sparse matrix by rows in a thread's kernel memory: row s has values[k] at column[k], start[s] ≤ k < start[s + 1]. */
export interface SparseMatrix {
  readonly start: Int32Array;
  /** Byte offsets in a vector of f64: 8 times the column. */
  readonly column: Int32Array;
  /** Undefined: every value is one. */
  readonly values: Uint8Array | Float64Array | undefined;
}

/** Rows of 8-bit values in a thread's kernel memory: row s has value[k] in column[k], start[s] ≤ k < start[s + 1]. */
export interface ByteRows {
  readonly start: Int32Array;
  readonly column: Uint16Array;
  readonly value: Uint8Array;
}

/** Work space of second moments of `features` columns. */
export interface GramSpace {
  /** 9 · features bytes, features rounded up to 4; zeros between two calls. */
  readonly group: Uint8Array;
  /** A number for four features. */
  readonly list: Int32Array;
}

/** A dense matrix by rows in a thread's kernel memory, row-major. */
export interface DenseMatrix {
  readonly columns: number;
  readonly values: Uint8Array | Float32Array | Float64Array;
}

interface Exports {
  multiplyTransposed(
    a: number,
    b: number,
    out: number,
    rows: number,
    columns: number,
    inner: number,
    packed: number,
  ): void;
  gram(a: number, out: number, rows: number, inner: number, packed: number): void;
  multiplyI32: MultiplyMatrix;
  multiplyF64: MultiplyMatrix;
  addSparseProductI32: AddSparseProduct;
  addSparseProductF64: AddSparseProduct;
  extentsI32: Extents;
  extentsF64: Extents;
  combine(c: number, x: number, y: number, out: number, columns: number): void;
  combineF32: Combine;
  combineF64: Combine;
  copy: Copy;
  copyFromF32: Copy;
  copyToF32: Copy;
  transpose: Transpose;
  transposeFromF32: Transpose;
  transposeToF32: Transpose;
  gatherColumns(x: number, index: number, count: number, out: number, rows: number, side: number, stride: number): void;
  scatterScaled(
    x: number,
    a: number,
    p: number,
    b: number,
    index: number,
    count: number,
    out: number,
    rows: number,
    side: number,
    stride: number,
  ): void;
  dot(x: number, y: number, count: number): number;
  squaredMisses(margins: number, signs: number, count: number, factor: number): number;
  markColumns(column: number, value: number, count: number, seen: number): void;
  addGram(
    start: number,
    column: number,
    value: number,
    rows: number,
    place: number,
    group: number,
    list: number,
    out: number,
    side: number,
  ): void;
  mirror(m: number, side: number): void;
  drawNormals(place: number, inner: number, unit: number, out: number, from: number, count: number): number;
  project(xi: number, rows: number, side: number, x: number, out: number): void;
  addCombination(xi: number, rows: number, side: number, factor: number, out: number): void;
  scoreRowsOnes: ScoreRows;
  scoreRowsU8: ScoreRows;
  scoreRowsF64: ScoreRows;
  addOuterRowsOnes: AddOuterRows;
  addOuterRowsU8: AddOuterRows;
  addOuterRowsF64: AddOuterRows;
  scoreDenseRowsU8: ScoreDenseRows;
  scoreDenseRowsF32: ScoreDenseRows;
  scoreDenseRowsF64: ScoreDenseRows;
  addOuterDenseRowsU8: AddOuterDenseRows;
  addOuterDenseRowsF32: AddOuterDenseRows;
  addOuterDenseRowsF64: AddOuterDenseRows;
  multiplyRowsOnes: MultiplyRows;
  multiplyRowsU8: MultiplyRows;
  multiplyRowsF64: MultiplyRows;
  addRowsOnes: AddRows;
  addRowsU8: AddRows;
  addRowsF64: AddRows;
  multiplyDenseRowsU8: MultiplyDenseRows;
  multiplyDenseRowsF32: MultiplyDenseRows;
  multiplyDenseRowsF64: MultiplyDenseRows;
  addDenseRowsU8: AddDenseRows;
  addDenseRowsF32: AddDenseRows;
  addDenseRowsF64: AddDenseRows;
}

type Combine = (a: number, x: number, b: number, y: number, out: number, count: number) => void;

type Copy = (from: number, to: number, count: number) => void;

type Transpose = (a: number, out: number, rows: number, columns: number) => void;

type ScoreRows = (
  start: number,
  column: number,
  value: number,
  which: number,
  count: number,
  x: number,
  width: number,
  scale: number,
  shift: number,
  scores: number,
) => void;

type AddOuterRows = (
  start: number,
  column: number,
  value: number,
  which: number,
  count: number,
  factor: number,
  width: number,
  scale: number,
  out: number,
) => void;

type ScoreDenseRows = (
  value: number,
  columns: number,
  which: number,
  count: number,
  x: number,
  width: number,
  scale: number,
  shift: number,
  scores: number,
) => void;

type AddOuterDenseRows = (
  value: number,
  columns: number,
  which: number,
  count: number,
  factor: number,
  width: number,
  scale: number,
  out: number,
) => void;

type MultiplyDenseRows = (
  value: number,
  columns: number,
  which: number,
  count: number,
  x: number,
  scale: number,
  shift: number,
  product: number,
) => void;

type AddDenseRows = (
  value: number,
  columns: number,
  which: number,
  count: number,
  factor: number,
  scale: number,
  out: number,
) => void;

type MultiplyRows = (
  start: number,
  column: number,
  value: number,
  which: number,
  count: number,
  x: number,
  scale: number,
  shift: number,
  product: number,
) => void;

type AddRows = (
  start: number,
  column: number,
  value: number,
  which: number,
  count: number,
  factor: number,
  scale: number,
  out: number,
) => void;

type MultiplyMatrix = (
  a: number,
  m: number,
  extent: number,
  out: number,
  rows: number,
  side: number,
  packed: number,
  strip: number,
) => void;

type AddSparseProduct = (
  start: number,
  row: number,
  value: number,
  m: number,
  extent: number,
  out: number,
  rows: number,
  side: number,
) => void;

type Extents = (m: number, side: number, extent: number) => void;

/** Rows that a product packs at a time (PANEL in the assembly). */
const PANEL = 32;
const PAGE = 65536;
/** The memory grows by at least this much (4 MiB) while it can: growing makes work for the garbage collector. */
const GROWTH_PAGES = 64;
/** 4 GiB, the most a 32-bit WebAssembly memory can have. Reserved as address space, used as needed. */
const MAX_PAGES = 65536;

let compiled: WebAssembly.Module | undefined;

/**
 * The WebAssembly SIMD kernels of one thread and the memory they work on. Sources: packages/core/assembly. Sums are made
 * in a fixed order, so results do not depend on the thread.
 */
export class Kernels {
  readonly #memory: WebAssembly.Memory;
  readonly #exports: Exports;
  #used = PAGE;
  /** Scratch of the products. */
  #packed: Region | undefined;
  /** The memory as it was and is named: growing leaves views of the old name whole, and gives it another. */
  readonly #buffers = new Set<ArrayBufferLike>();

  constructor() {
    compiled ??= new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('@flotilla/core/kernels.wasm'))));
    let instance: WebAssembly.Instance;
    try {
      this.#memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true });
      instance = new WebAssembly.Instance(compiled, { env: { memory: this.#memory, exp: Math.exp } });
    } catch (cause) {
      const what = '4 GiB of address space cannot be reserved for a thread';
      throw new FlotillaError('limit', `${what}: raise the limit (ulimit -v), or use fewer threads`, { cause });
    }
    this.#exports = instance.exports as unknown as Exports;
  }

  /**
   * `length` zeros, aligned to 64 bytes, for as long as this object lives.
   * @throws FlotillaError `limit` when the thread's kernel memory (4 GiB) is used up.
   */
  allocate(length: number): Region {
    const pointer = this.#reserve(8 * length);
    return { pointer, values: new Float64Array(this.#memory.buffer, pointer, length) };
  }

  /**
   * `length` zeros, here while three quarters of the memory are left for what can lie nowhere else, such as matrices of workers
   * to come; else anywhere.
   */
  allocateIfRoom(length: number, precision: Precision = 'f64'): Vector {
    if (this.#used + 8 * length > (MAX_PAGES * PAGE) / 4) return zeros(length, precision);
    return precision === 'f32' ? this.allocateFloat32(length) : this.allocate(length).values;
  }

  /** A vector that lies in this memory, as the methods below take it. */
  placeOf(vector: Vector): Place | undefined {
    if (!this.#buffers.has(vector.buffer)) return undefined;
    return { pointer: vector.byteOffset, isF32: vector instanceof Float32Array };
  }

  /** The same for 32-bit integers, f32 values, 16-bit integers, and bytes. */
  allocateInt32(length: number): Int32Array {
    const pointer = this.#reserve(4 * length);
    return new Int32Array(this.#memory.buffer, pointer, length);
  }

  allocateFloat32(length: number): Float32Array {
    const pointer = this.#reserve(4 * length);
    return new Float32Array(this.#memory.buffer, pointer, length);
  }

  allocateUint16(length: number): Uint16Array {
    const pointer = this.#reserve(2 * length);
    return new Uint16Array(this.#memory.buffer, pointer, length);
  }

  allocateUint8(length: number): Uint8Array {
    const pointer = this.#reserve(length);
    return new Uint8Array(this.#memory.buffer, pointer, length);
  }

  #reserve(size: number): number {
    const pointer = this.#used;
    const bytes = Math.ceil(size / 64) * 64;
    const pages = Math.ceil((pointer + bytes) / PAGE) - this.#memory.buffer.byteLength / PAGE;
    if (pages > 0) {
      try {
        const grown = this.#memory.buffer.byteLength / PAGE;
        this.#memory.grow(Math.max(pages, Math.min(GROWTH_PAGES, MAX_PAGES - grown)));
      } catch (cause) {
        const gib = (count: number) => `${(count / 2 ** 30).toFixed(1)} GiB`;
        const most = MAX_PAGES * PAGE;
        const what =
          pointer + bytes <= most
            ? `there is no more memory where a thread needs ${gib(pointer + bytes)}; use fewer workers or a smaller problem`
            : bytes > most / 2
              ? `${gib(bytes)} of kernel memory for one worker, where a thread has 4 GiB; use more workers, or a smaller dimension`
              : `${gib(pointer + bytes)} of kernel memory on one thread exceed 4 GiB; use more threads, or fewer workers`;
        throw new FlotillaError('limit', what, { cause });
      }
    }
    this.#buffers.add(this.#memory.buffer);
    this.#used = pointer + bytes;
    return pointer;
  }

  /**
   * out (rows × columns) ← A (rows × inner) · Bᵀ, B (columns × inner), row-major, from value `aAt` of `a` and `bAt` of `b`
   * on. Rows must be a multiple of 4, columns and inner of 2. The order of every sum depends on `inner` alone.
   */
  multiplyTransposed(
    a: Region,
    b: Region,
    out: Region,
    {
      rows,
      columns,
      inner,
      aAt = 0,
      bAt = 0,
    }: { rows: number; columns: number; inner: number; aAt?: number; bAt?: number },
  ): void {
    this.#exports.multiplyTransposed(
      a.pointer + 8 * aAt,
      b.pointer + 8 * bAt,
      out.pointer,
      rows,
      columns,
      inner,
      this.#scratch(PANEL * inner),
    );
  }

  /** out (rows × rows) ← A Aᵀ, A (rows × inner) from value `aAt` of `a` on: the same bits as `multiplyTransposed`. */
  gram(a: Region, aAt: number, out: Region, rows: number, inner: number): void {
    this.#exports.gram(a.pointer + 8 * aAt, out.pointer, rows, inner, this.#scratch(PANEL * inner));
  }

  /**
   * out (rows × side) ← A (rows × side) · M, M (side × side) symmetric, row-major. Rows and side must be multiples of 4. Every sum
   * runs from the first row of M to the last.
   */
  multiply(a: Region, m: BorderedMatrix, out: Float64Array, rows: number, side: number): void {
    const packed = this.#scratch((rows + 4) * side);
    const { multiplyI32, multiplyF64 } = this.#exports;
    const multiply = m.values instanceof Int32Array ? multiplyI32 : multiplyF64;
    const extent = m.extent.byteOffset;
    multiply(a.pointer, m.pointer, extent, out.byteOffset, rows, side, packed, packed + 8 * rows * side);
  }

  /**
   * out (rows × side) ← out + A · M, A (rows × side) sparse, M (side × side); `out` lies in this kernel memory. Side must be a
   * multiple of 4.
   */
  addSparseProduct(a: SparseColumns, m: BorderedMatrix, out: Float64Array, side: number): void {
    const { addSparseProductI32, addSparseProductF64 } = this.#exports;
    const add = m.values instanceof Int32Array ? addSparseProductI32 : addSparseProductF64;
    // of a shard that has zeros alone
    if (side === 0) return;
    const { start, row, values } = a;
    const [from, extent, to] = [m.pointer, m.extent.byteOffset, out.byteOffset];
    add(start.byteOffset, row.byteOffset, values.byteOffset, from, extent, to, out.length / side, side);
  }

  /** A matrix (side × side), side a multiple of 4, and where the zeros at the ends of its rows begin. */
  withExtents({ pointer, values }: Matrix, side: number): BorderedMatrix {
    const extent = this.allocateUint16(2 * side);
    const { extentsI32, extentsF64 } = this.#exports;
    const find = values instanceof Int32Array ? extentsI32 : extentsF64;
    find(pointer, side, extent.byteOffset);
    return { pointer, values, extent };
  }

  /** out (16 × columns) ← 2 (Cᵀ X − Y), C (16 × 16), from value `xAt` of `x` and `yAt` of `y` on; columns a multiple of 4. */
  combine(c: Region, x: Region, xAt: number, y: Region, yAt: number, out: Place, columns: number): void {
    this.#exports.combine(c.pointer, x.pointer + 8 * xAt, y.pointer + 8 * yAt, out.pointer, columns);
  }

  /** y ← a·x + (1 − a)·y of two vectors of one precision in this kernel memory; their length is a multiple of 4. */
  blend(a: number, x: Vector, y: Vector): void {
    const { combineF32, combineF64 } = this.#exports;
    const combine = y instanceof Float32Array ? combineF32 : combineF64;
    combine(a, x.byteOffset, 1 - a, y.byteOffset, y.byteOffset, y.length);
  }

  /**
   * Copies `count` values from value `fromAt` on to value `toAt` on; a multiple of 4 where one of both is f32. Faster than `set`, which
   * goes through a memory that threads may share word by word.
   */
  copy(from: Place, fromAt: number, to: Place, toAt: number, count: number): void {
    const { copy, copyFromF32, copyToF32 } = this.#exports;
    const way = from.isF32 === true ? copyFromF32 : to.isF32 === true ? copyToF32 : copy;
    way(at(from, fromAt), at(to, toAt), count);
  }

  /** out (columns × rows), from value `outAt` on, ← the transpose of A (rows × columns); both must be multiples of 2. */
  transpose(a: Place, out: Place, outAt: number, rows: number, columns: number): void {
    const { transpose, transposeFromF32, transposeToF32 } = this.#exports;
    const way = a.isF32 === true ? transposeFromF32 : out.isF32 === true ? transposeToF32 : transpose;
    way(a.pointer, at(out, outAt), rows, columns);
  }

  /** out (rows × side) ← column index[k] of X (rows × stride) at column k; zeros behind the last. `index` lies in this kernel memory. */
  gatherColumns(
    x: Region,
    index: Int32Array,
    out: Region,
    { rows, side, stride }: { rows: number; side: number; stride: number },
  ): void {
    this.#exports.gatherColumns(x.pointer, index.byteOffset, index.length, out.pointer, rows, side, stride);
  }

  /**
   * out (rows × stride) ← a · X + b · P: column k of P (rows × side) goes to column index[k]; X is rows × stride. `p` and
   * `index` lie in this kernel memory; stride must be a multiple of 2.
   */
  scatterScaled(
    x: Region,
    a: number,
    p: Float64Array,
    b: number,
    index: Int32Array,
    out: Region,
    { rows, side, stride }: { rows: number; side: number; stride: number },
  ): void {
    const { pointer } = out;
    this.#exports.scatterScaled(
      x.pointer,
      a,
      p.byteOffset,
      b,
      index.byteOffset,
      index.length,
      pointer,
      rows,
      side,
      stride,
    );
  }

  /** Σ x_k y_k over the first `count` values from `xAt` and `yAt` on; count must be a multiple of 4. */
  dot(x: Region, xAt: number, y: Region, yAt: number, count: number): number {
    return this.#exports.dot(x.pointer + 8 * xAt, y.pointer + 8 * yAt, count);
  }

  /**
   * Writes factor · y_r ℓ′(y_r p_r) over each p_r of `products` and returns Σ ℓ(y_r p_r), for ℓ(t) = 1/(1 + e^t)²; y_r = ±1 are the
   * `signs`. Both lie in this kernel memory. The same bits as with Math.exp, one after the other.
   */
  squaredMisses(products: Float64Array, signs: Float64Array, factor: number): number {
    return this.#exports.squaredMisses(products.byteOffset, signs.byteOffset, products.length, factor);
  }

  /** seen[c] becomes non-zero for each column c of the first `count` rows that has a value there; `seen` lies in this kernel memory. */
  markColumns({ start, column, value }: ByteRows, count: number, seen: Uint8Array): void {
    this.#exports.markColumns(column.byteOffset, value.byteOffset, start[count], seen.byteOffset);
  }

  /**
   * out (side × side) ← out + Σ_s b_s b_sᵀ on and above the diagonal, over the first `count` rows: column c is entry place[c] of b_s.
   * `place`, `out` and the work space lie in this kernel memory. Side must be a multiple of 4. Exact while no entry reaches 2³¹.
   */
  addGram(
    { start, column, value }: ByteRows,
    count: number,
    place: Int32Array,
    { group, list }: GramSpace,
    out: Int32Array,
    side: number,
  ): void {
    this.#exports.addGram(
      start.byteOffset,
      column.byteOffset,
      value.byteOffset,
      count,
      place.byteOffset,
      group.byteOffset,
      list.byteOffset,
      out.byteOffset,
      side,
    );
  }

  /** Copies what is above the diagonal of M (side × side), in this kernel memory, below it. Side must be a multiple of 4. */
  mirror(m: Int32Array, side: number): void {
    this.#exports.mirror(m.byteOffset, side);
  }

  /**
   * Draws normal values to `out` from value `from` on, by the tables of a ziggurat, until the first one that these do not
   * decide, or all are drawn; returns its index and leaves the stream `place` before it. All of it lies in this kernel memory.
   */
  drawNormals(place: Int32Array, inner: Float64Array, unit: Float64Array, out: Float32Array, from: number): number {
    const { drawNormals } = this.#exports;
    return drawNormals(place.byteOffset, inner.byteOffset, unit.byteOffset, out.byteOffset, from, out.length);
  }

  /** out, from value `at` on, ← Ξ x, Ξ (rows × side, f32) in this kernel memory, side that of `x`. */
  project(xi: Float32Array, rows: number, x: Region, out: Region, at: number): void {
    this.#exports.project(xi.byteOffset, rows, x.values.length, x.pointer, out.pointer + 8 * at);
  }

  /** out ← out + Σ_r factor[at + r] · row r of Ξ (rows × side, f32, in this kernel memory), side that of `out`. */
  addCombination(xi: Float32Array, rows: number, factor: Region, at: number, out: Region): void {
    this.#exports.addCombination(xi.byteOffset, rows, out.values.length, factor.pointer + 8 * at, out.pointer);
  }

  /**
   * scores (count × width) ← shift + scale · A X, X (· × width) and shift (width); width must be a multiple of 2. Row r of A is row
   * which[from + r] of `m`, or row from + r without `which`. All of it lies in this kernel memory.
   */
  scoreRows(
    m: SparseMatrix | DenseMatrix,
    which: Int32Array | undefined,
    from: number,
    count: number,
    x: Region,
    width: number,
    scale: number,
    shift: Region,
    scores: Region,
  ): void {
    const rest = [count, x.pointer, width, scale, shift.pointer, scores.pointer] as const;
    if ('columns' in m) {
      const { scoreDenseRowsU8, scoreDenseRowsF32, scoreDenseRowsF64 } = this.#exports;
      const score = byType(m, scoreDenseRowsU8, scoreDenseRowsF32, scoreDenseRowsF64);
      score(...denseFrom(m, which, from), ...rest);
      return;
    }
    const { scoreRowsOnes, scoreRowsU8, scoreRowsF64 } = this.#exports;
    const score = byValues(m, scoreRowsOnes, scoreRowsU8, scoreRowsF64);
    score(...sparseFrom(m, which, from), ...rest);
  }

  /** out (· × width) ← out + scale · Aᵀ F, F (count × width); as above. */
  addOuterRows(
    m: SparseMatrix | DenseMatrix,
    which: Int32Array | undefined,
    from: number,
    count: number,
    factor: Region,
    width: number,
    scale: number,
    out: Region,
  ): void {
    const rest = [count, factor.pointer, width, scale, out.pointer] as const;
    if ('columns' in m) {
      const { addOuterDenseRowsU8, addOuterDenseRowsF32, addOuterDenseRowsF64 } = this.#exports;
      const add = byType(m, addOuterDenseRowsU8, addOuterDenseRowsF32, addOuterDenseRowsF64);
      add(...denseFrom(m, which, from), ...rest);
      return;
    }
    const { addOuterRowsOnes, addOuterRowsU8, addOuterRowsF64 } = this.#exports;
    const add = byValues(m, addOuterRowsOnes, addOuterRowsU8, addOuterRowsF64);
    add(...sparseFrom(m, which, from), ...rest);
  }

  /**
   * product[r] ← shift + scale · ⟨row which[r], x⟩, r < count, with x from its value `xAt` on; all rows in order without
   * `which`. All of it lies in this kernel memory. A dense row gives the same bits as a sparse one with all its entries.
   */
  multiplyRows(
    m: SparseMatrix | DenseMatrix,
    which: Int32Array | undefined,
    count: number,
    x: Region,
    xAt: number,
    scale: number,
    shift: number,
    product: Region,
  ): void {
    if ('columns' in m) {
      const { multiplyDenseRowsU8, multiplyDenseRowsF32, multiplyDenseRowsF64 } = this.#exports;
      const multiplyDense = byType(m, multiplyDenseRowsU8, multiplyDenseRowsF32, multiplyDenseRowsF64);
      const from = x.pointer + 8 * xAt;
      const list = which?.byteOffset ?? 0;
      multiplyDense(m.values.byteOffset, m.columns, list, count, from, scale, shift, product.pointer);
      return;
    }
    const { multiplyRowsOnes, multiplyRowsU8, multiplyRowsF64 } = this.#exports;
    const multiply = byValues(m, multiplyRowsOnes, multiplyRowsU8, multiplyRowsF64);
    const { start, column, values } = m;
    multiply(
      start.byteOffset,
      column.byteOffset,
      values?.byteOffset ?? 0,
      which?.byteOffset ?? 0,
      count,
      x.pointer + 8 * xAt,
      scale,
      shift,
      product.pointer,
    );
  }

  /** out, from value `outAt` on, ← out + Σ_r scale · factor[r] · row which[r], r < count; as above. */
  addRows(
    m: SparseMatrix | DenseMatrix,
    which: Int32Array | undefined,
    count: number,
    factor: Region,
    scale: number,
    out: Region,
    outAt: number,
  ): void {
    if ('columns' in m) {
      const { addDenseRowsU8, addDenseRowsF32, addDenseRowsF64 } = this.#exports;
      const addDense = byType(m, addDenseRowsU8, addDenseRowsF32, addDenseRowsF64);
      const to = out.pointer + 8 * outAt;
      addDense(m.values.byteOffset, m.columns, which?.byteOffset ?? 0, count, factor.pointer, scale, to);
      return;
    }
    const { addRowsOnes, addRowsU8, addRowsF64 } = this.#exports;
    const add = byValues(m, addRowsOnes, addRowsU8, addRowsF64);
    const { start, column, values } = m;
    add(
      start.byteOffset,
      column.byteOffset,
      values?.byteOffset ?? 0,
      which?.byteOffset ?? 0,
      count,
      factor.pointer,
      scale,
      out.pointer + 8 * outAt,
    );
  }

  /** Address of work space for `length` values, until the next kernel that needs some. */
  #scratch(length: number): number {
    if (this.#packed === undefined || this.#packed.values.length < length) this.#packed = this.allocate(length);
    return this.#packed.pointer;
  }
}

/** The variant of a kernel that the values of a matrix need. */
function byValues<T>({ values }: SparseMatrix, ones: T, u8: T, f64: T): T {
  if (values === undefined) return ones;
  return values instanceof Uint8Array ? u8 : f64;
}

function byType<T>({ values }: DenseMatrix, u8: T, f32: T, f64: T): T {
  if (values instanceof Uint8Array) return u8;
  return values instanceof Float32Array ? f32 : f64;
}

/** The first arguments of a kernel for the rows that begin at number `from` of `which`, or at row `from`. */
function sparseFrom({ start, column, values }: SparseMatrix, which: Int32Array | undefined, from: number) {
  const rows = start.byteOffset + (which === undefined ? 4 * from : 0);
  return [
    rows,
    column.byteOffset,
    values?.byteOffset ?? 0,
    which === undefined ? 0 : which.byteOffset + 4 * from,
  ] as const;
}

function denseFrom({ columns, values }: DenseMatrix, which: Int32Array | undefined, from: number) {
  const skipped = which === undefined ? from * columns * values.BYTES_PER_ELEMENT : 0;
  return [values.byteOffset + skipped, columns, which === undefined ? 0 : which.byteOffset + 4 * from] as const;
}

/** Address of a value there. */
function at({ pointer, isF32 }: Place, value: number): number {
  return pointer + (isF32 === true ? 4 : 8) * value;
}
