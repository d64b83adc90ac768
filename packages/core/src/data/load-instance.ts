import { existsSync } from 'node:fs';
import { optionError, UsageError } from '../errors.js';
import { printed } from '../printed.js';
import { instanceFrom, type QuadraticInstance } from './instance.js';
import { readDataFile } from './read-file.js';

/** Largest file, in bytes: some ten million numbers. */
const MAX_BYTES = 2 ** 28;

/**
 * Reads a fixed instance of `heterogeneous-quadratic`: a JSON file with arrays of finite numbers `c` (one a worker) and `b`
 * (one a coordinate). `n` and `d`, when present, must be their lengths; other members are ignored.
 * @throws UsageError that names the file and what is wrong with it, FlotillaError `io` when it cannot be read
 */
export async function loadInstance(path: string, signal?: AbortSignal): Promise<QuadraticInstance> {
  if (!existsSync(path)) throw optionError('data', `${printed(path)} cannot be read: no file is there`);
  const text = (await readDataFile(path, { signal, limit: MAX_BYTES })).toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`cannot read the instance ${printed(path)}: it is not JSON`, { cause });
  }
  return instanceFrom(value, printed(path));
}
