/** Of a public data set: what one trains on, or what its publishers keep apart for tests. */
export type Part = 'training' | 'test';

/** How a file is to be read: each format looks at what concerns it. */
export interface FormatOptions {
  /** LIBSVM: what the first feature's index is; `auto`: 0 when an index 0 occurs, else 1. Default 1. */
  readonly indexBase?: 0 | 1 | 'auto' | undefined;
  /**
   * CSV and NumPy: where the labels are. The name of a column, or its number, counted from 1, or from the end: −1 is the last.
   * `none`: there are none. Left out: of a CSV, a column called label, target, class or y, else the last one; of a NumPy file,
   * the file of labels beside it, if there is one.
   */
  readonly labelColumn?: string | number | undefined;
  /** CSV: whether the first row is names; `auto`, the default: when there is anything in it that is no number. */
  readonly header?: boolean | 'auto' | undefined;
}

/** What a reader may use beside the file. */
export interface ReadOptions {
  /** Ends the reading, or a download; the promise then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Gets what a reader has to say that is no error, a line each. */
  readonly note?: ((message: string) => void) | undefined;
  /** The features that the data must have: sparse data with fewer is taken to have zeros there. */
  readonly features?: number | undefined;
  /** Largest size in bytes of a file, unpacked; 2 GiB when not given. */
  readonly limit?: number | undefined;
}
