import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FlotillaError, UsageError } from '../errors.js';
import { type SparseDataset, shared } from './dataset.js';
import { giveWay } from './give-way.js';
import { type FileLimits, readDataFile } from './read-file.js';
import type { ReadOptions } from './reading.js';

/** An IDX file of unsigned bytes (the format of MNIST): its dimensions and its values, row-major. */
export interface Idx {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes (plain, .gz, .xz or .bz2).
 * @throws FlotillaError `io` when the file cannot be read or is not such a file.
 */
export async function readIdx(path: string, limits?: FileLimits): Promise<Idx> {
  const bytes = await readDataFile(path, limits);
  const bad = (what: string) => new FlotillaError('io', `${path} is not an IDX file of unsigned bytes: ${what}`);
  const rank = bytes[3] ?? 0;
  const header = 4 + 4 * rank;
  if (bytes.length < 4) throw bad(`${bytes.length} bytes are too few for a header`);
  if (bytes[0] !== 0 || bytes[1] !== 0) throw bad('it does not begin with two zeros');
  if (bytes[2] !== 8) throw bad(`its type is ${bytes[2]}, that of unsigned bytes is 8`);
  if (rank === 0) throw bad('it has no dimensions');
  if (bytes.length < header) throw bad(`${bytes.length} bytes are too few for a header with ${rank} dimensions`);
  const shape = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const expected = shape.reduce((product, length) => product * length, 1);
  if (bytes.length - header !== expected) throw bad(`${bytes.length - header} values, expected ${shape.join(' × ')}`);
  return { shape, values: bytes.subarray(header) };
}

/**
 * A data set from an IDX file of images, N × height × width (or any other shape that begins with N): a sample's features
 * are its bytes over 255. Labels come from the file beside it whose name has `labels-idx1` where this one has `images-idx3`,
 * packed or not; without one the data set has no labels.
 * @param name the data set's name in messages
 * @throws FlotillaError `io` when a file cannot be read, is not an IDX file, or the two have different lengths.
 */
export async function readIdxImages(path: string, name: string, options: ReadOptions = {}): Promise<SparseDataset> {
  const { shape, values } = await readIdx(path, options);
  const [samples = 0, ...inner] = shape;
  const features = inner.reduce((product, length) => product * length, 1);
  if (inner.length === 0 || samples === 0 || features === 0) {
    throw new FlotillaError('io', `${path} holds no images: its shape is ${shape.join(' × ')}`);
  }
  if (options.features !== undefined && options.features !== features) {
    throw new UsageError(`${path} has ${features} features, expected ${options.features}`);
  }
  const labelPath = labelsBeside(path);
  const labels = labelPath === undefined ? undefined : await readIdx(labelPath, options);
  if (labels !== undefined && (labels.shape.length !== 1 || labels.values.length !== samples)) {
    throw new FlotillaError('io', `${labelPath} has the shape ${labels.shape.join(' × ')}, not ${samples} labels`);
  }

  const lines = new Lines(values, features);
  let nonZeros = 0;
  for (let s = 0; s < samples; s++) nonZeros += lines.nonZeros(s);
  const rowStart = shared(Int32Array, samples + 1);
  const column = shared<Uint16Array | Int32Array>(features <= 65_536 ? Uint16Array : Int32Array, nonZeros);
  const value = shared(Uint8Array, nonZeros);
  for (let s = 0; s < samples; s += BLOCK) {
    await giveWay(options.signal);
    lines.compress(s, Math.min(s + BLOCK, samples), rowStart, column, value);
  }
  const label = shared(Float64Array, labels === undefined ? 0 : samples);
  if (labels !== undefined) label.set(labels.values);
  return { name, samples, features, rowStart, column, value, scale: 1 / 255, label, digits: true };
}

/** Samples that are read between two pauses. */
const BLOCK = 1024;

/** Rows of bytes, read as words of four: most pixels are zero, and their neighbours are as well. */
class Lines {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;

  constructor(
    private readonly values: Uint8Array,
    private readonly features: number,
  ) {
    this.#bytes = new Uint8Array(4 * Math.ceil(features / 4));
    this.#words = new Uint32Array(this.#bytes.buffer);
  }

  nonZeros(row: number): number {
    const words = this.#read(row);
    let count = 0;
    for (let w = 0; w < words.length; w++) if (words[w] !== 0) count += bytesUsed(words[w]);
    return count;
  }

  /** Writes the non-zeros of the rows [from, to) behind those of the rows before. */
  compress(from: number, to: number, rowStart: Int32Array, column: Uint16Array | Int32Array, value: Uint8Array): void {
    let k = rowStart[from];
    for (let s = from; s < to; s++) {
      const words = this.#read(s);
      for (let w = 0; w < words.length; w++) {
        const word = words[w];
        if (word === 0) continue;
        // no branch that nothing could predict: a zero is written over, and behind the last place nothing is written
        const first = word & 255;
        column[k] = 4 * w;
        value[k] = first;
        k += (first + 255) >> 8;
        const second = (word >>> 8) & 255;
        column[k] = 4 * w + 1;
        value[k] = second;
        k += (second + 255) >> 8;
        const third = (word >>> 16) & 255;
        column[k] = 4 * w + 2;
        value[k] = third;
        k += (third + 255) >> 8;
        const last = word >>> 24;
        column[k] = 4 * w + 3;
        value[k] = last;
        k += (last + 255) >> 8;
      }
      rowStart[s + 1] = k;
    }
  }

  /** Little-endian, as every machine is that this runs on. */
  #read(row: number): Uint32Array {
    this.#bytes.set(this.values.subarray(row * this.features, (row + 1) * this.features));
    return this.#words;
  }
}

/** How many of the four bytes of a word are not zero. */
function bytesUsed(word: number): number {
  const high = (((word & 0x7f7f7f7f) + 0x7f7f7f7f) | word) & 0x80808080;
  return (Math.imul(high >>> 7, 0x01010101) >>> 24) & 7;
}

/** The file of labels that belongs to a file of images, if it is there. */
function labelsBeside(path: string): string | undefined {
  const plain = basename(path)
    .replace(/\.(gz|xz|bz2)$/, '')
    .replace(/images([-.])idx\d/, 'labels$1idx1');
  if (!plain.includes('labels')) return undefined;
  return ['', '.gz', '.xz', '.bz2'].map((ending) => join(dirname(path), plain + ending)).find(existsSync);
}
