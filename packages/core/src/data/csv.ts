import { optionError, UsageError } from '../errors.js';
import { printed } from '../printed.js';
import { type DenseDataset, shared } from './dataset.js';
import { giveWay, STRIDE } from './give-way.js';
import { readDataFile } from './read-file.js';
import type { FormatOptions, ReadOptions } from './reading.js';
import { parseNumber, quoted, textStart } from './text.js';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const SEMICOLON = 59;

/** Bytes that a row may have. */
const MAX_ROW = 2 ** 26;
const MAX_COLUMNS = 2 ** 22;
/** What a column of labels is called when nobody says. */
const LABEL_NAMES = ['label', 'target', 'class', 'y'];

export type CsvOptions = ReadOptions & Pick<FormatOptions, 'labelColumn' | 'header'>;

/** The cells of one row: cell c is bytes[from[c], to[c]), without its quotes. */
interface Row {
  readonly from: number[];
  readonly to: number[];
  /** Where the next row begins. */
  end: number;
}

/**
 * Reads a table of numbers (plain, .gz, .xz or .bz2) as dense samples, in the format of RFC 4180: cells may stand in quotes, rows
 * end with LF or CRLF, blank lines do not count. Cells are separated by commas, semicolons or tabs, whichever the first row has
 * most of; in a `.tsv` file by tabs. Values are decimal numbers with a point. A sample without a label has an empty cell there.
 *
 * With `features`, a file of exactly as many columns may lack the column of labels.
 * @param name the data set's name in messages
 * @throws FlotillaError `io` when the file cannot be read or unpacked
 * @throws UsageError when it is larger than the limit, or, with file, line and column, when its content cannot be used
 */
export async function readCsv(path: string, name: string, options: CsvOptions = {}): Promise<DenseDataset> {
  return parseCsv(await readDataFile(path, options), path, name, options);
}

