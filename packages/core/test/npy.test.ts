import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCsv } from '../dist/data/csv.js';
import { type NpyOptions, parseNpy, readNpyDataset } from '../dist/data/npy.js';
import { FlotillaError } from '../dist/index.js';
import { fixture } from './reference-data.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-npy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A NumPy file with this header. */
function npy(header: string, values: Uint8Array = new Uint8Array(), version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(header.length, 0, length.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.of(version, 0),
    length,
    Buffer.from(header),
    values,
  ]);
}
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
const bytesOf = (values: Float64Array) => new Uint8Array(values.buffer);
const put = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

test.each([
  ['<f8', 'getFloat64', [-1.5, 2e300]],
  ['<f4', 'getFloat32', [-1.5, 0.25]],
  ['|u1', 'getUint8', [3, 255]],
  ['|i1', 'getInt8', [-3, 127]],
  ['<u2', 'getUint16', [3, 65_535]],
  ['<i2', 'getInt16', [-3, 32_767]],
  ['<u4', 'getUint32', [3, 4e9]],
  ['<i4', 'getInt32', [-3, 2e9]],
  ['<u8', 'getBigUint64', [3, 2 ** 53]],
  ['<i8', 'getBigInt64', [-3, 2 ** 53]],
  ['|b1', 'getUint8', [1, 0]],
] as const)('type %s', async (descr, getter, numbers) => {
  const size = Number(descr[2]);
  const bytes = Buffer.alloc(2 * size);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  numbers.forEach((number, k) => {
    const value = getter.includes('Big') ? BigInt(number) : number;
    (view[getter.replace('get', 'set') as 'setFloat64'] as (at: number, value: unknown, little: boolean) => void)(
      k * size,
      value,
      true,
    );
  });
  const { shape, values } = await parseNpy(npy(header(`'${descr}'`, '(2, 1)'), bytes), 'x.npy');
  expect(shape).toEqual([2, 1]);
  expect([...values]).toEqual(numbers);
});

test.each([1, 2, 3])('format %i, keys in any order, an L behind a side', async (version) => {
  const text = "{'shape': (1, 2L), 'descr':'<f8' , 'fortran_order' : False}   \n";
  expect((await parseNpy(npy(text, bytesOf(Float64Array.of(1, 2)), version), 'x.npy')).values).toEqual(
    Float64Array.of(1, 2),
  );
});

const eight = bytesOf(Float64Array.of(1));
test.each<[string, Uint8Array, string]>([
  ['nothing', new Uint8Array(), 'is not an intact NumPy file: it does not begin like one'],
  ['text', Buffer.from('1 1:1\n'), 'does not begin like one'],
  ['a later format', npy(header("'<f8'", '(1, 1)'), eight, 4), 'its format is 4, not 1, 2 or 3'],
  ['half a header', npy(header("'<f8'", '(1, 1)')).subarray(0, 30), 'it ends in its header'],
  [
    'a header of 1 GiB',
    Buffer.from([...Buffer.from('\x93NUMPY', 'latin1'), 2, 0, 0, 0, 0, 64]),
    'its header has 1073741824 bytes',
  ],
  ['objects', npy(header("'|O'", '(1, 1)'), eight), 'holds Python objects (type |O), which are never read'],
  ['big-endian', npy(header("'>f8'", '(1, 1)'), eight), 'is big-endian (type >f8)'],
  [
    'Fortran order',
    npy(header("'<f8'", '(2, 2)', 'True'), new Uint8Array(32)),
    'is in Fortran order, by columns; save np.ascontiguousarray(x)',
  ],
  [
    'half precision',
    npy(header("'<f2'", '(4, 1)'), eight),
    'has the type "<f2"; f4, f8, booleans and integers are read',
  ],
  ['text values', npy(header("'<U2'", '(1, 1)'), eight), 'has the type "<U2"'],
  ['complex numbers', npy(header("'<c16'", '(1, 1)'), eight), 'has the type "<c16"'],
  ['the name of a method', npy(header("'<constructor'", '(1, 1)'), eight), 'has the type "<constructor"'],
  [
    'records',
    npy(header("[('a', '<f8'), ('b', '<f8')]", '(1,)'), eight),
    'has records of named fields (a structured type)',
  ],
  [
    'code',
    npy("{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (1,)}", eight),
    'its header lacks descr',
  ],
  ['no dictionary', npy("['descr', '<f8']", eight), 'its header is no dictionary'],
  [
    'a key twice',
    npy("{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", eight),
    'has descr twice',
  ],
  ['a side below zero', npy(header("'<f8'", '(-1, 1)'), eight), 'its header lacks descr, fortran_order or shape'],
  ['a side too large', npy(header("'<f8'", `(${'9'.repeat(30)}, 1)`), eight), 'its shape is (9999'],
  [
    'a shape too large',
    npy(header("'<f8'", '(999999999999999, 999999999999999)'), eight),
    '8 bytes of values, its shape',
  ],
  ['too few values', npy(header("'<f8'", '(1, 2)'), eight), '8 bytes of values, its shape (1, 2) and type <f8 need 16'],
  ['too many values', npy(header("'<f8'", '(1, 1)'), new Uint8Array(9)), '9 bytes of values'],
])('refused: %s', async (_what, bytes, message) => {
  const error = await parseNpy(Buffer.from(bytes), 'x.npy').catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
  expect(error.message.startsWith('x.npy ')).toBe(true);
});

