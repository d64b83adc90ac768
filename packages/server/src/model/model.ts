import { createHash } from 'node:crypto';
import type { Problem, Tensor } from '@flotilla/core';
import { tensorsOf } from '@flotilla/core/internal';
import type { Job } from '@flotilla/protocol';

/** A tensor of a model, row-major. */
export interface ModelTensor {
  readonly shape: readonly number[];
  /** A view of the model's `x`. */
  readonly values: Float64Array;
}

/** A trained point x in R^d under the names of the tensors that make it up. The memory is the holder's own: a copy. */
export interface Model {
  /** d values. */
  readonly x: Float64Array;
  /** By name, in the order of flattening. */
  readonly tensors: Readonly<Record<string, ModelTensor>>;
  /** What model.safetensors says beside the tensors: `method`, `problem`, `seed`, `rounds`, `xHash`, … */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A model as it travels between threads. */
export interface FlatModel {
  readonly x: Float64Array;
  /** Sizes add up to the length of `x`. */
  readonly tensors: readonly Tensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * A point of a run under the names that its problem has for its parts.
 * @param x Becomes the model's own.
 * @param output By which rule, and of which round, where it is not the last iterate
 */
export function flatModelOf(
  {
    job,
    problem,
    format,
  }: { readonly job: Job; readonly problem: Problem; readonly format: Readonly<Record<string, string>> },
  rounds: number,
  x: Float64Array,
  output?: { readonly name: string; readonly round: number },
): FlatModel {
  return {
    x,
    tensors: tensorsOf(problem),
    metadata: {
      method: job.method,
      problem: job.problem,
      ...(job.data === undefined ? {} : { data: job.data }),
      ...format,
      ...(problem.facts === undefined ? {} : { facts: JSON.stringify(problem.facts) }),
      seed: job.seed,
      rounds: String(rounds),
      ...(output === undefined ? {} : { output: output.name, outputRound: String(output.round) }),
      wire: job.wire,
      precision: 'f64',
      xHash: hashOf(x),
    },
  };
}

/** The tensors that a flat x is made of, as views of it, in the order of flattening. */
function viewsOf({ x, tensors }: Pick<FlatModel, 'x' | 'tensors'>): (Tensor & ModelTensor)[] {
  let at = 0;
  return tensors.map(({ name, shape }) => {
    const from = at;
    at += sizeOf(shape);
    return { name, shape, values: x.subarray(from, at) };
  });
}

export function modelOf(flat: FlatModel): Model {
  // names may come from a file: `__proto__` is one like any other here
  const tensors: Record<string, ModelTensor> = Object.create(null);
  for (const { name, shape, values } of viewsOf(flat)) tensors[name] = { shape, values };
  return { x: flat.x, tensors, metadata: flat.metadata };
}

/** Vectors one after the other, in memory of their own. */
export function joined(vectors: readonly Float64Array[]): Float64Array {
  const x = new Float64Array(vectors.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const vector of vectors) {
    x.set(vector, at);
    at += vector.length;
  }
  return x;
}

/** Numbers in a tensor of that shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** SHA-256 of x as little-endian f64. */
export function hashOf(x: Float64Array): string {
  return createHash('sha256')
    .update(new Uint8Array(x.buffer, x.byteOffset, x.byteLength))
    .digest('hex');
}
