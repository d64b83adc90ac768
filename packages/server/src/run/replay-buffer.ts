/** Rows of metrics that a run keeps for its readers. */
export const MAX_KEPT = 10_000;

/** The last rows of a run, for any number of readers. */
export class ReplayBuffer<T> {
  readonly #rows: T[] = [];
  /** Rows that are no longer kept. */
  #dropped = 0;
  #ended = false;
  #error: unknown;
  #changed = withResolvers();

  push(row: T): void {
    this.#rows.push(row);
    if (this.#rows.length > MAX_KEPT) {
      this.#rows.shift();
      this.#dropped++;
    }
    this.#wake();
  }

  end(error: unknown): void {
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  /** All rows, from the oldest that is kept; ends, or throws, as the run does. */
  async *read(): AsyncGenerator<T, void, undefined> {
    for (let next = 0; ; next++) {
      next = Math.max(next, this.#dropped);
      while (next >= this.#dropped + this.#rows.length && !this.#ended) await this.#changed.promise;
      const row = this.#rows[next - this.#dropped];
      if (row === undefined) break;
      yield row;
    }
    if (this.#error !== undefined) throw this.#error;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = withResolvers();
  }
}

/** A promise and what resolves it. (Promise.withResolvers came with Node 22.) */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
