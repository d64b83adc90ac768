import { UsageError } from '../errors.js';
import { type SparseDataset, shared } from './dataset.js';
import { readDataFile } from './read-file.js';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const HASH = 35;
const COLON = 58;

/** Features a column array can address. */
const MAX_INDEX = 2 ** 31 - 1;

/**
 * Reads a data set in the text format of LIBSVM (plain, .gz, .xz or .bz2): a row is `label index:value index:value …`.
 * Indices count from 1 and ascend; feature `index` becomes column index − 1; the number of features is the largest index.
 * Rows end with LF or CRLF. Comments from `#` on and blank lines do not count; a row may have a label only. Zeros that
 * are written out stay stored. Labels are any finite numbers and kept as they are.
 * @param name the data set's name in messages
 * @param limit largest size in bytes of the unpacked file (2 GiB when not given)
 * @throws FlotillaError `io` when the file cannot be read or unpacked
 * @throws UsageError when it is larger than `limit`, or, with file, line and value, when its content cannot be used
 */
export async function readLibsvm(path: string, name: string, limit?: number): Promise<SparseDataset> {
  return parseLibsvm(await readDataFile(path, limit), path, name);
}

/** The same from bytes that were read already; `path` and `name` are for messages. */
export function parseLibsvm(bytes: Buffer, path: string, name: string): SparseDataset {
  const { samples, nonZeros } = count(bytes);
  if (samples === 0) throw new UsageError(`${path} has no rows`);
  const rowStart = shared(Int32Array, samples + 1);
  const value = shared(Float64Array, nonZeros);
  const label = shared(Float64Array, samples);
  // the largest index decides the type of the shared columns, and it is known at the end only
  const index = new Int32Array(nonZeros);

  let features = 0;
  let line = 1;
  let row = 0;
  let k = 0;
  let previous = 0;
  let labelled = false;
  const refuse = (what: string, from: number, to: number, why: string) => {
    const text = JSON.stringify(bytes.toString('utf8', from, Math.min(to, from + 40)));
    return new UsageError(`${path}, line ${line}: ${what} ${text} ${why}`);
  };

  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at];
    if (byte === LF) {
      if (labelled) rowStart[++row] = k;
      labelled = false;
      previous = 0;
      line++;
      at++;
    } else if (byte === SPACE || byte === TAB || byte === CR) {
      at++;
    } else if (byte === HASH) {
      while (at < bytes.length && bytes[at] !== LF) at++;
    } else {
      const start = at;
      let colon = -1;
      for (; at < bytes.length && !endsToken(bytes[at]); at++) if (bytes[at] === COLON && colon < 0) colon = at;
      if (!labelled) {
        const number = parseNumber(bytes, start, at);
        if (!Number.isFinite(number)) throw refuse('label', start, at, 'is not a finite number');
        label[row] = number;
        labelled = true;
        continue;
      }
      if (colon < 0) throw refuse('entry', start, at, 'is not index:value');
      const i = parseIndex(bytes, start, colon);
      if (!(i >= 1 && i <= MAX_INDEX)) {
        throw refuse('index', start, colon, `is not a whole number between 1 and ${MAX_INDEX}`);
      }
      if (i <= previous) throw refuse('index', start, colon, `comes after ${previous}; indices must ascend in a row`);
      const number = parseNumber(bytes, colon + 1, at);
      if (!Number.isFinite(number)) throw refuse('value', colon + 1, at, `of index ${i} is not a finite number`);
      index[k] = i - 1;
      value[k++] = number;
      previous = i;
      if (i > features) features = i;
    }
  }
  // the last line may lack its end
  if (labelled) rowStart[++row] = k;
  if (features === 0) throw new UsageError(`${path} has ${samples} labels and no features`);

  const column = shared<Uint16Array | Int32Array>(features <= 65_536 ? Uint16Array : Int32Array, nonZeros);
  column.set(index);
  return { name, samples, features, rowStart, column, value, scale: 1, label };
}

/** Rows and entries, exact when the content is valid: a row has something before any `#`, an entry has one colon. */
function count(bytes: Buffer): { samples: number; nonZeros: number } {
  let samples = 0;
  let nonZeros = 0;
  let labelled = false;
  let comment = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === LF) labelled = comment = false;
    else if (byte === HASH) comment = true;
    if (comment || byte === LF || byte === SPACE || byte === TAB || byte === CR) continue;
    if (byte === COLON) nonZeros++;
    if (!labelled) samples++;
    labelled = true;
  }
  return { samples, nonZeros };
}

function endsToken(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB || byte === HASH;
}

/** The whole number in bytes[from, to); NaN when there is anything but digits. Exact up to 2^53. */
function parseIndex(bytes: Buffer, from: number, to: number): number {
  let number = from < to ? 0 : Number.NaN;
  for (let at = from; at < to; at++) {
    const digit = bytes[at] - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = 10 * number + digit;
  }
  return number;
}

/** The decimal number in bytes[from, to), correctly rounded; NaN when it is none, infinite when it is out of range. */
function parseNumber(bytes: Buffer, from: number, to: number): number {
  let digits = from < to;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte >= 48 && byte <= 57) continue;
    digits = false;
    // `Number` knows more than decimal numbers: 0x1F, Infinity
    const decimal = byte === 43 || byte === 45 || byte === 46 || byte === 101 || byte === 69;
    if (!decimal) return Number.NaN;
  }
  if (digits && to - from <= 15) return parseIndex(bytes, from, to);
  return from < to ? Number(bytes.toString('latin1', from, to)) : Number.NaN;
}