test('anything at all gives an array of its shape, or an error that is meant', async () => {
  const good = npy(header("'<f8'", '(1, 1)'), eight);
  const changed = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 3 }).map((changes) => {
    const bytes = Buffer.from(good);
    for (const [at, byte] of changes) bytes[at] = byte;
    return bytes;
  });
  const words = fc.constantFrom(
    "'descr'",
    "'shape'",
    "'fortran_order'",
    ':',
    ',',
    "'<f8'",
    '(1,)',
    '(',
    ')',
    'True',
    '{',
    '}',
    '[',
    ' ',
    '\\',
    '1',
  );
  const written = fc.array(words, { maxLength: 16 }).map((all) => npy(`{${all.join('')}}`, eight));
  await fc.assert(
    fc.asyncProperty(fc.oneof(changed, written), async (bytes) => {
      try {
        const { shape, values } = await parseNpy(bytes, 'any.npy');
        expect(values.length).toBe(shape.reduce((product, side) => product * side, 1));
      } catch (error) {
        expect(error).toBeInstanceOf(FlotillaError);
      }
    }),
    { numRuns: 2000 },
  );
});

describe('as a data set', () => {
  const load = async (path: string, options: NpyOptions = {}) => {
    const notes: string[] = [];
    const data = await readNpyDataset(path, 'small', {
      ...options,
      note: (message) => notes.push(message.replaceAll(folder, '')),
    });
    return { value: [...data.value], label: [...data.label], features: data.features, notes };
  };
  const x = npy(header("'<f8'", '(2, 3)'), bytesOf(Float64Array.of(1, 2, 3, 4, 5, 6)));
  const y = npy(header("'|u1'", '(2,)'), Uint8Array.of(7, 8));

  test('what NumPy writes is what Python writes as CSV, and stays f32', async () => {
    const data = await readNpyDataset(fixture('X_phishing.npy'), 'numpy');
    const csv = await readCsv(fixture('phishing.csv'), 'csv');
    expect(data.value).toEqual(Float32Array.from(csv.value));
    expect(data.label).toEqual(csv.label);
  });

  test.each([
    ['train.npy', 'train.labels.npy'],
    ['X.npy', 'y.npy'],
    ['x-test.npy', 'y-test.npy'],
  ])('%s with the labels of %s', async (samples, labels) => {
    put(labels, y);
    const expected = { value: [1, 2, 3, 4, 5, 6], label: [7, 8], features: 3 };
    expect(await load(put(samples, x))).toEqual({ ...expected, notes: [`/${samples}: labels are from /${labels}`] });
    expect(await load(join(folder, samples), { labelColumn: 'none' })).toMatchObject({ label: [], notes: [] });
  });

  test('labels in a column, or nowhere', async () => {
    const path = put('alone.npy', x);
    expect(await load(path, { labelColumn: -1 })).toEqual({
      value: [1, 2, 4, 5],
      label: [3, 6],
      features: 2,
      notes: [],
    });
    expect(await load(path, { labelColumn: '2', features: 3 })).toMatchObject({ label: [], features: 3 });
    expect(await load(path)).toMatchObject({ label: [], notes: ['/alone.npy: there is no file of labels beside it'] });
    await expect(load(path, { labelColumn: 'kind' })).rejects.toThrow('labelColumn "kind" is no column of ');
    await expect(load(path, { features: 4 })).rejects.toThrow('has 3 features, expected 4');
  });

  test('further axes are one row a sample; one axis is no data', async () => {
    const cube = npy(header("'|u1'", '(2, 2, 2)'), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(await load(put('cube.npy', cube))).toMatchObject({ features: 4, value: [1, 2, 3, 4, 5, 6, 7, 8] });
    await expect(load(put('row.npy', y))).rejects.toThrow('has the shape (2); samples and features are expected');
    put('odd.labels.npy', npy(header("'|u1'", '(3,)'), Uint8Array.of(7, 8, 9)));
    await expect(load(put('odd.npy', x))).rejects.toThrow('odd.labels.npy has the shape (3), not 2 labels');
    const nan = npy(header("'<f8'", '(1, 1)'), bytesOf(Float64Array.of(Number.NaN)));
    await expect(load(put('nan.npy', nan))).rejects.toThrow(
      'data set small: sample 0, feature 0, counted from 0, is NaN',
    );
  });
});
