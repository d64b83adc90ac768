import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SparseDataset } from '../dist/data/dataset.js';
import { type LibsvmOptions, readLibsvm } from '../dist/data/libsvm.js';
import { split } from '../dist/data/split.js';
import { Kernels } from '../dist/kernels/kernels.js';
import { problems } from '../dist/problem/index.js';
import { KeyedRandom } from '../dist/random.js';
import { Spec } from '../dist/spec.js';
import { fixture } from './reference-data.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-libsvm-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads a file with this content. */
function read(content: string | Uint8Array, name = 'file', limit?: number): Promise<SparseDataset> {
  const path = join(folder, name);
  writeFileSync(path, content);
  return readLibsvm(path, 'small', { limit });
}

const plain = ({ label, rowStart, column, value, features }: SparseDataset) => ({
  label: [...label],
  rowStart: [...rowStart],
  column: [...column],
  value: [...value],
  features,
});

const golden = {
  label: [1, -1, 2.5],
  rowStart: [0, 2, 2, 4],
  column: [0, 3, 1, 3],
  value: [0.5, -2e-3, 1, 7],
  features: 4,
};

describe('accepted', () => {
  test.each([
    ['LF', '1 1:0.5 4:-2e-3\n-1\n2.5 2:1 4:7\n'],
    ['CRLF', '1 1:0.5 4:-2e-3\r\n-1\r\n2.5 2:1 4:7\r\n'],
    ['no end of the last line', '1 1:0.5 4:-2e-3\n-1\n2.5 2:1 4:7'],
    ['a byte order mark', '\ufeff1 1:0.5 4:-2e-3\n-1\n2.5 2:1 4:7\n'],
    ['numbers padded to a width', '1  1:  0.5 4: -2e-3\n-1\n2.5 2:\t1 4:7\n'],
    ['query ids', '1 qid:7 1:0.5 4:-2e-3\n-1\tqid:8\n2.5 qid:1e3 2:1 4:7\n'],
    ['blank lines', '\n1 1:0.5 4:-2e-3\n\r\n  \n-1\n2.5 2:1 4:7\n\n'],
    ['blanks around entries', ' 1\t1:0.5  4:-2e-3 \t\n-1 \n2.5 2:1 4:7  \r\n'],
    ['comments', '# 9 9:9\n1 1:0.5 4:-2e-3 # 9:9\n-1#\n2.5 2:1 4:7# x:y\n#'],
    ['other spellings of the numbers', '+1 1:.5 4:-0.002\n-1.\n25e-1 02:1.0 4:0.7E+1\n'],
  ])('%s', async (_what, text) => {
    const data = await read(text);
    expect(plain(data)).toEqual(golden);
    expect([data.name, data.samples, data.scale]).toEqual(['small', 3, 1]);
    for (const array of [data.label, data.rowStart, data.column, data.value])
      expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test.each([
    ['0', '1'],
    ['1', '2'],
    ['-1', '+1'],
  ])('labels %s and %s', async (a, b) => {
    expect([...(await read(`${a} 1:1\n${b} 1:1\n`)).label]).toEqual([Number(a), Number(b)]);
  });

  test('a written zero stays stored', async () => {
    expect(plain(await read('1 1:0 3:-0\n'))).toMatchObject({ column: [0, 2], value: [0, -0], features: 3 });
  });

  test('16-bit columns up to 65,536 features, 32-bit ones above', async () => {
    const narrow = await read('1 1:1 65536:2\n');
    expect([narrow.column.constructor, narrow.column[1], narrow.features]).toEqual([Uint16Array, 65_535, 65_536]);
    const wide = await read('1 1:1 65537:2 2147483647:3\n');
    expect([wide.column.constructor, ...wide.column]).toEqual([Int32Array, 0, 65_536, 2_147_483_646]);
  });
});

test.each([
  ['no rows', '', 'has no rows'],
  ['only comments', '# 1 1:1\n\n', 'has no rows'],
  ['only labels', '1\n2\n', 'has 2 labels and no features'],
  ['a word for a label', '1 1:1\nyes 1:1\n', 'line 2: label "yes" is not a finite number'],
  ['an entry for a label', '1:1 2:1\n', 'line 1: label "1:1"'],
  ['no label', ':1\n', 'line 1: label ":1"'],
  ['several labels', '1,2 1:1\n', 'label "1,2"'],
  ['NaN for a label', 'nan 1:1\n', 'label "nan"'],
  ['two labels', '1 1 1:1\n', 'line 1: entry "1" is not index:value'],
  ['index 0', '#\r\n\r\n1 0:1\r\n', 'line 3: index "0" is below 1, from which indices count; files that count from 0'],
  ['a negative index', '1 -1:1\n', 'index "-1"'],
  ['a fraction for an index', '1 1.5:1\n', 'index "1.5"'],
  ['no index', '1 :1\n', 'index ""'],
  ['a query id behind nothing', '1 xqid:3 1:1\n', 'index "xqid"'],
  ['an index above 2^31 − 1', '1 2147483648:1\n', 'index "2147483648"'],
  ['a very large index', `1 ${'9'.repeat(400)}:1\n`, 'index "9999'],
  ['a repeated index', '1 2:1 2:1\n', 'line 1: index "2" comes after 2; indices must ascend in a row'],
  ['descending indices', '1 1:1\n1 3:1 2:1\n', 'line 2: index "2" comes after 3'],
  ['no value', '1 1:\n', 'value "" of index 1 is not a finite number'],
  ['a blank before the colon', '1 1 :2\n', 'entry "1" is not index:value; a LIBSVM file has rows of'],
  ['a line end behind the colon', '1 1: \n2 1:1\n', 'line 1: value "" of index 1'],
  ['a comment behind the colon', '1 1:#\n', 'value "" of index 1'],
  ['an entry behind the colon', '1 1: 2:3\n', 'value "2:3" of index 1'],
  ['a number of a million digits', `1 1:${'9'.repeat(1e6)}\n`, 'value "9999'],
  [
    'a CSV file',
    'a,b,c\n1,2,3\n',
    'line 1: label "a,b,c" is not a finite number; a LIBSVM file has rows of «label index:value index:value …», and the name of a CSV file must end in .csv',
  ],
  ['columns between blanks', '1\t2\t3\n', 'entry "2" is not index:value; a LIBSVM file has rows of'],
  ['a NumPy file', Buffer.from('\x93NUMPY\x01', 'latin1'), 'is a NumPy file; the name of such a file must end in .npy'],
  ['UTF-16 with its mark', Buffer.from('\ufeff1 1:1\n', 'utf16le'), 'is UTF-16 text; save it as UTF-8'],
  ['UTF-16 without', Buffer.from('1 1:1\n', 'utf16le'), 'is UTF-16 text'],
  ['UTF-16, big-endian', Buffer.from('1 1:1\n', 'utf16le').swap16(), 'is UTF-16 text'],
  ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 49, 0, 0, 0]), 'is UTF-32 text'],
  ['a word for a value', '1 1:1 2:x\n', 'line 1: value "x" of index 2'],
  ['NaN', '1 1:NaN\n', 'value "NaN"'],
  ['Infinity', '1 1:-Infinity\n', 'value "-Infinity"'],
  ['a value beyond the range', '1 1:1e999\n', 'value "1e999"'],
  ['a hexadecimal value', '1 1:0x1F\n', 'value "0x1F"'],
  ['signs only', '1 1:+-\n', 'value "+-"'],
  ['a point only', '1 1:.\n', 'value "."'],
  ['two colons', '1 1:2:3\n', 'value "2:3"'],
])('refused: %s', async (_what, text, message) => {
  await expect(read(text)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(new RegExp(`^${join(folder, 'file')}[ ,]`)),
  });
  await expect(read(text)).rejects.toThrow(message);
});

