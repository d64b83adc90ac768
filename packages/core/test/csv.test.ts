import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CsvOptions, parseCsv, readCsv } from '../dist/data/csv.js';
import { readLibsvm } from '../dist/data/libsvm.js';
import { FlotillaError, type SparseDataset } from '../dist/index.js';
import { fixture } from './reference-data.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-csv-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads a file with this content: rows of values, labels, and what was noted. */
async function read(content: string | Uint8Array, options: CsvOptions = {}, file = 'file.csv') {
  const path = join(folder, file);
  writeFileSync(path, content);
  const notes: string[] = [];
  const data = await readCsv(path, 'small', { ...options, note: (message) => notes.push(message) });
  const { samples, features, value, label } = data;
  const rows = Array.from({ length: samples }, (_, s) => [...value.subarray(s * features, (s + 1) * features)]);
  return { rows, label: [...label], notes: notes.map((note) => note.replace(`${path}: `, '')) };
}

const chosen = (what: string) => [`${what}; --label-column says otherwise (labelColumn in the library)`];
const golden = { rows: [[1.5, -2], [0, 3e5]], label: [1, 0] }; // biome-ignore format: a table

describe('accepted', () => {
  test.each<[string, string, CsvOptions?, string?]>([
    ['LF', '1.5,-2,1\n0,3e5,0\n'],
    ['CRLF', '1.5,-2,1\r\n0,3e5,0\r\n'],
    ['no end of the last line', '1.5,-2,1\n0,3e5,0'],
    ['a byte order mark', '\ufeff1.5,-2,1\n0,3e5,0\n'],
    ['names', 'a,b,c\n1.5,-2,1\n0,3e5,0\n'],
    ['names that are numbers', '1,2,3\n1.5,-2,1\n0,3e5,0\n', { header: true }],
    ['blank lines', '\n1.5,-2,1\n  \n\r\n0,3e5,0\n\n'],
    ['blanks around cells', ' 1.5 ,\t-2, 1 \n0 ,3e5,0\n'],
    ['quotes', '"a ""b"",\n,",b,c\r\n"1.5","-2",1\r\n0,"3e5", "0" \n'],
    ['semicolons', 'a;b, too;c\n1.5;-2;1\n0;3e5;0\n'],
    ['tabs', '1.5\t-2\t1\n0\t3e5\t0\n'],
    ['tabs in a .tsv', 'a,b,c,d\tb\tc\n1.5\t-2\t1\n0\t3e5\t0\n', {}, 'file.tsv'],
  ])('%s', async (_what, text, options, file) => {
    expect(await read(text, options, file)).toMatchObject(golden);
  });

  test.each<[string, string, CsvOptions, string[]]>([
    ['the last column', '1.5,-2,1\n0,3e5,0\n', {}, chosen('labels are column 3')],
    ['one called so', 'a,Label,b\n1.5,1,-2\n0,0,3e5\n', {}, chosen('labels are column 2 ("Label")')],
    ['the last of two that are', 'y,b,class\n1.5,-2,1\n0,3e5,0\n', {}, chosen('labels are column 3 ("class")')],
    ['a name', 'kind,a,y\n1,1.5,-2\n0,0,3e5\n', { labelColumn: 'kind' }, []],
    ['a number', '1.5,1,-2\n0,0,3e5\n', { labelColumn: 2 }, []],
    ['a number as text', '1,1.5,-2\n0,0,3e5\n', { labelColumn: '1' }, []],
    ['a number from the end', '1.5,1,-2\n0,0,3e5\n', { labelColumn: '-2' }, []],
    ['a name that is a number', '7,3,a\n1.5,1,-2\n0,0,3e5\n', { labelColumn: '3' }, []],
  ])('labels: %s', async (_what, text, options, notes) => {
    expect(await read(text, options)).toEqual({ ...golden, notes });
  });

  test('no labels, and samples without one', async () => {
    const rows = [[1, 2], [3, 4]]; // biome-ignore format: a table
    expect(await read('1,2\n3,4\n', { labelColumn: 'none' })).toEqual({ rows, label: [], notes: [] });
    expect(await read('1,2,7\n3,4,\n')).toMatchObject({ rows, label: [7, Number.NaN] });
    // as many columns as the features that are expected
    const without = { rows, label: [], notes: chosen('there are no labels') };
    expect(await read('a,b\n1,2\n3,4\n', { features: 2 })).toEqual(without);
    expect(await read('a,b\n1,2\n3,4\n', { features: 2, labelColumn: 'kind' })).toEqual({ ...without, notes: [] });
  });

  test('what Python writes is what the same rows are in LIBSVM', async () => {
    const csv = await readCsv(fixture('phishing.csv'), 'csv');
    const sparse: SparseDataset = await readLibsvm(fixture('phishing-277.libsvm'), 'svm');
    expect([csv.samples, csv.features]).toEqual([277, 12]);
    expect(csv.label).toEqual(sparse.label);
    const dense = new Float64Array(277 * 12);
    for (let s = 0; s < 277; s++) {
      for (let k = sparse.rowStart[s]; k < sparse.rowStart[s + 1]; k++) {
        if (sparse.column[k] < 12) dense[s * 12 + sparse.column[k]] = sparse.value[k];
      }
    }
    expect(csv.value).toEqual(dense);
    for (const array of [csv.value, csv.label]) expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});

test.each<[string, string | Uint8Array, string, CsvOptions?]>([
  ['nothing', '', ' has no rows'],
  ['blank lines only', '\n \r\n', ' has no rows'],
  ['names only', 'a,b\n', ' has names of columns and no rows'],
  ['one column', '1\n2\n', ' has one column, of labels, and no features; cells are separated by commas'],
  ['carriage returns alone', 'a,b\r1,2\r', ' has lines that end in a carriage return alone'],
  ['a zip archive', 'PK\x03\x04\x14\0', ' is a zip archive, as .npz and .xlsx are too'],
  ['zstd', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 4), ' is packed with zstd'],
  ['a word', 'age,y\n1,0\n2,1\n\nold,0\n', ', line 5: column 1 ("age") is "old", not a finite number'],
  ['an empty cell', 'age,y\n,0\n', ', line 2: column 1 ("age") is empty; every cell is a number'],
  [
    'a word for a label',
    'age,y\n1,cat\n',
    ', line 2: column 2 ("y") is "cat", not a finite number; labels are numbers',
  ],
  ['a decimal comma', '1,5;1\n2,5;0\n', ', line 2: column 1 ("1,5") is "2,5", not a finite number'],
  ['NaN', '1,2\nnan,2\n', ', line 2: column 1 is "nan", not a finite number'],
  ['beyond the range', '1,2\n1e999,2\n', ', line 2: column 1 is "1e999"'],
  ['hexadecimal', '1,2\n0x1f,2\n', ', line 2: column 1 is "0x1f"'],
  ['too many cells', '1,2\n1,2,3\n', ', line 2: 3 cells, expected 2'],
  ['too few cells', '1,2\n"1"\n', ', line 2: 1 cells, expected 2'],
  ['quotes that do not close', '1,2\n"1,2\n3,4\n', ', line 2: the quotes of cell 1 do not close'],
  ['text behind quotes', '1,2\n"1"0,2\n', ', line 2: there is text behind the quotes of cell 1'],
  ['a quote within a cell', '1,2\n1"0,2\n', ', line 2: there is a quote within cell 1'],
  ['a line after one of several lines', '"a\nb",y\n1,2\n3,x\n', ', line 4: column 2 ("y") is "x"'],
  ['a LIBSVM file', '1 1:0.5 3:1\n-1 2:1\n', ' is a LIBSVM file; its name must not end in .csv or .tsv'],
  ['UTF-16', Buffer.from('\ufeff1,2\n', 'utf16le'), ' is UTF-16 text; save it as UTF-8'],
  ['a row of 64 MiB', `1,2\n1${'0'.repeat(2 ** 26)},2\n`, ', line 2: it is longer than 67108864 bytes'],
  ['no such column', 'a,b\n1,2\n', 'labelColumn "kind" is no column of FILE: its names are a, b, its numbers 1 to 2 or -1 to -2, or none', { labelColumn: 'kind' }], // biome-ignore format: one line
  ['a name where there are none', '1,2\n', 'it has no names', { labelColumn: 'kind' }],
  ['column 0', '1,2\n', 'labelColumn 0 is no column of ', { labelColumn: 0 }],
  ['a column beyond the last', '1,2\n', 'labelColumn "-3" is no column of ', { labelColumn: '-3' }],
  ['a name twice', 'a,a,b\n1,2,3\n', 'labelColumn "a" is the name of 2 columns of ', { labelColumn: 'a' }],
  ['names that are none', 'a,b\n1,2\n', ', line 1: column 1 is "a"', { header: false }],
  ['too few features', '1,2,3\n', ' has 2 features (3 columns), expected 5', { features: 5 }],
])('refused: %s', async (_what, content, message, options) => {
  const error = await read(content, options).catch((thrown) => thrown);
  expect(error).toMatchObject({
    code: 'usage',
    message: expect.stringContaining(message.replace('FILE', join(folder, 'file.csv'))),
  });
  expect(error.message).toContain(join(folder, 'file.csv'));
  expect(error.message.length).toBeLessThan(400);
});

test('text and back: any matrix', async () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  const spell = (x: number) => (Object.is(x, -0) ? '-0' : String(x));
  const matrix = fc
    .tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 6 }))
    .chain(([columns, rows]) =>
      fc.array(fc.array(finite, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows }),
    );
  const style = fc.record({
    separator: fc.constantFrom(',', ';', '\t'),
    end: fc.constantFrom('\n', '\r\n', '\n\n'),
    quotes: fc.boolean(),
    names: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(matrix, style, async (rows, { separator, end, quotes, names }) => {
      const cell = (text: string) => (quotes ? `"${text}"` : text);
      const lines = rows.map((row) => row.map((x) => cell(spell(x))).join(separator));
      if (names) lines.unshift(rows[0].map((_, c) => cell(`name ${c}`)).join(separator));
      const data = await parseCsv(Buffer.from(lines.join(end)), 'any.csv', 'any', { labelColumn: 1 });
      expect([...data.label]).toEqual(rows.map((row) => row[0]));
      expect([...data.value]).toEqual(rows.flatMap((row) => row.slice(1)));
    }),
  );
});

test('anything at all gives a data set of the length that it says, or an error that is meant', async () => {
  const piece = fc.constantFrom('1', '-2.5', ',', ';', '\t', '"', '""', '\n', '\r\n', ' ', 'x', '\ufeff', '1:2', '\0');
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 24 }), fc.boolean(), async (pieces, header) => {
      try {
        const data = await parseCsv(Buffer.from(pieces.join('')), 'any.csv', 'any', { header: header || 'auto' });
        expect(data.value.length).toBe(data.samples * data.features);
        expect(data.value.every(Number.isFinite)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(FlotillaError);
      }
    }),
    { numRuns: 2000 },
  );
});
