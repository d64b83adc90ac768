import { UsageError } from '../errors.js';
import { type SparseDataset, shared } from './dataset.js';
import { giveWay, STRIDE } from './give-way.js';
import { readDataFile } from './read-file.js';
import type { FormatOptions, ReadOptions } from './reading.js';
import { parseIndex, parseNumber, quoted, textStart } from './text.js';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const HASH = 35;
const COMMA = 44;
const COLON = 58;
const SEMICOLON = 59;

/** Features a column array can address. */
const MAX_INDEX = 2 ** 31 - 1;

/** What a row is, for those who have something else. */
const ROW = 'a LIBSVM file has rows of «label index:value index:value …»';

export type LibsvmOptions = ReadOptions & Pick<FormatOptions, 'indexBase'>;

/**
 * Reads a data set in the text format of LIBSVM (plain, .gz, .xz or .bz2): a row is `label index:value index:value …`.
 * Indices ascend and count from 1 unless `indexBase` says otherwise; the number of features follows from the largest index.
 * Rows end with LF or CRLF. Comments from `#` on and blank lines do not count; a row may have a label only; blanks may
 * stand between a colon and its value. Query ids (`qid:3`) are left out, with a note. Zeros that are written out stay stored.
 * Labels are any finite numbers and kept as they are.
 * @param name the data set's name in messages
 * @throws FlotillaError `io` when the file cannot be read or unpacked
 * @throws UsageError when it is larger than the limit, or, with file, line and value, when its content cannot be used
 */
export async function readLibsvm(path: string, name: string, options: LibsvmOptions = {}): Promise<SparseDataset> {
  return parseLibsvm(await readDataFile(path, options), path, name, options);
}

