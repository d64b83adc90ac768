import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { FlotillaError, UsageError } from '../errors.js';
import { printed } from '../printed.js';
import { reasonOf } from '../thrown.js';
import { COLLECTION, type DataFile } from './catalogue.js';
import type { SparseDataset } from './dataset.js';
import { type DownloadOptions, download } from './download.js';
import { parseLibsvm } from './libsvm.js';
import { makeFolder } from './make-folder.js';
import { readDataFile } from './read-file.js';
import type { ReadOptions } from './reading.js';

/** Bytes of a file that is compared as text: several times what any set of the catalogue has. */
const MAX_COPY = 2 ** 28;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where downloaded data sets are kept: `FLOTILLA_DATA`, or the platform's folder for caches.
 * @throws FlotillaError `io` when that would lie in the user's home folder and there is none
 */
export function cacheFolder(env: Environment, platform: string = process.platform): string {
  if (env.FLOTILLA_DATA) return env.FLOTILLA_DATA;
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home(), 'AppData', 'Local'), 'flotilla', 'Cache');
  if (platform === 'darwin') return join(home(), 'Library', 'Caches', 'flotilla');
  return join(env.XDG_CACHE_HOME || join(home(), '.cache'), 'flotilla');
}

/** In a container there may be neither HOME nor a user of the process's number. */
function home(): string {
  try {
    return homedir();
  } catch (cause) {
    throw new FlotillaError('io', 'there is no home folder to keep data sets in: set FLOTILLA_DATA to a folder', {
      cause,
    });
  }
}

/**
 * A data set of the catalogue from the cache folder, into which it is downloaded when it is not there. A file that was
 * put there by hand, plain or packed, serves as well. Either is checked each time: its hash where that is known, and its
 * numbers of samples, features and non-zeros.
 * @throws FlotillaError `io` when it can be had neither here nor there, in one line that says which file to put where;
 *   UsageError when the file is not the data set.
 */
export async function loadFromCatalogue(
  name: string,
  entry: DataFile,
  env: Environment = process.env,
  options: DownloadOptions & ReadOptions = {},
): Promise<SparseDataset> {
  const folder = cacheFolder(env);
  const plain = entry.file.replace(/\.(gz|xz|bz2)$/, '');
  const candidates = ['', '.bz2', '.xz', '.gz'].map((ending) => join(folder, plain + ending));
  const found = candidates.find(existsSync);
  if (found !== undefined) return check(name, entry, found, options);

  const target = join(folder, entry.file);
  try {
    makeFolder(resolve(folder));
    await download(new URL(entry.file, mirror(env)).href, target, { ...options, env });
  } catch (cause) {
    options.signal?.throwIfAborted();
    const hint = `put ${plain} (or .bz2, .xz, .gz) into ${folder}, or set FLOTILLA_DATA to the folder that has it`;
    throw new FlotillaError('io', `data set ${name}: ${reasonOf(cause)}; ${hint}`, { cause });
  }
  try {
    return await check(name, entry, target, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    rmSync(target, { force: true });
    throw error;
  }
}

/** The collection, or the mirror of it that FLOTILLA_DATA_URL names. */
function mirror(env: Environment): URL {
  const text = env.FLOTILLA_DATA_URL || COLLECTION;
  try {
    const url = new URL(text.endsWith('/') ? text : `${text}/`);
    if (['http:', 'https:', 'file:'].includes(url.protocol)) return url;
  } catch {
    // said below
  }
  throw new Error(`FLOTILLA_DATA_URL must be an http:, https: or file: URL, not ${printed(text)}`);
}

/** Reads a file and makes sure that it is the data set. */
async function check(name: string, entry: DataFile, path: string, options: ReadOptions): Promise<SparseDataset> {
  const { signal } = options;
  const bytes = await readDataFile(path, { signal });
  const hash = sha256(bytes);
  const record = join(path, '..', `${name}.sha256`);
  const known = entry.sha256 ?? (existsSync(record) ? readFileSync(record, 'utf8').trim() : undefined);
  const wrong = (what: string) => new UsageError(`${path} is not the data set ${name}: ${what}`);
  const same = hash === known || (known !== undefined && isCopy(bytes, entry));
  if (known !== undefined && !same) {
    throw wrong(`its SHA-256, unpacked, is ${hash}, expected ${known}; remove it to download it again`);
  }
  const data = await parseLibsvm(bytes, path, name, { signal });
  for (const [what, is, expected] of [
    ['samples', data.samples, entry.samples],
    ['features', data.features, entry.features],
    ['non-zeros', data.value.length, entry.nonZeros ?? data.value.length],
  ]) {
    if (is !== expected) throw wrong(`it has ${is} ${what}, expected ${expected}`);
  }
  if (known === undefined) keep(record, hash);
  const { features = data.features } = options;
  if (data.features > features) throw wrong(`it has ${data.features} features, at most ${features} are expected`);
  return { ...data, features };
}

/** Whether a file has the text of a data set, whatever its blanks and line ends: copies differ in them. */
function isCopy(bytes: Buffer, entry: DataFile): boolean {
  if (bytes.length > MAX_COPY) return false;
  const lines = bytes.toString('latin1').split('\n');
  const entries = lines.map((line) => line.trim().split(/\s+/).join(' ')).filter((line) => line !== '');
  const hashWith = (end: string) => sha256(Buffer.from(entries.map((line) => line + end).join(''), 'latin1'));
  // the collection's own files have a blank behind every entry
  return hashWith('\n') === entry.textSha256 || hashWith(' \n') === entry.sha256;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Keeps the hash of a data set for the next time, unless the folder is read-only. */
function keep(record: string, hash: string): void {
  try {
    writeFileSync(record, `${hash}\n`);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
