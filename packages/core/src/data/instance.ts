import { existsSync } from 'node:fs';
import { optionError, UsageError } from '../errors.js';
import { printed } from '../printed.js';
import { readDataFile } from './read-file.js';

/** A fixed instance of `heterogeneous-quadratic`: f_i(x) = ½ c_i xᵀXx − bᵀx. */
export interface QuadraticInstance {
  /** n values. */
  readonly c: readonly number[];
  /** d values. */
  readonly b: readonly number[];
}

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
  return instanceFrom(value, JSON.stringify(path));
}

/** The same from a value that is there. @param called What it is called in an error. @throws UsageError */
export function instanceFrom(value: unknown, called: string): QuadraticInstance {
  const { c, b, n, d } = Object(value) as Record<string, unknown>;
  for (const [name, list] of Object.entries({ c, b })) {
    const numbers = Array.isArray(list) || list instanceof Float64Array ? Array.from(list) : [];
    if (numbers.length === 0 || !numbers.every(Number.isFinite)) {
      throw new UsageError(`the instance ${called} needs ${name}: an array of finite numbers`);
    }
  }
  const instance = { c: Array.from(c as number[]), b: Array.from(b as number[]) };
  for (const [name, given, length] of [
    ['n', n, instance.c.length],
    ['d', d, instance.b.length],
  ]) {
    if (given !== undefined && given !== length) {
      throw new UsageError(`the instance ${called} says ${name} = ${given} and has ${length} values`);
    }
  }
  return instance;
}