/** The same from bytes that were read already; `path` and `name` are for messages. */
export async function parseLibsvm(
  bytes: Buffer,
  path: string,
  name: string,
  { indexBase: asked = 1, signal, note, features: expected }: LibsvmOptions = {},
): Promise<SparseDataset> {
  if (bytes.toString('latin1', 0, 6) === '\x93NUMPY') {
    throw new UsageError(`${path} is a NumPy file; the name of such a file must end in .npy`);
  }
  const begin = textStart(bytes, path);
  const { samples, nonZeros } = await count(bytes, begin, signal);
  if (samples === 0) throw new UsageError(`${path} has no rows`);
  const rowStart = shared(Int32Array, samples + 1);
  const value = shared(Float64Array, nonZeros);
  const label = shared(Float64Array, samples);
  // the largest index decides the type of the shared columns, and it is known at the end only
  const index = new Int32Array(nonZeros);

  let largest = -1;
  let least = MAX_INDEX;
  let line = 1;
  let row = 0;
  let k = 0;
  let previous = -1;
  let labelled = false;
  let queries = 0;
  let pause = STRIDE;
  const lowest = asked === 1 ? 1 : 0;
  const refuse = (what: string, from: number, to: number, why: string) =>
    new UsageError(`${path}, line ${line}: ${what} ${quoted(bytes, from, to)} ${why}`);
  /** The same of something that looks like another format. */
  const refuseRow = (what: string, from: number, to: number, why: string) => {
    const comma = bytes.subarray(from, to).some((byte) => byte === COMMA || byte === SEMICOLON);
    return refuse(what, from, to, `${why}; ${ROW}${comma ? ', and the name of a CSV file must end in .csv' : ''}`);
  };

  for (let at = begin; at < bytes.length; ) {
    if (at > pause) {
      pause = at + STRIDE;
      await giveWay(signal);
    }
    const byte = bytes[at];
    if (byte === LF) {
      if (labelled) rowStart[++row] = k;
      labelled = false;
      previous = -1;
      line++;
      at++;
    } else if (byte === SPACE || byte === TAB || byte === CR) {
      at++;
    } else if (byte === HASH) {
      const end = bytes.indexOf(LF, at);
      at = end < 0 ? bytes.length : end;
    } else {
      const start = at;
      let colon = -1;
      for (; at < bytes.length && !endsToken(bytes[at]); at++) if (bytes[at] === COLON && colon < 0) colon = at;
      if (!labelled) {
        const number = parseNumber(bytes, start, at);
        if (!Number.isFinite(number)) throw refuseRow('label', start, at, 'is not a finite number');
        label[row] = number;
        labelled = true;
        continue;
      }
      if (colon < 0) throw refuseRow('entry', start, at, 'is not index:value');
      if (isQuery(bytes, colon)) {
        queries++;
        continue;
      }
      const i = parseIndex(bytes, start, colon);
      if (i === 0 && lowest === 1) {
        const how =
          'files that count from 0, as scikit-learn writes them, need --index-base 0 (indexBase: 0 in the library)';
        throw refuse('index', start, colon, `is below 1, from which indices count; ${how}`);
      }
      if (!(i >= lowest && i <= MAX_INDEX)) {
        throw refuse('index', start, colon, `is not a whole number between ${lowest} and ${MAX_INDEX}`);
      }
      if (i <= previous) throw refuse('index', start, colon, `comes after ${previous}; indices must ascend in a row`);
      let from = colon + 1;
      if (from === at) {
        // numbers may be padded to a width
        while (bytes[from] === SPACE || bytes[from] === TAB) from++;
        for (at = from; at < bytes.length && !endsToken(bytes[at]); ) at++;
      }
      const number = parseNumber(bytes, from, at);
      if (!Number.isFinite(number)) throw refuse('value', from, at, `of index ${i} is not a finite number`);
      index[k] = i;
      value[k++] = number;
      previous = i;
      if (i > largest) largest = i;
      if (i < least) least = i;
    }
  }
  // the last line may lack its end
  if (labelled) rowStart[++row] = k;
  if (largest < 0) throw new UsageError(`${path} has ${samples} labels and no features; ${ROW}`);
  if (queries > 0) note?.(`${path}: ${queries} query ids (qid:…) are left out`);
  const base = asked === 'auto' ? Math.min(least, 1) : asked;
  if (asked === 'auto') note?.(`${path}: indices count from ${base}, as the least of them is ${least}`);

  const found = largest - base + 1;
  const features = expected ?? found;
  if (found > features) {
    throw new UsageError(`${path} has ${found} features (index ${largest} occurs); at most ${features} are expected`);
  }
  const column = shared<Uint16Array | Int32Array>(features <= 65_536 ? Uint16Array : Int32Array, nonZeros);
  for (let e = 0; e < nonZeros; e++) column[e] = index[e] - base;
  return { name, samples, features, rowStart, column, value, scale: 1, label };
}

/** Rows and entries, exact when the content is valid: a row has something before any `#`, an entry has one colon. */
async function count(bytes: Buffer, begin: number, signal: AbortSignal | undefined) {
  let samples = 0;
  let nonZeros = 0;
  let labelled = false;
  let comment = false;
  for (let from = begin; from < bytes.length; from += STRIDE) {
    const to = Math.min(from + STRIDE, bytes.length);
    for (let at = from; at < to; at++) {
      const byte = bytes[at];
      if (byte === LF) labelled = comment = false;
      else if (byte === HASH) comment = true;
      if (comment || byte === LF || byte === SPACE || byte === TAB || byte === CR) continue;
      if (byte === COLON && !isQuery(bytes, at)) nonZeros++;
      if (!labelled) samples++;
      labelled = true;
    }
    await giveWay(signal);
  }
  return { samples, nonZeros };
}

/** Whether the colon is that of a query id. */
function isQuery(bytes: Buffer, colon: number): boolean {
  const before = bytes[colon - 4];
  return (
    bytes[colon - 1] === 0x64 &&
    bytes[colon - 2] === 0x69 &&
    bytes[colon - 3] === 0x71 &&
    (before === SPACE || before === TAB)
  );
}

function endsToken(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB || byte === HASH;
}
