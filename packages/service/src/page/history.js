// @ts-check

/** More points than this are not visible on any screen. */
const MAX_POINTS = 2000;

/**
 * Items in order, of which it keeps a bounded number: every one at first, then every second, every fourth and so on, and always
 * the first and the last. What it keeps is exact; nothing is averaged.
 * @template T
 */
export class History {
  /** @type {T[]} */
  #kept = [];
  #every = 1;
  #length = 0;
  /** @type {T | undefined} */
  #last;

  constructor(max = MAX_POINTS) {
    this.max = max;
  }

  /** How many were added. */
  get length() {
    return this.#length;
  }

  /** The one that was added last. */
  get last() {
    return this.#last;
  }

  add(/** @type {T} */ item) {
    if (this.#length % this.#every === 0) {
      this.#kept.push(item);
      if (this.#kept.length > this.max) {
        this.#kept = this.#kept.filter((_, k) => k % 2 === 0);
        this.#every *= 2;
      }
    }
    this.#length++;
    this.#last = item;
  }

  /** @returns {T[]} Those that are kept, in order. */
  items() {
    const { length } = this.#kept;
    if (length === 0 || this.#kept[length - 1] === this.#last) return this.#kept;
    return [...this.#kept, /** @type {T} */ (this.#last)];
  }
}
