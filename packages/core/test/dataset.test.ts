import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { labelsOf, RowReader } from '../dist/data/dataset.js';
import { split } from '../dist/data/split.js';
import {
  type Dataset,
  denseDataset,
  Kernels,
  KeyedRandom,
  problems,
  Spec,
  sparseDataset,
  UsageError,
} from '../dist/index.js';

/** Sample by sample, [column, value] of each entry. */
function entriesOf(data: Dataset) {
  const row = new RowReader(data);
  return Array.from({ length: data.samples }, (_, s) => {
    row.seek(s);
    const entries = [];
    for (let k = row.first; k < row.end; k++) entries.push([row.column[k - row.shift], row.value[k] * row.scale]);
    return entries;
  });
}

describe('dense', () => {
  const values = Float64Array.of(1, 0, 3, 4, 5, 6);

  test('is copied once, and taken as it is where it lies in shared memory', () => {
    const data = denseDataset({ name: 'own', values, samples: 2, features: 3, label: [1, -1] });
    expect(data).toEqual({
      name: 'own',
      samples: 2,
      features: 3,
      scale: 1,
      value: values,
      label: Float64Array.of(1, -1),
    });
    expect(data.value.buffer).toBeInstanceOf(SharedArrayBuffer);
    const { value, label } = data;
    const again = denseDataset({ name: 'own', values: value, samples: 2, features: 3, label });
    expect(again.value).toBe(value);
    expect(again.label).toBe(label);
    expect(entriesOf(data)).toEqual([
      [
        [0, 1],
        [1, 0],
        [2, 3],
      ],
      [
        [0, 4],
        [1, 5],
        [2, 6],
      ],
    ]);
  });

  test.each([
    ['a wrong length', { samples: 3 }, '6 values, expected 3 × 3 = 9'],
    ['no samples', { samples: 0 }, 'samples must be a whole number between 1 and 2147483647, not 0'],
    ['half a feature', { features: 1.5 }, 'features must be a whole number'],
    ['NaN', { values: Float32Array.of(1, 2, 3, 4, Number.NaN, 6) }, 'sample 1, feature 1, counted from 0, is NaN'],
    ['numbers of another type', { values: new Int16Array(6) as never }, 'values must be a Float64Array'],
    ['too few labels', { label: [1] }, '1 labels for 2 samples'],
    ['an infinite label', { label: [1, Number.POSITIVE_INFINITY] }, 'the label of sample 1 is Infinity'],
    ['a scale that is none', { scale: Number.NaN }, 'scale must be finite'],
  ])('refused: %s', (_what, change, message) => {
    const make = () => denseDataset({ name: 'own', values, samples: 2, features: 3, ...change });
    expect(make).toThrow(UsageError);
    expect(make).toThrow(`data set own: ${message}`);
  });
});

