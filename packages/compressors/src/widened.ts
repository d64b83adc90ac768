import type { Precision, Sparse, Vector } from '@flotilla/core';
import type { Compressor, CompressorConstants, MessageKey } from './compressor.js';

/** Whether a part of a run in f32 takes the run's own vectors; else it gets copies in f64. */
export function takesF32({ precisions }: { readonly precisions?: readonly Precision[] | undefined }): boolean {
  return precisions?.includes('f32') === true;
}

/** A compressor that knows f64 alone, in a run in f32: works on copies. Widening is exact, and what comes back is rounded once. */
export class Widened implements Compressor {
  readonly precisions = ['f32', 'f64'] as const;
  readonly spec: string;
  readonly dimension: number;
  readonly constants: CompressorConstants;
  readonly same: boolean;
  readonly maxBytes: number;
  readonly nominalBits: number;
  readonly #vector: Float64Array;

  constructor(private readonly inner: Compressor) {
    this.spec = inner.spec;
    this.dimension = inner.dimension;
    this.constants = inner.constants;
    this.same = inner.same;
    this.maxBytes = inner.maxBytes;
    this.nominalBits = inner.nominalBits;
    this.#vector = new Float64Array(inner.dimension);
  }

  get coordinates(): number {
    return this.inner.coordinates;
  }

  get sparse(): Sparse | undefined {
    return this.inner.sparse;
  }

  encode(x: Vector, key: MessageKey, out: Uint8Array, at: number): number {
    this.#vector.set(x);
    return this.inner.encode(this.#vector, key, out, at);
  }

  decode(bytes: Uint8Array, at: number, end: number, key: MessageKey): void {
    this.inner.decode(bytes, at, end, key);
  }

  addTo(target: Vector, weight: number): void {
    const vector = this.#vector;
    this.inner.copyTo(vector);
    for (let j = 0; j < target.length; j++) target[j] += weight * vector[j];
  }

  copyTo(target: Vector): void {
    this.inner.copyTo(this.#vector);
    target.set(this.#vector);
  }
}
