import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readLibsvm } from '../dist/data/libsvm.js';
import { haveWholeSets, wholeSets } from './reference-data.js';

test.skipIf(!haveWholeSets()).each([
  ['phishing', 11_055, 68, 331_650, [0, 1]],
  ['a9a', 32_561, 123, 451_592, [-1, 1]],
  ['a9a.t', 16_281, 122, 225_731, [-1, 1]],
])('%s is read whole', async (name, samples, features, nonZeros, labels) => {
  const data = await readLibsvm(join(wholeSets, `${name}.xz`), name);
  expect([data.samples, data.features, data.value.length]).toEqual([samples, features, nonZeros]);
  expect(data.rowStart[samples]).toBe(nonZeros);
  expect([...new Set(data.label)].sort((a, b) => a - b)).toEqual(labels);
});