describe('sparse', () => {
  const good = { name: 'own', features: 4, rowStart: [0, 2, 2, 3], column: [0, 3, 1], value: [1.5, 2, 3] };

  test('is copied once, and taken as it is where it lies in shared memory', () => {
    const data = sparseDataset(good);
    expect(entriesOf(data)).toEqual([
      [
        [0, 1.5],
        [3, 2],
      ],
      [],
      [[1, 3]],
    ]);
    for (const array of [data.rowStart, data.column, data.value, data.label]) {
      expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
    const again = sparseDataset(data);
    for (const key of ['rowStart', 'column', 'value', 'label'] as const) expect(again[key]).toBe(data[key]);
  });

  test.each([
    ['offsets that begin late', { rowStart: [1, 2, 2, 3] }, 'rowStart must run from 0 to 3, not from 1 to 3'],
    ['offsets that end early', { rowStart: [0, 2, 2] }, 'rowStart must run from 0 to 3, not from 0 to 2'],
    ['offsets that descend', { rowStart: [0, 2, 1, 3] }, 'rowStart[2] is 1 after 2'],
    ['offsets beyond the end', { rowStart: [0, 9, 2, 3] }, 'rowStart[1] is 9 after 0'],
    ['an offset that is no number', { rowStart: [0, Number.NaN, 2, 3] }, 'rowStart[1] is NaN'],
    ['no rows', { rowStart: [0] }, 'samples must be a whole number'],
    ['a column too large', { column: [0, 4, 1] }, 'sample 0 has column 4 after 0; columns of a row must ascend'],
    ['a column below zero', { column: [-1, 3, 1] }, 'sample 0 has column -1'],
    ['columns out of order', { column: [3, 3, 1] }, 'sample 0 has column 3 after 3'],
    ['too few columns', { column: [0, 3] }, '2 columns for 3 values'],
    ['a value that is not finite', { value: [1, Number.NaN, 2] }, 'value 1, counted from 0, is NaN'],
  ])('refused: %s', (_what, change, message) => {
    expect(() => sparseDataset({ ...good, ...change })).toThrow(UsageError);
    expect(() => sparseDataset({ ...good, ...change })).toThrow(`data set own: ${message}`);
  });

  test('anything at all gives a data set or a UsageError', () => {
    const numbers = fc.array(fc.oneof(fc.integer({ min: -2, max: 9 }), fc.double()), { maxLength: 6 });
    fc.assert(
      fc.property(numbers, numbers, numbers, numbers, (rowStart, column, value, label) => {
        try {
          entriesOf(sparseDataset({ name: 'any', features: 5, rowStart, column, value, label }));
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});

describe('labels', () => {
  const data = (label: number[]) =>
    denseDataset({ name: 'own', values: new Uint8Array(2), samples: 2, features: 1, label });

  test('NaN and no labels at all are the same', () => {
    expect([...labelsOf(data([3, -0.5]))]).toEqual([3, -0.5]);
    for (const none of [[], [Number.NaN, Number.NaN]]) {
      expect(() => labelsOf(data(none))).toThrow('data set own has no labels');
    }
    expect(() => labelsOf(data([1, Number.NaN]))).toThrow('data set own has no label for sample 1, counted from 0');
  });
});

describe('a dense data set and the same in CSR form, zeros stored, compute the same bits', () => {
  const [samples, features] = [40, 11];
  const random = new KeyedRandom('forms');
  let state = 1;
  const draw = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state % 5 === 0 ? 0 : state % 256;
  };
  const numbers = Array.from({ length: samples * features }, draw);
  const label = Array.from({ length: samples }, (_, s) => s % 2);
  const shape = { name: 'small', features, label };
  const csr = {
    rowStart: Array.from({ length: samples + 1 }, (_, s) => s * features),
    column: numbers.map((_, k) => k % features),
  };
  const sampled = Int32Array.of(3, 0, 3);

  test.each([
    ['Uint8Array', 1 / 255, Uint8Array.from(numbers), Uint8Array.from(numbers)],
    [
      'Float32Array',
      1,
      Float32Array.from(numbers, (v) => v / 7),
      Float64Array.from(numbers, (v) => Math.fround(v / 7)),
    ],
    ['Float64Array', 1, Float64Array.from(numbers, (v) => v / 7), Float64Array.from(numbers, (v) => v / 7)],
  ])('%s', (_type, scale, values, value) => {
    const dense = denseDataset({ ...shape, samples, values, scale });
    const sparse = sparseDataset({ ...shape, ...csr, value, scale });
    for (const name of ['logistic', 'nonconvex-logistic', 'autoencoder']) {
      const [a, b] = [dense, sparse].map((data) => {
        const input = { workers: 3, random, data, shards: split('shuffled', data, 3, random) };
        const problem = problems[name].create(Spec.parse('problem', name), input);
        const oracle = problem.oracle(1, new Kernels());
        const x = Float64Array.from({ length: problem.dimension }, (_, j) => Math.sin(j));
        const [whole, part] = [new Float64Array(x.length), new Float64Array(x.length)];
        const f = [oracle.gradient(x, whole), oracle.batchGradient?.(x, sampled, part)];
        return { smoothness: problem.smoothness, f, whole, part };
      });
      expect(a).toEqual(b);
    }
  });
});