describe('where indices count from', () => {
  const noted = async (text: string, options: LibsvmOptions) => {
    const notes: string[] = [];
    const path = join(folder, 'base');
    writeFileSync(path, text);
    const data = await readLibsvm(path, 'base', { ...options, note: (message) => notes.push(message) });
    return { column: [...data.column], features: data.features, notes };
  };
  const said = (what: string) => [`${join(folder, 'base')}: ${what}`];

  test.each<[string, string, LibsvmOptions, object]>([
    ['0', '1 0:1 2:1\n', { indexBase: 0 }, { column: [0, 2], features: 3, notes: [] }],
    ['0, without it', '1 1:1 2:1\n', { indexBase: 0 }, { column: [1, 2], features: 3, notes: [] }],
    ['1', '1 1:1 2:1\n', { indexBase: 1 }, { column: [0, 1], features: 2, notes: [] }],
  ])('%s', async (_what, text, options, expected) => {
    expect(await noted(text, options)).toEqual(expected);
  });

  test('auto says what it has found', async () => {
    const zero = said('indices count from 0, as the least of them is 0');
    expect(await noted('1 1:1\n1 0:1 2:1\n', { indexBase: 'auto' })).toEqual({
      column: [1, 0, 2],
      features: 3,
      notes: zero,
    });
    const three = said('indices count from 1, as the least of them is 3');
    expect(await noted('1 3:1\n', { indexBase: 'auto' })).toEqual({ column: [2], features: 3, notes: three });
  });

  test('query ids are said to be left out', async () => {
    const { notes } = await noted('1 qid:1 1:1\n2 qid:1 1:2\n', {});
    expect(notes).toEqual(said('2 query ids (qid:…) are left out'));
  });

  test('fewer features than expected are zeros, more are refused', async () => {
    expect(await noted('1 2:1\n', { features: 5 })).toEqual({ column: [1], features: 5, notes: [] });
    await expect(noted('1 6:1\n', { features: 5 })).rejects.toThrow(
      'has 6 features (index 6 occurs); at most 5 are expected',
    );
  });
});

