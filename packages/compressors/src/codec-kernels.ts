import type { Rng } from '@flotilla/core';
import { instantiate, type WasmMemory } from '@flotilla/core/internal';

const PAGE = 65536;
/** Values that are on their way at a time: they stay in the first-level cache. */
const STAGED = 4096;
/** Vectors of four values are read and written as a whole: room for three more. */
const SPARE = 64;

/** What packages/compressors/assembly exports; its files say what it does. Pointers are byte addresses; a boolean is 0 or 1. */
interface Exports {
  readonly memory: WasmMemory;
  base(): number;
  narrow(from: number, to: number, count: number): number;
  widen(from: number, to: number, count: number): number;
  finite(from: number, count: number): number;
  sumOfSquares(values: number, count: number): number;
  largestMagnitude(values: number, count: number): number;
  seed(a: number, b: number, c: number, counter: number): void;
  roundNatural(values: number, numbers: number, count: number, bias: number, top: number, smallest: number): number;
  valuesOfNatural(numbers: number, count: number, values: number, bias: number, twice: number): void;
  roundUniform(values: number, numbers: number, count: number, scale: number, levels: number): number;
  valuesOfUniform(numbers: number, count: number, values: number, scale: number, levels: number): number;
  roundPowers(values: number, numbers: number, count: number, scale: number, levels: number): number;
  valuesOfPowers(numbers: number, count: number, values: number, scale: number, levels: number, twice: number): number;
  states(): number;
  tokenise(
    numbers: number,
    count: number,
    twice: number,
    symbols: number,
    counts: number,
    extra: number,
    bits: number,
  ): number;
  countClasses(symbols: number, count: number, counts: number, limits: number): void;
  encode(symbols: number, count: number, plan: number, below: number): number;
  decode(symbols: number, count: number, plan: number, next: number): number;
  numbersOf(symbols: number, count: number, numbers: number, extra: number, end: number, largest: number): number;
  writeAdaptive(numbers: number, count: number, twice: number, steps: number, end: number, limit: number): number;
  readAdaptive(from: number, end: number, numbers: number, count: number, largest: number): number;
  listAbove(values: number, count: number, first: number, bound: number, index: number, keys: number): number;
  selectKey(keys: number, count: number, scratch: number, rank: number): number;
  equalKeys(): number;
  wantedKeys(): number;
  deal: (
    ...stateWorkersShareOwnersFilledSlots: [number, number, number, number, number, number, number, number, number]
  ) => void;
}

/**
 * The WebAssembly of codecs and its memory: some values on their way, a list of whole numbers (u32: magnitude · 2 + sign, zero
 * being 0), and room behind it. Vectors stay outside and come through {@link CodecKernels.stage} and {@link CodecKernels.make}
 * alone. It keeps nothing between two messages, so that all codecs of a thread share one.
 */
class CodecKernels {
  readonly exports = instantiate<Exports>(import.meta.resolve('@flotilla/compressors/codecs.wasm'));
  readonly #state = new Int32Array(4);
  readonly #valuesAt = (this.exports.base() + 15) & ~15;
  /** Address of the list. */
  readonly list = this.#valuesAt + 8 * STAGED + SPARE;
  /** All of the memory. Ask anew after {@link ensure}, which may replace it. */
  bytes: Uint8Array = new Uint8Array(0);
  #words: Uint32Array = new Uint32Array(0);
  #values: Float64Array = new Float64Array(0);

  constructor() {
    this.reserve(STAGED);
  }

  /** Makes room for a list of `count` numbers, and returns the address behind it. */
  reserve(count: number): number {
    const behind = (this.list + 4 * count + SPARE) & ~15;
    this.ensure(behind);
    return behind;
  }

  /** Makes memory reach up to address `end`. */
  ensure(end: number): void {
    const { memory } = this.exports;
    if (end <= this.bytes.length) return;
    memory.grow(Math.max(0, Math.ceil(end / PAGE) - memory.buffer.byteLength / PAGE));
    this.bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#values = new Float64Array(memory.buffer, this.#valuesAt, STAGED);
  }

  /** The list, until {@link ensure} is called. */
  numbers(count: number): Uint32Array {
    this.reserve(count);
    return this.words(this.list, count);
  }

  /** `count` words from address `at` on, until {@link ensure} is called. */
  words(at: number, count: number): Uint32Array {
    return this.#words.subarray(at / 4, at / 4 + count);
  }

  /** Rounding takes its words from the stream of `rng` from now on. */
  seed(rng: Rng): void {
    const [a, b, c, counter] = this.stateOf(rng);
    this.exports.seed(a, b, c, counter);
  }

  /** The place of `rng` in its stream, until the next call. */
  stateOf(rng: Rng): Int32Array {
    rng.save(this.#state);
    return this.#state;
  }

  /** Brings values[0 … count) here, some at a time, and hands their address, and which come first, to `use`. */
  stage(values: Float64Array, count: number, use: (from: number, some: number, start: number) => void): void {
    for (let start = 0; start < count; start += STAGED) {
      const some = Math.min(STAGED, count - start);
      this.#values.set(start === 0 && some === values.length ? values : values.subarray(start, start + some));
      use(this.#valuesAt, some, start);
    }
  }

  /** Takes values[0 … count) from here, some at a time, after `make` has put them at the address that it gets. */
  make(values: Float64Array, count: number, make: (to: number, some: number, start: number) => void): void {
    for (let start = 0; start < count; start += STAGED) {
      const some = Math.min(STAGED, count - start);
      make(this.#valuesAt, some, start);
      values.set(some === STAGED ? this.#values : this.#values.subarray(0, some), start);
    }
  }
}

let kernels: CodecKernels | undefined;

/** Those of this thread. */
export function codecKernels(): CodecKernels {
  kernels ??= new CodecKernels();
  return kernels;
}
