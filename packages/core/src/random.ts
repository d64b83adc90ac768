import seedrandom from 'seedrandom/seedrandom.js';
import { standardNormalQuantile } from './gaussian.js';
import type { SharedDraws } from './shared-draws.js';

/**
 * A stream of 32-bit words: Chris Doty-Humphrey's sfc32. 32-bit integer arithmetic only, so that it is bit-exact on every
 * engine. Reseed and reuse it: a stream costs nothing to keep and sixteen steps to start.
 */
export class Rng {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 0;

  /** Starts the stream that belongs to three words. */
  seed(a: number, b: number, c: number): this {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    this.#counter = 1;
    for (let i = 0; i < 16; i++) this.next();
    return this;
  }

  /** Writes the place in the stream to four words, for {@link Rng.load}. */
  save(state: Int32Array): void {
    state[0] = this.#a;
    state[1] = this.#b;
    state[2] = this.#c;
    state[3] = this.#counter;
  }

  /** Goes on from a place that was saved. */
  load(state: Int32Array): void {
    this.#a = state[0] as number;
    this.#b = state[1] as number;
    this.#c = state[2] as number;
    this.#counter = state[3] as number;
  }

  /** A uniform word in [0, 2³²). */
  next(): number {
    const b = this.#b;
    const c = this.#c;
    const word = (this.#a + b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = b ^ (b >>> 9);
    this.#b = (c + (c << 3)) | 0;
    this.#c = (((c << 21) | (c >>> 11)) + word) | 0;
    return word >>> 0;
  }

  /**
   * A uniform integer in [0, bound), 1 ≤ bound ≤ 2³¹, without bias: the high half of word · bound, redrawn in the rare
   * case that its low half falls in the part that does not divide evenly [D. Lemire, ACM TOMACS 29 (2019)]. The product
   * is exact in f64 up to bounds of 2²¹; larger bounds are masked and rejected.
   */
  below(bound: number): number {
    if (bound > 0x200000) return this.#belowLarge(bound);
    let word = this.next();
    let low = Math.imul(word, bound) >>> 0;
    if (low < bound) {
      const uneven = (0x100000000 - bound) % bound;
      while (low < uneven) {
        word = this.next();
        low = Math.imul(word, bound) >>> 0;
      }
    }
    return ((word * bound) / 0x100000000) | 0;
  }

  #belowLarge(bound: number): number {
    const mask = -1 >>> Math.clz32(bound - 1);
    let word = this.next() & mask;
    while (word >= bound) word = this.next() & mask;
    return word;
  }

  /** A uniform multiple of 2⁻⁵³ in [0, 1). */
  uniform(): number {
    const high = this.next() >>> 5;
    return (high * 0x4000000 + (this.next() >>> 6)) * 2 ** -53;
  }

  /** True with probability p in [0, 1], exactly: as many words as it takes to tell them from the binary digits of p. */
  coin(p: number): boolean {
    return this.bit(p) === 1;
  }

  /** 1 with probability p in [0, 1], exactly, else 0. The first 31 digits decide, but for a tie, without a branch. */
  bit(p: number): number {
    if (!(p > 0)) return 0;
    const digits = p * 0x100000000;
    const word = this.next();
    if (digits >= 0x100000000) return 1;
    const difference = ((word >>> 1) - (digits >>> 1)) | 0;
    return difference === 0 ? this.#rest(digits, word) : difference >>> 31;
  }

  /** Goes on from a word and the digits of a probability, the first 32 of them before the point. */
  #rest(digits: number, first: number): number {
    let rest = digits;
    for (let word = first; ; word = this.next()) {
      const digit = Math.floor(rest);
      if (word !== digit) return word < digit ? 1 : 0;
      rest = (rest - digit) * 0x100000000;
      if (rest === 0) return 0;
    }
  }

  /** A standard normal value, bit-exact on every engine (inversion by plain IEEE arithmetic). */
  normal(): number {
    return standardNormalQuantile(this.uniform() + 2 ** -54);
  }

  /** Shuffles in place (Fisher–Yates): every order of `items` is equally likely. */
  shuffle(items: Int32Array): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const swap = items[i];
      items[i] = items[j];
      items[j] = swap;
    }
  }
}

/** What a stream is drawn for. Two purposes never share words. */
export type Purpose =
  | 'coins'
  | 'data/dirichlet'
  | 'data/shuffle'
  | 'init'
  /** Rates and latencies of the workers' links. */
  | 'link'
  | 'problem'
  | 'batch'
  /** Batches of dense rounds. */
  | 'batch/dense'
  /** First directions of measured constants. */
  | 'measure'
  | 'participants'
  /** Which iterate a run gives back. */
  | 'output'
  | 'sketch'
  | `${'uplink' | 'downlink'}/${'support' | 'rounding'}${'' | `/${number}`}`;

/** In place of a worker's index: the stream is the same for every worker. */
export const EVERY_WORKER = 0xffffffff;

/** What is drawn once for all workers. */
export interface CommonDraw {
  readonly values: Int32Array;
  /** Fills the values. */
  draw(this: void, rng: Rng): void;
}

/**
 * The run's randomness as a function, not a sequence: a stream is addressed by (seed, purpose, round, worker), so no
 * generator state is ever stored, agreed on or restored, and both ends of a link derive the same words.
 */
export class KeyedRandom {
  readonly #roots = new Map<Purpose, Int32Array>();

  /** @param draws What the threads of a process draw once for all of them; each for itself when left out */
  constructor(
    readonly seed: string,
    private readonly draws?: SharedDraws | undefined,
  ) {}

  /** Starts `rng` on the stream of (purpose, round, worker) and, of several there, of number `draw`, and returns it. */
  stream(rng: Rng, purpose: Purpose, round: number, worker: number, draw = 0): Rng {
    const root = this.#root(purpose);
    // mix(0) is 0
    return rng.seed(root[0] ^ mix(round), root[1] ^ mix(worker ^ 0x9e3779b9), root[2] ^ mix(draw));
  }

  /**
   * Draws from the stream that all workers share, unless another thread of the process has already: then values[from … to) of
   * it are copied. Whether all values are there. One purpose must always be drawn into the same.
   */
  common(
    rng: Rng,
    purpose: Purpose,
    round: number,
    draw: number,
    common: CommonDraw,
    from: number,
    to: number,
  ): boolean {
    const { draws } = this;
    const { values } = common;
    const root = this.#root(purpose);
    if (draws?.take(root, round, draw, values, from, to) === true) return to - from === values.length;
    common.draw(this.stream(rng, purpose, round, EVERY_WORKER, draw));
    draws?.put(root, round, draw, values);
    return true;
  }

  #root(purpose: Purpose): Int32Array {
    let root = this.#roots.get(purpose);
    if (root === undefined) {
      const seeded = seedrandom(JSON.stringify([this.seed, purpose]));
      root = Int32Array.of(seeded.int32(), seeded.int32(), seeded.int32());
      this.#roots.set(purpose, root);
    }
    return root;
  }
}

/** A bijection of 32-bit words in which every input bit moves every output bit (the finaliser of MurmurHash3). */
function mix(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
