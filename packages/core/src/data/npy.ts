import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { optionError, UsageError } from '../errors.js';
import { printed } from '../printed.js';
import { columnAt } from './csv.js';
import { type DenseDataset, denseDataset, shared } from './dataset.js';
import { giveWay, STRIDE } from './give-way.js';
import { type FileLimits, readDataFile } from './read-file.js';
import type { FormatOptions, ReadOptions } from './reading.js';

/** The array of a NumPy file, row-major. 8-bit integers stay, f32 and 16-bit integers become f32, everything else f64. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float32Array | Float64Array;
}

/** Bytes that a header may have; NumPy itself reads no more than 10,000 from strangers. */
const MAX_HEADER = 65_536;

/** Types by their letter and size: how to read a value, and what array takes it. */
const types: Readonly<
  Record<
    string,
    {
      into: typeof Uint8Array | typeof Float32Array | typeof Float64Array;
      read: (view: DataView, at: number) => number;
    }
  >
> = {
  f8: { into: Float64Array, read: (view, at) => view.getFloat64(at, true) },
  f4: { into: Float32Array, read: (view, at) => view.getFloat32(at, true) },
  u1: { into: Uint8Array, read: (view, at) => view.getUint8(at) },
  b1: { into: Uint8Array, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
  i1: { into: Float32Array, read: (view, at) => view.getInt8(at) },
  u2: { into: Float32Array, read: (view, at) => view.getUint16(at, true) },
  i2: { into: Float32Array, read: (view, at) => view.getInt16(at, true) },
  u4: { into: Float64Array, read: (view, at) => view.getUint32(at, true) },
  i4: { into: Float64Array, read: (view, at) => view.getInt32(at, true) },
  u8: { into: Float64Array, read: (view, at) => Number(view.getBigUint64(at, true)) },
  i8: { into: Float64Array, read: (view, at) => Number(view.getBigInt64(at, true)) },
};

/**
 * Reads a NumPy file (.npy, also packed with gzip, xz or bzip2), formats 1.0 to 3.0: f4, f8, booleans and integers, little-endian,
 * in C order. Its header is parsed, never evaluated. Integers beyond 2^53 are rounded.
 * @throws FlotillaError `io` when the file cannot be read; UsageError that names what it has and is not read
 */
export async function readNpy(path: string, limits?: FileLimits): Promise<NpyArray> {
  return parseNpy(await readDataFile(path, limits), path, limits?.signal);
}

/** The same from bytes that were read already; `path` is for messages. */
export async function parseNpy(bytes: Buffer, path: string, signal?: AbortSignal): Promise<NpyArray> {
  const broken = (what: string) => new UsageError(`${path} is not an intact NumPy file: ${what}`);
  if (bytes.toString('latin1', 0, 6) !== '\x93NUMPY') throw broken('it does not begin like one');
  const version = bytes[6];
  if (!(version >= 1 && version <= 3)) throw broken(`its format is ${version}, not 1, 2 or 3`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw broken('it ends in its header');
  const length = version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  if (length > MAX_HEADER) throw broken(`its header has ${length} bytes, at most ${MAX_HEADER} are read`);
  if (bytes.length < start + length) throw broken('it ends in its header');
  const { descr, fortran, shape } = parseHeader(bytes.toString('latin1', start, start + length), path, broken);

  if (/O/.test(descr)) {
    throw new UsageError(
      `${path} holds Python objects (type ${descr}), which are never read; save an array of numbers`,
    );
  }
  const [, order, name] = /^([<>|=])([a-zA-Z]\d+)$/.exec(descr) ?? [];
  const type = name !== undefined && Object.hasOwn(types, name) ? types[name] : undefined;
  if (type === undefined || name === undefined) {
    throw new UsageError(`${path} has the type ${JSON.stringify(descr)}; f4, f8, booleans and integers are read`);
  }
  const size = Number(name[1]);
  if (order === '>' && size > 1) {
    throw new UsageError(`${path} is big-endian (type ${descr}); save it with x.astype(x.dtype.newbyteorder('<'))`);
  }
  // of one axis both orders are the same
  if (fortran && shape.filter((side) => side !== 1).length > 1) {
    throw new UsageError(`${path} is in Fortran order, by columns; save np.ascontiguousarray(x)`);
  }
  const count = shape.reduce((product, side) => product * side, 1);
  const data = start + length;
  if (!Number.isSafeInteger(count) || bytes.length - data !== count * size) {
    throw broken(
      `${bytes.length - data} bytes of values, its shape (${shape.join(', ')}) and type ${descr} need ${count * size}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + data, count * size);
  const values = shared<NpyArray['values']>(type.into, count);
  const { read } = type;
  for (let from = 0; from < count; from += STRIDE) {
    const to = Math.min(from + STRIDE, count);
    for (let k = from; k < to; k++) values[k] = read(view, k * size);
    await giveWay(signal);
  }
  return { shape, values };
}

/** A header is the text of a Python dictionary of three known keys. */
function parseHeader(text: string, path: string, broken: (what: string) => UsageError) {
  const found = new Map<string, string>();
  const pattern = /\s*'(descr|fortran_order|shape)'\s*:\s*('[^'\\]*'|True|False|\([\d,\sL]*\)|\[)\s*(,|(?=\}))/y;
  const body = text.trimEnd();
  if (!body.startsWith('{') || !body.endsWith('}')) throw broken('its header is no dictionary');
  pattern.lastIndex = 1;
  for (let match = pattern.exec(body); match !== null; match = pattern.exec(body)) {
    if (match[2] === '[') break;
    if (found.has(match[1])) throw broken(`its header has ${match[1]} twice`);
    found.set(match[1], match[2]);
    if (/^\s*\}$/.test(body.slice(pattern.lastIndex))) break;
  }
  if (/'descr'\s*:\s*\[/.test(body)) {
    throw new UsageError(`${path} has records of named fields (a structured type); save an array of numbers`);
  }
  const [descr, order, sides] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key) ?? '');
  if (!descr.startsWith("'") || !/^(True|False)$/.test(order) || !sides.startsWith('(')) {
    throw broken('its header lacks descr, fortran_order or shape, or has more');
  }
  const shape = sides
    .slice(1, -1)
    .split(',')
    .map((side) => side.trim().replace(/L$/, ''));
  // one axis is written (3,)
  if (shape.at(-1) === '') shape.pop();
  if (!shape.every((side) => /^\d{1,15}$/.test(side))) throw broken(`its shape is ${sides}`);
  return { descr: descr.slice(1, -1), fortran: order === 'True', shape: shape.map(Number) };
}

export type NpyOptions = ReadOptions & Pick<FormatOptions, 'labelColumn'>;

/**
 * A dense data set from a NumPy file of shape (samples, features); what further axes there are is one row a sample. Labels: the
 * column that `labelColumn` numbers, or else an array of one axis in the file beside it, which is called like it with `.labels`
 * before `.npy`, or with `y` where it begins with `X` (`X_test.npy`, `y_test.npy`); without such a file there are none.
 * @param name the data set's name in messages
 * @throws FlotillaError `io` when a file cannot be read; UsageError when it cannot be used
 */
export async function readNpyDataset(path: string, name: string, options: NpyOptions = {}): Promise<DenseDataset> {
  const { labelColumn, features: expected, note } = options;
  const { shape, values } = await readNpy(path, options);
  const [samples = 0, ...inner] = shape;
  const columns = inner.reduce((product, side) => product * side, 1);
  if (inner.length === 0 || samples === 0 || columns === 0) {
    throw new UsageError(`${path} has the shape (${shape.join(', ')}); samples and features are expected`);
  }
  let x = values;
  let label: Float64Array | undefined;
  let features = columns;
  if (labelColumn !== undefined && labelColumn !== 'none' && columns !== expected) {
    const c = columnAt(labelColumn, columns, (allowed) => {
      return optionError(
        'labelColumn',
        `${printed(labelColumn)} is no column of ${path}: they have the numbers ${allowed}`,
      );
    });
    features--;
    label = Float64Array.from({ length: samples }, (_, s) => values[s * columns + c]);
    x = shared<NpyArray['values']>(values.constructor as typeof Float64Array, samples * features);
    for (let s = 0, k = 0; s < samples; s++) {
      for (let j = 0; j < columns; j++) if (j !== c) x[k++] = values[s * columns + j];
    }
  } else if (labelColumn === undefined) {
    const beside = labelsBeside(path);
    const found = beside === undefined ? undefined : await readNpy(beside, options);
    if (found !== undefined && found.values.length !== samples) {
      throw new UsageError(`${beside} has the shape (${found.shape.join(', ')}), not ${samples} labels`);
    }
    if (found !== undefined) label = Float64Array.from(found.values);
    note?.(`${path}: ${beside === undefined ? 'there is no file of labels beside it' : `labels are from ${beside}`}`);
  }
  if (expected !== undefined && features !== expected) {
    throw new UsageError(`${path} has ${features} features, expected ${expected}`);
  }
  return denseDataset({ name, values: x, samples, features, label });
}

/** The file of labels that belongs to a file of samples, if it is there. */
function labelsBeside(path: string): string | undefined {
  const file = basename(path).replace(/\.(gz|xz|bz2)$/, '');
  const stem = file.replace(/\.npy$/, '');
  const stems = [`${stem}.labels`];
  if (/^[Xx](?![a-zA-Z0-9])/.test(stem)) stems.push(`y${stem.slice(1)}`);
  return stems
    .flatMap((own) => ['', '.gz', '.xz', '.bz2'].map((ending) => join(dirname(path), `${own}.npy${ending}`)))
    .find(existsSync);
}
