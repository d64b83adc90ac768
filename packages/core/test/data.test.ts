import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SparseDataset } from '../dist/data/dataset.js';
import { readIdx } from '../dist/data/idx.js';
import { type DataOptions, dataSource, readDataset } from '../dist/data/load.js';
import { loadMnist } from '../dist/data/mnist.js';
import { split } from '../dist/data/split.js';
import { problems } from '../dist/problem/index.js';
import { KeyedRandom, Rng } from '../dist/random.js';
import { Spec } from '../dist/spec.js';
import { fixture } from './reference-data.js';

test('MNIST: 60,000 training images, a row per image, known counts', async () => {
  const data = await loadMnist();
  expect([data.samples, data.features, data.rowStart.length]).toEqual([60_000, 784, 60_001]);
  // number of images of each digit in the training set, and the sum of its pixels
  const digits = new Array(10).fill(0);
  for (const digit of data.label) digits[digit]++;
  expect(digits).toEqual([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
  expect(data.rowStart[60_000]).toBe(data.value.length);
  const mean = (data.value as Uint8Array).reduce((sum, v) => sum + v, 0) / (60_000 * 784 * 255);
  expect(mean).toBeCloseTo(0.1306604762738429, 12);
  expect(data.value.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test('MNIST: its 10,000 test images', async () => {
  const data = await dataSource('mnist', { part: 'test' }).load({ features: 784 });
  expect([data.name, data.samples, data.features, data.scale]).toEqual(['mnist test', 10_000, 784, 1 / 255]);
  const digits = new Array(10).fill(0);
  for (const digit of data.label) digits[digit]++;
  expect(digits).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  await expect(dataSource('mnist').load({ features: 785 })).rejects.toThrow('has 784 features, expected 785');
});

describe('what is asked for and cannot be had is refused before anything is read', () => {
  const table = fixture('phishing.csv');
  test.each<[string, DataOptions, string]>([
    [
      'mushrooms',
      { part: 'test' },
      'data set mushrooms has no test part; those that have one: mnist, a9a, w8a, gisette, madelon',
    ],
    [table, { part: 'test' }, `the file ${table} has no test part`],
    ['mnist', { header: true }, 'header must be left out: it is for a CSV file, and the data are mnist'],
    ['a9a', { indexBase: 0 }, 'indexBase must be left out: it is for a LIBSVM file, and the data are a9a'],
    [
      table,
      { indexBase: 0 },
      `indexBase must be left out: it is for a LIBSVM file, and the data are a CSV file, ${table}`,
    ],
    [
      fixture('X_phishing.npy'),
      { header: 'auto' },
      'header must be left out: it is for a CSV file, and the data are a NumPy file',
    ],
    [
      fixture('a9a-408.libsvm'),
      { labelColumn: '1' },
      'labelColumn must be left out: it is for a CSV file or a NumPy file, and the data are a LIBSVM file',
    ],
    [
      table,
      { separator: ';' } as DataOptions,
      'unknown option separator of a data set; known: indexBase, labelColumn, header, part',
    ],
  ])('%s %o', (text, options, message) => {
    expect(() => dataSource(text, options)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => dataSource(text, options)).toThrow(message);
  });
});

test('readDataset reads what --data takes', async () => {
  const csv = await readDataset(fixture('phishing.csv'), { labelColumn: 'class' });
  const numpy = await readDataset(fixture('X_phishing.npy'));
  const text = await readDataset(fixture('phishing-277.libsvm'), { indexBase: 1, features: 70 });
  expect([csv, numpy, text].map(({ samples, features }) => [samples, features])).toEqual([
    [277, 12],
    [277, 12],
    [277, 70],
  ]);
  for (const { label } of [numpy, text]) expect(label).toEqual(csv.label);
  expect(dataSource(fixture('phishing.csv')).split).toBe('shuffled');
  await expect(readDataset('nowhere.csv')).rejects.toMatchObject({ code: 'usage' });
  await expect(readDataset(fixture('phishing-277.libsvm'), { limit: 100 })).rejects.toThrow('at most 100 bytes');
});

describe('IDX files', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'flotilla-idx-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (bytes: number[]) => {
    const path = join(folder, 'file');
    writeFileSync(path, Uint8Array.from(bytes));
    return path;
  };

  test('a small file', async () => {
    const { shape, values } = await readIdx(file([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]));
    expect(shape).toEqual([2, 3]);
    expect([...values]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each([
    ['no header', [0, 0, 8]],
    ['text', [49, 32, 49, 58, 49]],
    ['no dimensions', [0, 0, 8, 0]],
    ['a longer header than the file', [0, 0, 8, 200, 0, 0, 0, 1]],
    ['another type', [0, 0, 9, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7]],
    ['too short', [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3]],
    ['too long', [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2]],
  ])('%s: an error that names the file', async (_what, bytes) => {
    const path = file(bytes);
    await expect(readIdx(path)).rejects.toMatchObject({ code: 'io', message: expect.stringContaining(path) });
  });

  test('a missing file', async () => {
    await expect(readIdx(join(folder, 'nothing'))).rejects.toThrow(/cannot read .*nothing/);
  });

  describe('as --data', () => {
    const images = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 255, 51, 7, 0, 0]);
    const labels = Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 4, 9]);
    const put = (name: string, bytes: Uint8Array) => {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      return path;
    };

    test.each([
      ['a-images-idx3-ubyte', 'a-labels-idx1-ubyte'],
      ['b-images-idx3-ubyte.gz', 'b-labels-idx1-ubyte'],
      ['c-images.idx3-ubyte', 'c-labels.idx1-ubyte.gz'],
    ])('%s with %s beside it', async (imageName, labelName) => {
      const packed = (name: string, bytes: Uint8Array) => put(name, name.endsWith('.gz') ? gzipSync(bytes) : bytes);
      packed(labelName, labels);
      const source = dataSource(packed(imageName, images));
      expect(source.split).toBe('shuffled');
      const data = (await source.load()) as SparseDataset;
      expect([data.name, data.samples, data.features, data.scale]).toEqual([imageName, 2, 3, 1 / 255]);
      expect([[...data.rowStart], [...data.column], [...data.value], [...data.label]]).toEqual([
        [0, 2, 3],
        [1, 2, 0],
        [255, 51, 7],
        [4, 9],
      ]);
    });

    test('images of a width that is no multiple of four, more than are read at a time', async () => {
      const [samples, features] = [2100, 11];
      const rng = new KeyedRandom('images').stream(new Rng(), 'init', 0, 0);
      const values = Array.from({ length: samples * features }, () => (rng.below(3) === 0 ? rng.below(256) : 0));
      const head = [0, 0, 8, 2, 0, 0, samples >> 8, samples & 255, 0, 0, 0, features];
      const path = put('w-images-idx3-ubyte', Uint8Array.from([...head, ...values]));
      const { rowStart, column, value } = (await dataSource(path).load()) as SparseDataset;
      const used = values.flatMap((v, k) => (v === 0 ? [] : [{ s: Math.floor(k / features), j: k % features, v }]));
      expect([...value]).toEqual(used.map(({ v }) => v));
      expect([...column]).toEqual(used.map(({ j }) => j));
      expect(Array.from(rowStart, (end, s) => end - (rowStart[s - 1] ?? 0))).toEqual([
        0,
        ...Array.from(
          { length: samples },
          (_, s) => values.slice(s * features, (s + 1) * features).filter(Boolean).length,
        ),
      ]);
    });

    test('without labels: the autoencoder runs, a classification says what is missing', async () => {
      const data = await dataSource(put('d-images-idx3-ubyte', images)).load();
      const random = new KeyedRandom('idx');
      const input = { workers: 1, random, data, shards: split('shuffled', data, 1, random) };
      const create = (name: string) => problems[name].create(Spec.parse('problem', name), input);
      expect(create('autoencoder').dimension).toBe(96);
      expect(() => create('logistic')).toThrow('data set d-images-idx3-ubyte has no labels');
    });

    test('labels for another number of images, and images that are labels', async () => {
      put('e-labels-idx1-ubyte', Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 1, 4]));
      const path = put('e-images-idx3-ubyte', images);
      await expect(dataSource(path).load()).rejects.toThrow('e-labels-idx1-ubyte has the shape 1, not 2 labels');
      await expect(dataSource(join(folder, 'e-labels-idx1-ubyte')).load()).rejects.toThrow('its shape is 1');
    });
  });
});
