import { instantiate, type WasmMemory } from './kernels/instantiate.js';
import type { Vector } from './vector.js';

/** Coordinates that are on their way at a time: two vectors of them stay in the first-level cache. */
const STAGED = 2048;
const PAGE = 65536;

type Combine = (a: number, x: number, b: number, y: number, out: number, count: number) => void;

/** What packages/core/assembly/vectors.ts exports. */
interface Exports {
  readonly memory: WasmMemory;
  base(): number;
  combineF64: Combine;
  combineF32: Combine;
}

/**
 * The WebAssembly of vectors' arithmetic. Vectors stay outside; their coordinates come here some at a time
 * (docs/decisions/0029).
 */
class VectorKernels {
  readonly #exports = instantiate<Exports>(import.meta.resolve('@flotilla/core/vectors.wasm'));
  readonly #x = (this.#exports.base() + 63) & ~63;
  readonly #y = this.#x + 8 * STAGED;
  readonly #f64: Stage<Float64Array>;
  readonly #f32: Stage<Float32Array>;

  constructor() {
    const { memory } = this.#exports;
    memory.grow(Math.max(0, Math.ceil((this.#y + 8 * STAGED) / PAGE) - memory.buffer.byteLength / PAGE));
    const [x, y] = [this.#x, this.#y];
    this.#f64 = new Stage(new Float64Array(memory.buffer, x, STAGED), new Float64Array(memory.buffer, y, STAGED));
    this.#f32 = new Stage(new Float32Array(memory.buffer, x, STAGED), new Float32Array(memory.buffer, y, STAGED));
  }

  /** out ← a·x + b·y; all of one precision and length. */
  combine(a: number, x: Vector, b: number, y: Vector, out: Vector): void {
    const isF32 = out instanceof Float32Array;
    const stage = isF32 ? this.#f32 : this.#f64;
    const combine = isF32 ? this.#exports.combineF32 : this.#exports.combineF64;
    const { length } = out;
    for (let from = 0; from < length; from += STAGED) {
      const some = Math.min(STAGED, length - from);
      stage.x.set(some === length ? x : x.subarray(from, from + some));
      stage.y.set(some === length ? y : y.subarray(from, from + some));
      combine(a, this.#x, b, this.#y, this.#y, some);
      out.set(stage.result(some), from);
    }
  }
}

/** Where coordinates of two vectors are while they are worked with; the second's place is the result's. */
class Stage<T extends Vector> {
  #result: Vector;

  constructor(
    readonly x: T,
    readonly y: T,
  ) {
    this.#result = y;
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
