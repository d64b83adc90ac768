import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { UsageError } from '../errors.js';
import type { Dataset, QuadraticInstance } from './dataset.js';
import { loadMnist } from './mnist.js';

/** Where a data set comes from. */
export interface DataSource {
  readonly load: () => Promise<Dataset>;
  /** The split used when none is asked for. */
  readonly split: string;
}

const named: Readonly<Record<string, DataSource>> = {
  mnist: { load: async () => loadMnist(), split: 'shuffled' },
};

/**
 * The data set called `text`, or the LIBSVM file at that path (plain, .gz, .xz or .bz2), whose rows are split in file
 * order as in the papers.
 * @throws UsageError when there is neither.
 */
export function dataSource(text: string): DataSource {
  if (Object.hasOwn(named, text)) return named[text] as DataSource;
  if (existsSync(text)) {
    // loaded when it is needed: worker threads never read files
    const load = async () => (await import('./libsvm.js')).readLibsvm(text, basename(text));
    return { load, split: 'contiguous' };
  }
  const known = Object.keys(named).join(', ');
  throw new UsageError(`unknown data set ${JSON.stringify(text)}; known: ${known}, or the path of a LIBSVM file`);
}

/**
 * Reads a fixed instance of `heterogeneous-quadratic`: a JSON file with arrays of finite numbers `c` (one a worker) and `b`
 * (one a coordinate). `n` and `d`, when present, must be their lengths; other members are ignored.
 * @throws UsageError that names the file and what is wrong with it.
 */
export function loadInstance(path: string): QuadraticInstance {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`cannot read the instance ${JSON.stringify(path)}: ${(cause as Error).message}`, { cause });
  }
  const { c, b, n, d } = Object(value) as Record<string, unknown>;
  for (const [name, list] of Object.entries({ c, b })) {
    if (!Array.isArray(list) || list.length === 0 || !list.every(Number.isFinite)) {
      throw new UsageError(`the instance ${JSON.stringify(path)} needs ${name}: an array of finite numbers`);
    }
  }
  const instance = { c: c as number[], b: b as number[] };
  for (const [name, given, length] of [
    ['n', n, instance.c.length],
    ['d', d, instance.b.length],
  ]) {
    if (given !== undefined && given !== length) {
      throw new UsageError(`the instance ${JSON.stringify(path)} says ${name} = ${given} and has ${length} values`);
    }
  }
  return instance;
}
