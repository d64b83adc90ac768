import { readFileSync } from 'node:fs';
import { FlotillaError } from '../errors.js';

/** A block of f64 values in a thread's kernel memory. */
export interface Region {
  /** Byte address. */
  readonly pointer: number;
  /** Stays valid: the memory is shared, so growing it does not detach views. */
  readonly values: Float64Array;
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
  addGram16(x: number, out: number, side: number, length: number): void;
}

/** Rows that a product packs at a time (PANEL in the assembly). */
const PANEL = 32;
const PAGE = 65536;
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

  constructor() {
    compiled ??= new WebAssembly.Module(readFileSync(new URL('../kernels.wasm', import.meta.url)));
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true });
    const instance = new WebAssembly.Instance(compiled, { env: { memory: this.#memory } });
    this.#exports = instance.exports as unknown as Exports;
  }

  /**
   * `length` zeros, aligned to 64 bytes, for as long as this object lives.
   * @throws FlotillaError `internal` when the thread's kernel memory (4 GiB) is used up.
   */
  allocate(length: number): Region {
    const pointer = this.#used;
    const bytes = Math.ceil((length * 8) / 64) * 64;
    const pages = Math.ceil((pointer + bytes) / PAGE) - this.#memory.buffer.byteLength / PAGE;
    if (pages > 0) {
      try {
        this.#memory.grow(pages);
      } catch (cause) {
        const gib = ((pointer + bytes) / 2 ** 30).toFixed(1);
        throw new FlotillaError(
          'internal',
          `${gib} GiB of kernel memory on one thread exceed 4 GiB; use more threads`,
          { cause },
        );
      }
    }
    this.#used = pointer + bytes;
    return { pointer, values: new Float64Array(this.#memory.buffer, pointer, length) };
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
    if (this.#packed === undefined || this.#packed.values.length < PANEL * inner)
      this.#packed = this.allocate(PANEL * inner);
    const { pointer } = this.#packed;
    this.#exports.multiplyTransposed(
      a.pointer + 8 * aAt,
      b.pointer + 8 * bAt,
      out.pointer,
      rows,
      columns,
      inner,
      pointer,
    );
  }

  /**
   * out (side × side) ← out + X Xᵀ on and above the diagonal; `x` holds X (side × length) as 16-bit integers, row-major.
   * Side must be a multiple of 4, length of 8. Exact while length · max(x)² < 2³¹.
   */
  addGram16(x: Region, out: Region, side: number, length: number): void {
    this.#exports.addGram16(x.pointer, out.pointer, side, length);
  }
}
