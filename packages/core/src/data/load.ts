import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { optionError, UsageError } from '../errors.js';
import { didYouMean } from '../near-miss.js';
import { printed } from '../printed.js';
import { catalogue } from './catalogue.js';
import type { Dataset } from './dataset.js';

export interface LoadOptions {
  /** Ends a download; the promise then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Where a data set comes from. */
export interface DataSource {
  readonly load: (options?: LoadOptions) => Promise<Dataset>;
  /** The split used when none is asked for. */
  readonly split: string;
}

/** The names of IDX files in the manner of MNIST: `train-images-idx3-ubyte`, `train-images.idx3-ubyte.gz`. */
const IDX_NAME = /[-.]idx[1-9]-ubyte(\.(gz|xz|bz2))?$/;

/**
 * The data set called `text`: `mnist`, one of the catalogue, or else the file at that path (plain, .gz, .xz or .bz2): IDX
 * images when it is named like them, LIBSVM otherwise. The rows of LIBSVM data are split in file order as in the papers.
 * Nothing is read or downloaded before `load`.
 * @throws UsageError when there is neither.
 */
export function dataSource(text: string): DataSource {
  // readers are loaded when they are needed: worker threads never read files
  if (text === 'mnist') return { load: async () => (await import('./mnist.js')).loadMnist(), split: 'shuffled' };
  if (Object.hasOwn(catalogue, text)) {
    return {
      load: async (options) =>
        (await import('./cache.js')).loadFromCatalogue(text, catalogue[text], process.env, options),
      split: 'contiguous',
    };
  }
  if (!existsSync(text)) {
    if (/[/\\.~]/.test(text)) throw optionError('data', `${printed(text)} cannot be read: no file is there`);
    const known = ['mnist', ...Object.keys(catalogue)];
    throw new UsageError(
      `unknown data set ${printed(text)}; known: ${known.join(', ')}, or the path of a LIBSVM or IDX file${didYouMean(text, known)}`,
    );
  }
  const name = basename(text);
  if (IDX_NAME.test(name)) {
    return { load: async () => (await import('./idx.js')).readIdxImages(text, name), split: 'shuffled' };
  }
  return { load: async () => (await import('./libsvm.js')).readLibsvm(text, name), split: 'contiguous' };
}
