import { existsSync } from 'node:fs';
import { type Problem, UsageError, type Vector } from '@flotilla/core';
import { optionError, printed, readNumbers, shared, tensorsOf } from '@flotilla/core/internal';
import { hashOf, joined } from './model.js';
import { type FileTensor, readSafetensors } from './safetensors.js';

/** A starting point that was given as numbers: in shared memory, for all of a run's threads. */
export interface GivenStart {
  readonly x: Float64Array;
  /** SHA-256 of x as little-endian f64. */
  readonly hash: string;
}

/** Whether an init names a file rather than one of the known starting points. */
export function isInitFile(init: string): boolean {
  return /\.(safetensors|npy)$/.test(init);
}

/**
 * x⁰ from numbers in memory or from a file: a model.safetensors by the names of its tensors, or any file with one tensor of d
 * numbers.
 * @throws UsageError for a length that is not d, a type that is not read, and a number that is not finite
 */
export async function givenStart(
  init: Float64Array | string,
  problem: Problem,
  signal?: AbortSignal,
): Promise<GivenStart> {
  const from = typeof init === 'string' ? `init ${init}` : 'init';
  const values = typeof init === 'string' ? await readInit(init, problem, signal) : init;
  const { dimension } = problem;
  if (values.length !== dimension) {
    throw new UsageError(`${from} has ${values.length} numbers; the problem has d = ${dimension} coordinates`);
  }
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new UsageError(`${from}: coordinate ${wrong} is ${values[wrong]}, not a finite number`);
  const x = shared(Float64Array, dimension);
  x.set(values);
  return { x, hash: hashOf(x) };
}

async function readInit(path: string, problem: Problem, signal: AbortSignal | undefined): Promise<Vector> {
  if (!existsSync(path)) throw optionError('init', `${printed(path)} cannot be read: no file is there`);
  if (path.endsWith('.npy')) return Float64Array.from(await readNumbers(path, { signal }));
  const { tensors } = await readSafetensors(path);
  const [only] = tensors;
  if (tensors.length === 1 && only !== undefined) return only.values;
  return flatten(path, tensors, problem);
}

/** The problem's tensors, one after the other, wherever in the file they lie. */
function flatten(path: string, tensors: readonly FileTensor[], problem: Problem): Vector {
  const wanted = tensorsOf(problem);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const list = (all: readonly { readonly name: string; readonly shape: readonly number[] }[]) =>
    all.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
  const found = wanted.flatMap(({ name, shape }) => {
    const tensor = byName.get(name);
    return tensor !== undefined && tensor.shape.join() === shape.join() ? [tensor.values] : [];
  });
  if (found.length < wanted.length || tensors.length > wanted.length) {
    throw new UsageError(`init ${path} has the tensors ${list(tensors)}; the problem's are ${list(wanted)}`);
  }
  return joined(found);
}
