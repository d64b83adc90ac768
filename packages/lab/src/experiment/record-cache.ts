import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder, writeWhole } from '@flotilla/core/internal';

/** What has been computed, in files named by the hash of what it depends on: its key, and the code that computes. */
export class RecordCache {
  readonly #code = codeHash();

  constructor(private readonly folder: string) {
    makeFolder(resolve(folder));
  }

  /** The name of the record of a key, which is plain JSON. */
  nameOf(key: unknown): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#code, key]))
      .digest('hex')
      .slice(0, 24);
  }

  read<T>(name: string): T | undefined {
    const path = this.#path(name);
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { record: T }).record : undefined;
  }

  /** Writes the record, and for a reader of the file what it is of. A process that ends within leaves no half of it. */
  write(name: string, of: object, record: unknown): void {
    // another process may have come to the same record; its name is of what it holds
    writeWhole(this.#path(name), JSON.stringify({ ...of, record }), () => true);
  }

  #path(name: string): string {
    return join(this.folder, `${name}.json`);
  }
}

/** What `make` gives, once for each key. */
export type Keep = <T>(key: unknown, make: () => Promise<T>) => Promise<T>;

/** Keeps what has been measured in `folder`, so that a bench that was ended goes on where it was. */
export function keptIn(folder: string): Keep {
  const cache = new RecordCache(folder);
  return async <T>(key: unknown, make: () => Promise<T>) => {
    const name = cache.nameOf(key);
    const known = cache.read<T>(name);
    if (known !== undefined) return known;
    const value = await make();
    cache.write(name, { key }, value);
    return value;
  };
}

/** Packages whose compiled code decides what a run computes, and folders of this one that decide what is asked and kept. */
const PACKAGES = ['core', 'compressors', 'protocol', 'worker', 'server'];
const FOLDERS = ['experiment', 'bench', 'reproduce'];

/** Of everything compiled that decides what a record holds. */
function codeHash(): string {
  const hash = createHash('sha256');
  const packages = PACKAGES.map((name) => dirname(fileURLToPath(import.meta.resolve(`@flotilla/${name}`))));
  const folders = FOLDERS.map((name) => fileURLToPath(new URL(`../${name}`, import.meta.url)));
  for (const folder of [...packages, ...folders]) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (/\.(?:c?js|wasm)$/.test(file)) hash.update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex');
}
