import { createHash, type Hash } from 'node:crypto';
import { UsageError } from '../errors.js';
import { shared } from './dataset.js';

/** How deep records may lie in each other. */
const MAX_DEPTH = 20;

type Numbers = ArrayLike<number> & ArrayBufferView & { set(values: Numbers): void };
type NumbersType = { new (buffer: SharedArrayBuffer): Numbers; readonly BYTES_PER_ELEMENT: number };

/**
 * A value as threads get it: every typed array in shared memory, copied once or, where it lies there already, as it is.
 * Records and lists are made anew, and hold nothing else than texts, numbers, booleans and typed arrays.
 * @param name What the value is called in an error.
 * @throws UsageError for anything that cannot go to another thread
 */
export function shareArrays<T>(value: T, name: string): T {
  return share(value, name, 0) as T;
}

function share(value: unknown, name: string, depth: number): unknown {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    if (value.buffer instanceof SharedArrayBuffer) return value;
    // a Buffer of Node is no type of its own
    const type = (value instanceof Uint8Array ? Uint8Array : value.constructor) as unknown as NumbersType;
    const copy = shared(type, (value as unknown as Numbers).length);
    try {
      copy.set(value as unknown as Numbers);
    } catch (cause) {
      throw new UsageError(`${name} has no memory any more: it was transferred to another thread`, { cause });
    }
    return copy;
  }
  if (typeof value !== 'object' || value === null) {
    if (typeof value !== 'function' && typeof value !== 'symbol') return value;
    throw refusal(name, `a ${typeof value}`);
  }
  if (depth === MAX_DEPTH) throw new UsageError(`${name}: records lie in each other more than ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) return value.map((entry, k) => share(entry, `${name}[${k}]`, depth + 1));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refusal(name, `a ${value.constructor?.name ?? 'value of a class'}`);
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, share(entry, `${name}.${key}`, depth + 1)]),
  );
}

function refusal(name: string, what: string): UsageError {
  return new UsageError(
    `${name} is ${what}, which threads cannot share; allowed: typed arrays, numbers, texts, booleans, and lists and plain objects of them`,
  );
}

/** SHA-256 of a record as `shareArrays` leaves them: of names, types, lengths and numbers, whatever the order of its keys. */
export function fingerprint(value: unknown): string {
  const hash = createHash('sha256');
  update(hash, value);
  return hash.digest('hex');
}

/** Bytes hashed at a time. */
const CHUNK = 1 << 26;

function update(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    hash.update(`${value.constructor.name} ${value.byteLength}\n`);
    for (let at = 0; at < value.byteLength; at += CHUNK) {
      const length = Math.min(CHUNK, value.byteLength - at);
      hash.update(new Uint8Array(value.buffer, value.byteOffset + at, length));
    }
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(`${Array.isArray(value) ? 'list' : 'record'} ${entries.length}\n`);
    for (const [key, entry] of entries) {
      hash.update(`${JSON.stringify(key)}\n`);
      update(hash, entry);
    }
  } else {
    hash.update(`${typeof value} ${JSON.stringify(String(value))}\n`);
  }
}
