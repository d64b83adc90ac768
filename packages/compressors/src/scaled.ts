import { type Precision, UsageError, type Vector } from '@flotilla/core';
import { ANY_PRECISION, printed, zeros } from '@flotilla/core/internal';
import type { Compressor, CompressorConstants, MessageKey } from './compressor.js';

/**
 * `scaled(a)`: a(x)/(ω + 1) for an unbiased compressor a of variance ω. Biased, α = 1/(ω + 1): with E Q(x) = x and
 * E‖Q(x)‖² ≤ (ω + 1)‖x‖², E‖Q(x)/(ω + 1) − x‖² ≤ (1 − 1/(ω + 1))‖x‖². Messages are a's; the factor is the receiver's.
 */
export class Scaled implements Compressor {
  readonly precisions = ANY_PRECISION;
  readonly dimension: number;
  readonly constants: CompressorConstants;
  readonly same: boolean;
  readonly maxBytes: number;
  readonly nominalBits: number;
  readonly #factor: number;
  readonly #vector: Vector;

  /** @throws UsageError when `inner` is biased */
  constructor(
    readonly spec: string,
    private readonly inner: Compressor,
    precision: Precision = 'f64',
  ) {
    const { omega, density, expectedBits } = inner.constants;
    if (!Number.isFinite(omega)) {
      throw new UsageError(`compressor ${printed(spec)}: ${inner.spec} is biased, scaled() takes an unbiased one`);
    }
    this.dimension = inner.dimension;
    this.same = inner.same;
    this.maxBytes = inner.maxBytes;
    this.nominalBits = inner.nominalBits;
    this.#factor = 1 / (omega + 1);
    this.#vector = zeros(inner.dimension, precision);
    const biased = omega === 0 ? 0 : Number.POSITIVE_INFINITY;
    this.constants = { omega: biased, theta: biased, A: biased, B: 0, alpha: this.#factor, density, expectedBits };
  }

  get coordinates(): number {
    return this.inner.coordinates;
  }

  encode(x: Vector, key: MessageKey, out: Uint8Array, at: number): number {
    return this.inner.encode(x as Float64Array, key, out, at);
  }

  decode(bytes: Uint8Array, at: number, end: number, key: MessageKey): void {
    this.inner.decode(bytes, at, end, key);
  }

  addTo(target: Vector, weight: number): void {
    this.copyTo(this.#vector);
    for (let j = 0; j < target.length; j++) target[j] += weight * this.#vector[j];
  }

  copyTo(target: Vector): void {
    this.inner.copyTo(target as Float64Array);
    for (let j = 0; j < target.length; j++) target[j] *= this.#factor;
  }
}