test('a file that cannot be read', async () => {
  await expect(readLibsvm(join(folder, 'missing'), 'x')).rejects.toMatchObject({ code: 'io' });
  await expect(readLibsvm(folder, 'x')).rejects.toMatchObject({ code: 'io' });
});

test('text and back: any sparse matrix', async () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  const row = fc.record({
    label: finite,
    entries: fc.dictionary(fc.integer({ min: 1, max: 300 }).map(String), finite, { maxKeys: 8 }),
    end: fc.constantFrom('\n', '\r\n', ' \t\r\n', ' # 1:2\n', '\n\n'),
  });
  const spell = (x: number) => (Object.is(x, -0) ? '-0' : String(x));
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
      // whole-number keys come in ascending order
      const entries = rows.map((r) => Object.entries(r.entries));
      fc.pre(entries.flat().length > 0);
      const line = (s: number) => [spell(rows[s].label), ...entries[s].map(([i, v]) => `${i}:${spell(v)}`)].join(' ');
      const text = rows.map((r, s) => line(s) + r.end).join('');
      const flat = entries.flat();
      const rowStart = [0];
      for (const row of entries) rowStart.push(rowStart[rowStart.length - 1] + row.length);
      expect(plain(await read(text))).toEqual({
        label: rows.map((r) => r.label),
        rowStart,
        column: flat.map(([i]) => Number(i) - 1),
        value: flat.map(([, v]) => v),
        features: Math.max(...flat.map(([i]) => Number(i))),
      });
    }),
    { numRuns: 200 },
  );
});

