import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readIdx } from '../dist/data/idx.js';
import { loadMnist } from '../dist/data/mnist.js';

test('MNIST: 60,000 training images, a row per image, known counts', () => {
  const data = loadMnist();
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

  test('a small file', () => {
    const { shape, values } = readIdx(file([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]), 2);
    expect(shape).toEqual([2, 3]);
    expect([...values]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each([
    ['no header', [0, 0, 8]],
    ['another rank', [0, 0, 8, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7]],
    ['another type', [0, 0, 9, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7]],
    ['too short', [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3]],
    ['too long', [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2]],
  ])('%s: an error that names the file', (_what, bytes) => {
    const path = file(bytes);
    expect(() => readIdx(path, 2)).toThrow(path);
  });

  test('a missing file', () => {
    expect(() => readIdx(join(folder, 'nothing'), 2)).toThrow(/cannot read .*nothing/);
  });
});