/** The same from bytes that were read already; `path` and `name` are for messages. */
export async function parseCsv(
  bytes: Buffer,
  path: string,
  name: string,
  { labelColumn, header = 'auto', features: expected, signal, note }: CsvOptions = {},
): Promise<DenseDataset> {
  const refuse = (what: string) => new UsageError(`${path}${what}`);
  const begin = textStart(bytes, path);
  const separator = /\.tsv(\.\w+)?$/i.test(path) ? TAB : separatorOf(bytes, begin);
  const row: Row = { from: [], to: [], end: begin };
  let line = 1;
  /** Goes to the next row that is not blank; returns its number of cells, 0 at the end. */
  const next = (): number => {
    for (;;) {
      for (let at = row.end - 1; at >= start; at--) if (bytes[at] === LF) line++;
      start = row.end;
      if (start >= bytes.length) return 0;
      const cells = readRow(bytes, separator, row, (what) => refuse(`, line ${line}: ${what}`));
      const quotedCell = bytes[row.from[0] - 1] === QUOTE;
      if (cells > 1 || row.to[0] > row.from[0] || quotedCell) return cells;
    }
  };
  let start = begin;

  const columns = next();
  if (columns === 0) throw refuse(' has no rows');
  const cellNumber = (c: number) => parseNumber(bytes, row.from[c], row.to[c]);
  const isWord = (c: number) => row.to[c] > row.from[c] && Number.isNaN(cellNumber(c));
  const all = Array.from({ length: columns }, (_, c) => c);
  if (all.some(isWord) && looksLikeLibsvm(text(0)))
    throw refuse(` is a LIBSVM file; its name must not end in .csv or .tsv`);
  const names = header === true || (header === 'auto' && all.some(isWord)) ? all.map(text) : undefined;
  function text(c: number): string {
    return bytes.toString('utf8', row.from[c], row.to[c]).replaceAll('""', '"').trim();
  }
  const label = labelIndex(labelColumn, columns, names, expected, path);
  const called = (c: number) =>
    `column ${c + 1}${names === undefined ? '' : ` (${JSON.stringify(names[c].slice(0, 40))})`}`;
  if (labelColumn === undefined) {
    const where = label < 0 ? 'there are no labels' : `labels are ${called(label)}`;
    note?.(`${path}: ${where}; --label-column says otherwise (labelColumn in the library)`);
  }
  const features = columns - (label < 0 ? 0 : 1);
  if (features === 0)
    throw refuse(` has one column, of labels, and no features; cells are separated by commas, semicolons or tabs`);
  if (expected !== undefined && features !== expected) {
    throw refuse(` has ${features} features (${columns} columns), expected ${expected}`);
  }

  const rows = await countRows(bytes, begin, signal);
  const samples = names === undefined ? rows : rows - 1;
  if (samples === 0 && bytes.includes(CR) && !bytes.includes(LF)) {
    throw refuse(' has lines that end in a carriage return alone; save it with line feeds');
  }
  if (samples === 0) throw refuse(' has names of columns and no rows');
  const value = shared(Float64Array, samples * features);
  const labels = shared(Float64Array, label < 0 ? 0 : samples);
  let s = 0;
  let k = 0;
  let pause = STRIDE;
  for (let cells = names === undefined ? columns : next(); cells > 0; cells = next()) {
    if (cells !== columns) throw refuse(`, line ${line}: ${cells} cells, expected ${columns}`);
    for (let c = 0; c < columns; c++) {
      const number = cellNumber(c);
      if (c === label) {
        const empty = row.from[c] === row.to[c];
        if (!empty && !Number.isFinite(number)) throw notANumber(c, '; labels are numbers: number the classes');
        labels[s] = empty ? Number.NaN : number;
      } else {
        if (!Number.isFinite(number)) throw notANumber(c, '');
        value[k++] = number;
      }
    }
    s++;
    if (start > pause) {
      pause = start + STRIDE;
      await giveWay(signal);
    }
  }
  if (s !== samples) throw refuse(' has quotes that do not stand as they must');
  return { name, samples, features, value, scale: 1, label: labels };

  function notANumber(c: number, hint: string): UsageError {
    const [from, to] = [row.from[c], row.to[c]];
    const what =
      from === to ? 'is empty; every cell is a number' : `is ${quoted(bytes, from, to)}, not a finite number`;
    const libsvm = looksLikeLibsvm(text(c)) ? '; LIBSVM files must not be called .csv or .tsv' : hint;
    return refuse(`, line ${line}: ${called(c)} ${what}${libsvm}`);
  }
}

/** The column of labels, from 0; −1: there is none. */
function labelIndex(
  asked: string | number | undefined,
  columns: number,
  names: readonly string[] | undefined,
  expected: number | undefined,
  path: string,
): number {
  if (asked === 'none') return -1;
  const withoutLabels = columns === expected;
  if (asked === undefined) {
    if (withoutLabels) return -1;
    const usual = (names ?? []).flatMap((name, c) => (LABEL_NAMES.includes(name.toLowerCase()) ? [c] : []));
    return usual.length === 1 ? usual[0] : columns - 1;
  }
  const named = (names ?? []).flatMap((name, c) => (name === String(asked) ? [c] : []));
  if (named.length === 1) return named[0];
  if (named.length > 1) {
    throw optionError(
      'labelColumn',
      `${printed(asked)} is the name of ${named.length} columns of ${path}; give a number`,
    );
  }
  if (withoutLabels) return -1;
  return columnAt(asked, columns, (allowed) => {
    const known = names === undefined ? 'it has no names' : `its names are ${names.slice(0, 20).join(', ')}`;
    return optionError(
      'labelColumn',
      `${printed(asked)} is no column of ${path}: ${known}, its numbers ${allowed}, or none`,
    );
  });
}

