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
  multiply(b: number, m: number, out: number, rows: number, inner: number, columns: number): void;
  gram(a: number, b: number, out: number, rows: number, length: number): void;
}

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
        throw new FlotillaError('internal', `${gib} GiB of kernel memory on one thread exceed 4 GiB; use more threads`, { cause });
      }
    }
    this.#used = pointer + bytes;
    return { pointer, values: new Float64Array(this.#memory.buffer, pointer, length) };
  }

  /** out (rows × columns) ← b (rows × inner) · m (inner × columns), row-major; rows and columns are multiples of 4. */
  multiply(b: Region, m: Region, out: Region, rows: number, inner: number, columns: number, mAt = 0, outAt = 0): void {
    this.#exports.multiply(b.pointer, m.pointer + 8 * mAt, out.pointer + 8 * outAt, rows, inner, columns);
  }

  /** out (rows × rows) ← a bᵀ for a and b of rows × length, row-major; rows and length are multiples of 4. */
  gram(a: Region, aAt: number, b: Region, bAt: number, out: Region, rows: number, length: number): void {
    this.#exports.gram(a.pointer + 8 * aAt, b.pointer + 8 * bAt, out.pointer, rows, length);
  }
}
