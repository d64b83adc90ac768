import { instantiate, type WasmMemory } from './kernels/instantiate.js';
import type { Vector } from './precision.js';
import type { Rng } from './random.js';

/** Coordinates that are on their way at a time: two vectors of them stay in the first-level cache. */
const STAGED = 2048;
const PAGE = 65536;

type Combine = (a: number, x: number, b: number, y: number, out: number, count: number) => void;
type Tridiagonal = (q: number, b: number, x: number, out: number, count: number, sum: number) => number;

/** What packages/core/assembly/vectors.ts exports. */
interface Exports {
  readonly memory: WasmMemory;
  base(): number;
  combineF64: Combine;
  combineF32: Combine;
  tridiagonalF64: Tridiagonal;
  tridiagonalF32: Tridiagonal;
  subset(place: number, length: number, count: number, index: number, member: number): void;
}

/**
 * The WebAssembly of vectors' arithmetic and of choosing coordinates. Vectors stay outside; their coordinates come here some at a
 * time (docs/decisions/0029).
 */
class VectorKernels {
  readonly #exports = instantiate<Exports>(import.meta.resolve('@flotilla/core/vectors.wasm'));
  /** Places of two vectors, with room for a coordinate on each side of the first. */
  readonly #x = (this.#exports.base() + 127) & ~63;
  readonly #y = this.#x + 8 * STAGED + 64;
  /** The place of a random stream; behind it a bit for each item, all zero between two subsets, and behind those the list of a subset. */
  readonly #rng = this.#y + 8 * STAGED;
  readonly #member = this.#rng + 64;
  #list = this.#member;
  #f64!: Stage<Float64Array>;
  #f32!: Stage<Float32Array>;
  #words!: Int32Array;
  #state!: Int32Array;

  constructor() {
    this.#grow(this.#list);
  }

  /** Makes memory reach up to address `end`. */
  #grow(end: number): void {
    const { memory } = this.#exports;
    memory.grow(Math.max(0, Math.ceil(end / PAGE) - memory.buffer.byteLength / PAGE));
    const place = [memory.buffer, this.#x, this.#y] as const;
    this.#f64 = new Stage(Float64Array, ...place);
    this.#f32 = new Stage(Float32Array, ...place);
    this.#words = new Int32Array(memory.buffer);
    this.#state = new Int32Array(memory.buffer, this.#rng, 4);
  }

  /** Lists `count` of {0 … length − 1} in `out`: {@link SubsetSampler.draw}. */
  subset(rng: Rng, length: number, count: number, out: Int32Array): void {
    const list = this.#member + 8 * Math.ceil(length / 64);
    const before = this.#list;
    const end = Math.max(list, before) + 4 * count;
    if (end > this.#words.byteLength) this.#grow(end);
    if (list > before) {
      // where lists were are bits from now on
      this.#words.fill(0, before / 4, list / 4);
      this.#list = list;
    }
    rng.save(this.#state);
    this.#exports.subset(this.#rng, length, count, this.#list, this.#member);
    rng.load(this.#state);
    const at = this.#list / 4;
    const words = this.#words;
    if (count > 100) out.set(words.subarray(at, at + count));
    else for (let k = 0; k < count; k++) out[k] = words[at + k];
  }

  /** out ← a·x + b·y; all of one precision and length. */
  combine(a: number, x: Vector, b: number, y: Vector, out: Vector): void {
    const isF32 = out instanceof Float32Array;
    const stage = isF32 ? this.#f32 : this.#f64;
    const combine = isF32 ? this.#exports.combineF32 : this.#exports.combineF64;
    const { length } = out;
    for (let from = 0; from < length; from += STAGED) {
      const some = Math.min(STAGED, length - from);
      stage.x.set(part(x, from, some));
      stage.y.set(part(y, from, some));
      combine(a, this.#x, b, this.#y, this.#y, some);
      out.set(stage.result(some), from);
    }
  }

  /** out ← qTx + b, T = tridiag(−1, 2, −1), x and out of one precision. Returns ½ q xᵀTx + bᵀx, summed from the first to the last. */
  tridiagonal(q: number, b: Float64Array, x: Vector, out: Vector): number {
    const isF32 = out instanceof Float32Array;
    const stage = isF32 ? this.#f32 : this.#f64;
    const tridiagonal = isF32 ? this.#exports.tridiagonalF32 : this.#exports.tridiagonalF64;
    const { length } = x;
    let sum = 0;
    for (let from = 0; from < length; from += STAGED) {
      const some = Math.min(STAGED, length - from);
      stage.x.set(part(x, from, some));
      stage.around[0] = from === 0 ? 0 : x[from - 1];
      stage.around[1 + some] = from + some === length ? 0 : x[from + some];
      this.#f64.y.set(part(b, from, some));
      sum = tridiagonal(q, this.#y, this.#x, this.#y, some, sum);
      out.set(stage.result(some), from);
    }
    return sum;
  }
}

function part<T extends Vector>(x: T, from: number, count: number): T {
  return x.length === count ? x : (x.subarray(from, from + count) as T);
}

/** Where coordinates of two vectors are while they are worked with; the second's place is the result's. */
class Stage<T extends Vector> {
  readonly x: T;
  readonly y: T;
  /** The first place, with what is on its sides. */
  readonly around: T;
  #result: Vector;

  constructor(
    make: { new (buffer: ArrayBufferLike, at: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
    buffer: ArrayBufferLike,
    x: number,
    y: number,
  ) {
    this.x = new make(buffer, x, STAGED);
    this.y = new make(buffer, y, STAGED);
    this.around = new make(buffer, x - make.BYTES_PER_ELEMENT, STAGED + 2);
    this.#result = this.y;
  }

  /** The first `count` coordinates of the result. */
  result(count: number): Vector {
    // most vectors are as long as the one before
    if (this.#result.length !== count) this.#result = this.y.subarray(0, count);
    return this.#result;
  }
}

let kernels: VectorKernels | undefined;

/** Those of this thread. */
export function vectorKernels(): VectorKernels {
  kernels ??= new VectorKernels();
  return kernels;
}