/** The column with a number, counted from 1 or from the end, from 0. */
export function columnAt(asked: string | number, columns: number, refuse: (allowed: string) => UsageError): number {
  const number = typeof asked === 'number' || /^-?\d{1,9}$/.test(asked) ? Number(asked) : Number.NaN;
  const index = number < 0 ? columns + number : number - 1;
  if (Number.isInteger(index) && index >= 0 && index < columns) return index;
  throw refuse(`1 to ${columns} or −1 to −${columns}`.replaceAll('−', '-'));
}

/** What separates cells: what there is most of in the first row, outside quotes; of as many, not the comma, which may be a decimal one. */
function separatorOf(bytes: Buffer, begin: number): number {
  const counts = new Map([SEMICOLON, TAB, COMMA].map((byte) => [byte, 0]));
  const end = Math.min(bytes.length, begin + MAX_ROW);
  let inQuotes = false;
  let blank = true;
  for (let at = begin; at < end && (inQuotes || blank || bytes[at] !== LF); at++) {
    const byte = bytes[at];
    if (byte > SPACE) blank = false;
    if (byte === QUOTE) inQuotes = !inQuotes;
    else if (!inQuotes && counts.has(byte)) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  return [...counts].find(([, count]) => count === most)?.[0] ?? COMMA;
}

/** Reads the row that begins at `row.end`; returns how many cells it has. */
function readRow(bytes: Buffer, separator: number, row: Row, refuse: (what: string) => UsageError): number {
  const begin = row.end;
  const isBlank = (byte: number) => byte === SPACE || (byte === TAB && separator !== TAB);
  const limit = Math.min(bytes.length, begin + MAX_ROW + 1);
  let cells = 0;
  let at = begin;
  for (;;) {
    while (isBlank(bytes[at])) at++;
    let from = at;
    let to: number;
    if (bytes[at] === QUOTE) {
      from = ++at;
      for (; ; at += 2) {
        at = bytes.indexOf(QUOTE, at);
        if (at < 0 || at - begin > MAX_ROW) throw refuse(`the quotes of cell ${cells + 1} do not close`);
        if (bytes[at + 1] !== QUOTE) break;
      }
      to = at++;
      while (isBlank(bytes[at]) || bytes[at] === CR) at++;
      if (at < bytes.length && bytes[at] !== separator && bytes[at] !== LF) {
        throw refuse(`there is text behind the quotes of cell ${cells + 1}`);
      }
      // blanks within the quotes
      while (from < to && isBlank(bytes[from])) from++;
    } else {
      while (at < limit && bytes[at] !== separator && bytes[at] !== LF) {
        if (bytes[at] === QUOTE)
          throw refuse(`there is a quote within cell ${cells + 1}, which does not begin with one`);
        at++;
      }
      to = at;
    }
    while (to > from && (isBlank(bytes[to - 1]) || bytes[to - 1] === CR)) to--;
    row.from[cells] = from;
    row.to[cells] = to;
    cells++;
    if (at - begin > MAX_ROW) throw refuse(`it is longer than ${MAX_ROW} bytes`);
    if (cells > MAX_COLUMNS) throw refuse(`it has more than ${MAX_COLUMNS} cells`);
    if (at >= bytes.length || bytes[at] === LF) break;
    at++;
  }
  row.end = Math.min(at + 1, bytes.length);
  return cells;
}

/** Rows that are not blank; exact when all quotes stand as they must. */
async function countRows(bytes: Buffer, begin: number, signal: AbortSignal | undefined): Promise<number> {
  let rows = 0;
  let inQuotes = false;
  let inRow = false;
  for (let from = begin; from < bytes.length; from += STRIDE) {
    const to = Math.min(from + STRIDE, bytes.length);
    for (let at = from; at < to; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) inQuotes = !inQuotes;
      if (inQuotes || (byte !== LF && byte !== CR && byte !== SPACE && byte !== TAB)) {
        if (!inRow) rows++;
        inRow = true;
      } else if (byte === LF) inRow = false;
    }
    await giveWay(signal);
  }
  return rows;
}

function looksLikeLibsvm(cell: string): boolean {
  return /^\S+\s+\d+:[-+.\d]/.test(cell.slice(0, 200));
}
