import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { optionError, UsageError } from '../errors.js';
import { didYouMean } from '../near-miss.js';
import { printed } from '../printed.js';
import { type CatalogueEntry, catalogue } from './catalogue.js';
import type { Dataset } from './dataset.js';
import type { FormatOptions, Part, ReadOptions } from './reading.js';

/** What to read, and how. */
export interface DataOptions extends FormatOptions {
  /** Which part of a public data set; default `training`. */
  readonly part?: Part | undefined;
}

/** Where a data set comes from. */
export interface DataSource {
  /** Reads it, and downloads it first where it must. */
  readonly load: (options?: ReadOptions) => Promise<Dataset>;
  /** The split used when none is asked for. */
  readonly split: string;
}

const ENDING = /\.(gz|xz|bz2)$/i;
/** The names of IDX files in the manner of MNIST: `train-images-idx3-ubyte`, `train-images.idx3-ubyte.gz`. */
const IDX_NAME = /[-.]idx[1-9]-ubyte$/;

/** A kind of file, the options that concern it, and how it is read: readers are loaded when they are needed. */
interface FileKind {
  readonly name: string;
  readonly has: (file: string) => boolean;
  readonly takes: readonly (keyof FormatOptions)[];
  readonly split: string;
  readonly read: (path: string, name: string, options: FormatOptions & ReadOptions) => Promise<Dataset>;
}

const kinds: readonly FileKind[] = [
  {
    name: 'an IDX file',
    has: (file) => IDX_NAME.test(file),
    takes: [],
    split: 'shuffled',
    read: async (...all) => (await import('./idx.js')).readIdxImages(...all),
  },
  {
    name: 'a CSV file',
    has: (file) => /\.[ct]sv$/i.test(file),
    takes: ['labelColumn', 'header'],
    split: 'shuffled',
    read: async (...all) => (await import('./csv.js')).readCsv(...all),
  },
  {
    name: 'a NumPy file',
    has: (file) => /\.npy$/i.test(file),
    takes: ['labelColumn'],
    split: 'shuffled',
    read: async (...all) => (await import('./npy.js')).readNpyDataset(...all),
  },
  {
    name: 'a LIBSVM file',
    has: () => true,
    takes: ['indexBase'],
    split: 'contiguous',
    read: async (...all) => (await import('./libsvm.js')).readLibsvm(...all),
  },
];

const FORMAT_OPTIONS: readonly (keyof FormatOptions)[] = ['indexBase', 'labelColumn', 'header'];

/**
 * The data set called `text`: `mnist`, one of the catalogue, or else the file at that path (plain, .gz, .xz or .bz2), whose name
 * says what it is: IDX images when it is named like them, CSV (`.csv`, `.tsv`), NumPy (`.npy`), LIBSVM otherwise. The rows
 * of LIBSVM data are split in file order as in the papers. Nothing is read or downloaded before `load`.
 * @throws UsageError when there is neither, for a part that there is not, and for options that do not concern it
 */
export function dataSource(text: string, options: DataOptions = {}): DataSource {
  const { part = 'training', ...format } = options;
  if (text === 'mnist') {
    refuseOthers('mnist', [], format);
    return { load: async (how) => (await import('./mnist.js')).loadMnist(part, how), split: 'shuffled' };
  }
  if (Object.hasOwn(catalogue, text)) {
    refuseOthers(text, [], format);
    const entry: CatalogueEntry = catalogue[text];
    const file = part === 'test' ? entry.test : entry;
    if (file === undefined) throw withoutTestPart(`data set ${text}`);
    const name = part === 'test' ? `${text}.t` : text;
    // a file of the test part may lack the last features
    const features = part === 'test' ? entry.features : undefined;
    return {
      load: async (how) =>
        (await import('./cache.js')).loadFromCatalogue(name, file, process.env, { features, ...defined(how) }),
      split: 'contiguous',
    };
  }
  if (!existsSync(text)) {
    if (/[/\\.~]/.test(text)) throw optionError('data', `${printed(text)} cannot be read: no file is there`);
    const known = dataNames();
    throw new UsageError(
      `unknown data set ${printed(text)}; known: ${known.join(', ')}, or the path of a LIBSVM, CSV, NumPy or IDX file${didYouMean(text, known)}`,
    );
  }
  if (part === 'test') throw withoutTestPart(`the file ${text}`);
  const kind = kindOf(text);
  refuseOthers(`${kind.name}, ${text}`, kind.takes, format);
  return { load: (how) => kind.read(text, basename(text), { ...format, ...how }), split: kind.split };
}

/** Data sets that have a name of their own. */
export const dataNames = (): readonly string[] => ['mnist', ...Object.keys(catalogue)];

/** The options of files that concern the data set called `text`, as `dataSource` has it. */
export function formatOptionsOf(text: string): readonly (keyof FormatOptions)[] {
  return text === 'mnist' || Object.hasOwn(catalogue, text) ? [] : kindOf(text).takes;
}

function kindOf(path: string): FileKind {
  const plain = basename(path).replace(ENDING, '');
  return kinds.find(({ has }) => has(plain)) as FileKind;
}

/**
 * Reads a data set by its name or path, as `--data` takes it.
 * @throws UsageError for what there is not, or cannot be used; FlotillaError `io` for what cannot be read or downloaded
 */
export async function readDataset(text: string, options: DataOptions & ReadOptions = {}): Promise<Dataset> {
  const { signal, note, features, limit, ...rest } = options;
  return dataSource(text, rest).load({ signal, note, features, limit });
}

/** The numbers of a NumPy file, in its order. @throws UsageError for what is none, FlotillaError `io` when it cannot be read */
export async function readNumbers(
  path: string,
  limits?: Pick<ReadOptions, 'signal'>,
): Promise<Uint8Array | Float32Array | Float64Array> {
  return (await (await import('./npy.js')).readNpy(path, limits)).values;
}

/** Leaves out what is undefined, which would hide what stands before it. */
function defined(options: ReadOptions = {}): ReadOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** The error of data that has no test part. */
export function withoutTestPart(what: string): UsageError {
  const known = ['mnist', ...Object.keys(catalogue).filter((name) => catalogue[name].test !== undefined)];
  return new UsageError(`${what} has no test part; those that have one: ${known.join(', ')}`);
}

/** Refuses options of files for what is none. @throws UsageError */
export function refuseFormat(what: string, format: FormatOptions = {}): void {
  refuseOthers(what, [], format);
}

/** Refuses options that what is read does not have. */
function refuseOthers(what: string, takes: readonly (keyof FormatOptions)[], format: FormatOptions): void {
  for (const [option, value] of Object.entries(format) as [keyof FormatOptions, unknown][]) {
    if (value === undefined || takes.includes(option)) continue;
    if (!FORMAT_OPTIONS.includes(option)) {
      throw new UsageError(`unknown option ${option} of a data set; known: ${FORMAT_OPTIONS.join(', ')}, part`);
    }
    const kind = kinds
      .filter((one) => one.takes.includes(option))
      .map(({ name }) => name)
      .join(' or ');
    throw optionError(option, `must be left out: it is for ${kind}, and the data are ${what}`);
  }
}
