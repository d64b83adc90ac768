import { createHash, type Hash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { type DataInput, FlotillaError } from '@flotilla/core';
import { reasonOf } from '@flotilla/core/internal';
import { WIRE_VERSION } from '@flotilla/protocol';
import { modulesOf } from '@flotilla/worker';
import type { Options } from '../run/options.js';
import type { Identity } from './format.js';

/** What a run's options name, by its content: whoever goes on with a run must have the same. @throws FlotillaError `io` */
export async function identityOf(options: Options, signal?: AbortSignal): Promise<Identity> {
  const modules: Record<string, string> = {};
  for (const path of modulesOf(options)) modules[path] = await hashOfFile(path, signal);
  const data: Record<string, string> = {};
  for (const input of [options.data, options.validation]) {
    if (typeof input === 'object') data[IN_MEMORY] = hashOfData(input);
    else if (input !== undefined && isFile(input)) data[input] = await hashOfFile(input, signal);
  }
  return { version: packageVersion(), wire: WIRE_VERSION, modules, data };
}

/** What stands for the path of data that were given in memory. */
const IN_MEMORY = 'data in memory';

/** What is not as it was, in words; undefined when nothing is. */
export function differenceOf(was: Identity, is: Identity): string | undefined {
  if (was.version !== is.version) return `version ${was.version} of Flotilla began it, this is ${is.version}`;
  if (was.wire !== is.wire) return `wire version ${was.wire} began it, this is ${is.wire}`;
  for (const part of ['modules', 'data'] as const) {
    for (const path of new Set([...Object.keys(was[part]), ...Object.keys(is[part])])) {
      if (was[part][path] !== is[part][path]) return `${path} is not what it was`;
    }
  }
  return undefined;
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
    .version;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

async function hashOfFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    const file = path.startsWith('file:') ? new URL(path) : path;
    for await (const piece of createReadStream(file, { signal, highWaterMark: 1 << 20 })) hash.update(piece);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new FlotillaError('io', `${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
  return hash.digest('hex');
}

/** Of arrays by their content, of records by their entries in order. */
export function hashOfData(data: Exclude<DataInput, string>): string {
  const hash = createHash('sha256');
  add(hash, data);
  return hash.digest('hex');
}

function add(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    hash.update(`${value.constructor.name} ${value.byteLength}\n`);
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    hash.update(`${Array.isArray(value) ? 'list' : 'record'} ${entries.length}\n`);
    for (const [name, entry] of entries) {
      hash.update(`${name.length} ${name}\n`);
      add(hash, entry);
    }
  } else {
    hash.update(`${typeof value} ${String(value)}\n`);
  }
}
