import { createHash } from 'node:crypto';
import type { Problem, Tensor, Vector } from '@flotilla/core';
import { tensorsOf, zeros } from '@flotilla/core/internal';
import type { Job } from '@flotilla/protocol';

/** A tensor of a model, row-major. */
export interface ModelTensor {
  readonly shape: readonly number[];
  /** A view of the model's `x`. */
  readonly values: Vector;
}

/** A trained point x in R^d under the names of the tensors that make it up. The memory is the holder's own: a copy. */
export interface Model {
  /** d values, in the precision of the run. */
  readonly x: Vector;
  /** By name, in the order of flattening. */
  readonly tensors: Readonly<Record<string, ModelTensor>>;
  /** What model.safetensors says beside the tensors: `method`, `problem`, `seed`, `rounds`, `xHash`, … */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A model as it travels between threads. */
export interface FlatModel {
  readonly x: Vector;
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
  x: Vector,
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
      precision: x instanceof Float32Array ? 'f32' : 'f64',
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

/** Vectors one after the other, in memory of their own: f32 where all of them are. */
export function joined(vectors: readonly Vector[]): Vector {
  const precision = vectors.every((vector) => vector instanceof Float32Array) ? 'f32' : 'f64';
  const x = zeros(
    vectors.reduce((sum, { length }) => sum + length, 0),
    precision,
  );
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

/** Coordinates that are hashed at a time. */
const HASHED = 1 << 16;

/** SHA-256 of x as little-endian f64, to which f32 is widened. */
export function hashOf(x: Vector): string {
  const hash = createHash('sha256');
  if (x instanceof Float64Array) hash.update(new Uint8Array(x.buffer, x.byteOffset, x.byteLength));
  else {
    for (let at = 0; at < x.length; at += HASHED) {
      hash.update(new Uint8Array(new Float64Array(x.subarray(at, at + HASHED)).buffer));
    }
  }
  return hash.digest('hex');
}
