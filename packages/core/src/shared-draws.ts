/** Words before the values of a slot: a count that is odd while somebody writes, then what the values are of. */
const HEAD = 8;
const SLOTS = 4;
/** Values that a slot has room for at most: what is longer is drawn by each thread. */
const MAX_LENGTH = 1 << 20;
/** Values that are drawn in less time than it takes to look. */
const MIN_LENGTH = 1024;

/**
 * What the threads of a process have drawn from streams that all workers share, such as a round's permutation, in shared memory: what
 * one has drawn the others copy. Nobody waits: who finds nothing, or what is being overwritten, draws. The values are
 * the same, whoever drew them.
 */
export class SharedDraws {
  readonly #words: Int32Array;
  readonly #slotWords: number;

  constructor(readonly memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#slotWords = this.#words.length / SLOTS;
  }

  /** Memory for lists of up to `length` values, or undefined where these are too long, or too short, to be worth it. */
  static memory(length: number): SharedArrayBuffer | undefined {
    if (length > MAX_LENGTH || length < MIN_LENGTH) return undefined;
    return new SharedArrayBuffer(4 * SLOTS * (HEAD + length));
  }

  /**
   * Copies to out[from … to) what of it somebody has drawn from the stream of that root, round and draw. Whether anybody has;
   * if not, what is in `out` is anybody's guess.
   */
  take(root: Int32Array, round: number, draw: number, out: Int32Array, from = 0, to = out.length): boolean {
    const words = this.#words;
    const at = this.#slot(root, round);
    const before = Atomics.load(words, at);
    if ((before & 1) === 1 || !this.#is(at, root, round, draw, out.length)) return false;
    out.set(words.subarray(at + HEAD + from, at + HEAD + to), from);
    // an operation that also writes: none of the reads above can come after it
    return Atomics.add(words, at, 0) === before;
  }

  /** Leaves what has been drawn for others, unless somebody is just doing that. */
  put(root: Int32Array, round: number, draw: number, values: Int32Array): void {
    const words = this.#words;
    const at = this.#slot(root, round);
    if (HEAD + values.length > this.#slotWords || values.length < MIN_LENGTH) return;
    const count = Atomics.load(words, at);
    if ((count & 1) === 1 || Atomics.compareExchange(words, at, count, (count + 1) | 0) !== count) return;
    words.set(root, at + 1);
    words[at + 4] = round;
    words[at + 5] = draw;
    words[at + 6] = values.length;
    words.set(values, at + HEAD);
    Atomics.store(words, at, (count + 2) | 0);
  }

  #slot(root: Int32Array, round: number): number {
    return this.#slotWords * (((root[0] & 1) << 1) | (round & 1));
  }

  #is(at: number, root: Int32Array, round: number, draw: number, length: number): boolean {
    const words = this.#words;
    return (
      words[at + 1] === root[0] &&
      words[at + 2] === root[1] &&
      words[at + 3] === root[2] &&
      words[at + 4] === (round | 0) &&
      words[at + 5] === draw &&
      words[at + 6] === length
    );
  }
}
