import { KeyedRandom, Rng } from '@flotilla/core';
import { type Compressor, createCompressor, type Direction, MessageKey } from '../dist/index.js';

/** Draws the supports of messages: what the decoded vector of an all-ones input does not leave zero. */
export class Supports {
  readonly #compressor: Compressor;
  readonly #key: MessageKey;
  readonly #ones: Float64Array;
  readonly #vector: Float64Array;
  readonly #out: Uint8Array;

  constructor(spec: string, dimension: number, workers: number, seed = 'supports', direction: Direction = 'uplink') {
    this.#compressor = createCompressor(spec, { dimension, workers, wire: 'f32' });
    this.#key = new MessageKey(new KeyedRandom(seed), direction, workers);
    this.#ones = new Float64Array(dimension).fill(1);
    this.#vector = new Float64Array(dimension);
    this.#out = new Uint8Array(this.#compressor.maxBytes);
  }

  /** The kept coordinates in increasing order. */
  of(round: number, worker: number): number[] {
    const key = this.#key.at(round, worker);
    const bytes = this.#compressor.encode(this.#ones, key, this.#out, 0);
    this.#compressor.decode(this.#out, 0, bytes, key);
    this.#compressor.copyTo(this.#vector);
    const kept: number[] = [];
    for (let j = 0; j < this.#vector.length; j++) if (this.#vector[j] !== 0) kept.push(j);
    return kept;
  }
}

/** A key whose streams begin with the given words, three at most: a state of sfc32 that gives them. */
export function scripted(words: readonly number[], workers: number): MessageKey {
  const [first = 0, second = 0, third = 0] = words;
  // with c = 0 the words are a + b + n, (b ^ (b >>> 9)) + n + 1 and 9 · first + n + 2
  const n = (third - Math.imul(9, first) - 2) | 0;
  const y = (second - n - 1) | 0;
  const b = y ^ (y >>> 9) ^ (y >>> 18) ^ (y >>> 27);
  const state = Int32Array.of(first - b - n, b, 0, n);
  const key = new MessageKey(new KeyedRandom('scripted'), 'uplink', workers);
  key.own = (rng) => {
    rng.load(state);
    return rng;
  };
  const check = new Rng();
  check.load(state);
  for (const word of [first, second, third]) {
    if (check.next() !== word >>> 0) throw new Error('the state does not give these words');
  }
  return key;
}