describe('compressed', () => {
  const text = '1 1:0.5 4:-2e-3\n-1\n2.5 2:1 4:7\n';
  // made with xz 5.4 and bzip2 1.0.8
  const packed: Record<string, Buffer> = {
    gz: gzipSync(text),
    xz: Buffer.from(
      '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAeMSAxOjAuNSA0Oi0yZS0zCi0xCjIuNSAyOjEgNDo3CgAAA1veFhKEBGQAATcf6hiJPR+2830BAAAAAARZWg==',
      'base64',
    ),
    bz2: Buffer.from('QlpoOTFBWSZTWaGoZGkAAAdZAAAQQAN+kAIAIAAhqehGjyQgGgC1YQNPG5W4UGQQxWe7B+LuSKcKEhQ1DI0g', 'base64'),
  };

  test.each(Object.keys(packed))('%s, whatever the file is called', async (format) => {
    expect(plain(await read(packed[format], `file.${format}`))).toEqual(golden);
    expect(plain(await read(packed[format], 'file'))).toEqual(golden);
  });

  test.each(Object.keys(packed))('%s: two streams in a row are one file', async (format) => {
    const data = await read(Buffer.concat([packed[format], packed[format]]));
    expect([...data.label]).toEqual([...golden.label, ...golden.label]);
  });

  test('xz: padding between and after streams', async () => {
    const zeros = Buffer.alloc(8);
    expect((await read(Buffer.concat([packed.xz, zeros, packed.xz, zeros]))).samples).toBe(6);
  });

  test.each(Object.keys(packed))('%s: cut off anywhere, an error that names the file', async (format) => {
    const bytes = packed[format];
    for (let length = 0; length < bytes.length; length++) {
      const outcome = read(bytes.subarray(0, length), `cut.${format}`);
      await expect(outcome, `${length} bytes`).rejects.toMatchObject({
        code: 'io',
        message: expect.stringContaining(join(folder, `cut.${format}`)),
      });
    }
  });

  test.each(Object.keys(packed))('%s: a damaged byte never gives other data', async (format) => {
    for (let at = 0; at < packed[format].length; at++) {
      const bytes = Buffer.from(packed[format]);
      bytes[at] ^= 0x40;
      const outcome = await read(bytes, `damaged.${format}`).then(plain, (error) => error.code);
      // some header fields, such as a time stamp, do not matter
      if (outcome !== 'io') expect(outcome, `byte ${at}`).toEqual(golden);
    }
  });

  test('a text that is called compressed', async () => {
    await expect(read(text, 'text.xz')).rejects.toMatchObject({
      code: 'io',
      message: expect.stringMatching(/is not a \.xz file/),
    });
  });

  test.each(['plain', ...Object.keys(packed)])('%s: larger than the limit', async (format) => {
    const content = packed[format] ?? text;
    expect((await read(content, 'file', text.length)).samples).toBe(3);
    const outcome = read(content, 'file', text.length - 1);
    await expect(outcome).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(`file is too large: at most ${text.length - 1} bytes`),
    });
  });
});

describe('real data', () => {
  test.each([
    ['mushrooms.xz', 8124, 112, 170_604, [1, 2]],
    ['mushrooms-508.libsvm', 508, 112, 508 * 21, [1, 2]],
    ['phishing-277.libsvm', 277, 68, 277 * 30, [0, 1]],
    ['a9a-408.libsvm', 408, 122, 5672, [-1, 1]],
  ])('%s', async (name, samples, features, nonZeros, labels) => {
    const data = await readLibsvm(fixture(name), name);
    expect([data.samples, data.features, data.value.length]).toEqual([samples, features, nonZeros]);
    expect(data.rowStart[samples]).toBe(nonZeros);
    expect([...new Set(data.label)].sort((a, b) => a - b)).toEqual(labels);
  });

  test('mushrooms: values of an independent program at 0 and after 100 steps of gradient descent', async () => {
    const workers = 5;
    const data = await readLibsvm(fixture('mushrooms.xz'), 'mushrooms');
    const random = new KeyedRandom('libsvm');
    const shards = split('contiguous', data, workers, random);
    const spec = Spec.parse('problem', 'nonconvex-logistic');
    const input = { workers, random, data, shards };
    const problem = problems[spec.name].create(spec, input);
    expect(problem.dimension).toBe(113);
    const kernels = new Kernels();
    const oracles = Array.from({ length: workers }, (_, i) => problem.oracle(i, kernels));
    const L = Math.max(...oracles.map((oracle) => oracle.smoothness ?? Number.NaN));
    // 21 ones a row and the bias, and λ = 1e-6·L
    expect(L).toBeCloseTo(0.15405 * 22 * (1 + 1e-6), 12);

    const x = new Float64Array(113);
    const gradient = new Float64Array(113);
    const out = new Float64Array(113);
    const evaluate = () => {
      gradient.fill(0);
      let value = 0;
      for (const oracle of oracles) {
        value += oracle.gradient(x, out) / workers;
        for (let j = 0; j < 113; j++) gradient[j] += out[j] / workers;
      }
      return [value, gradient.reduce((sum, g) => sum + g * g, 0)];
    };
    const expectClose = (actual: number[], expected: number[]) =>
      actual.forEach((v, k) => {
        expect(Math.abs(v / expected[k] - 1)).toBeLessThan(1e-10);
      });

    expectClose(evaluate(), [0.25, 0.07998103986689802]);
    for (let t = 0; t < 100; t++) {
      evaluate();
      for (let j = 0; j < 113; j++) x[j] -= gradient[j] / L;
    }
    expectClose(evaluate(), [0.04141558914955221, 0.0006976542712861852]);
  });
});
