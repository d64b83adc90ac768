import { type Precision, Rng, type Vector } from '@flotilla/core';
import { ANY_PRECISION, GaussianSketch, zeros } from '@flotilla/core/internal';
import type { Compressor, CompressorConstants, MessageKey, Wire } from './compressor.js';
import { plain } from './plain.js';

/**
 * `core:m=` [Yue et al. 2023]: the m projections q_j = ⟨ξ_j, x⟩ on Gaussian vectors that all workers of a round share, decoded
 * to (1/m) Σ q_j ξ_j. E ξξᵀ = I makes it unbiased, and E‖ξ⟨ξ, x⟩‖² = (d + 2)‖x‖² gives ω = (d + 1)/m. Since all workers draw
 * the same vectors, their mean has no smaller variance: θ = A = ω. The projections travel as plain values.
 */
export class CoreSketch implements Compressor {
  readonly precisions = ANY_PRECISION;
  readonly same = true;
  readonly constants: CompressorConstants;
  readonly maxBytes: number;
  readonly nominalBits: number;
  readonly coordinates: number;
  readonly #sketch: GaussianSketch;
  readonly #codec;
  readonly #projections: Float64Array;
  readonly #vector: Vector;
  readonly #rng = new Rng();

  constructor(
    readonly spec: string,
    readonly dimension: number,
    m: number,
    wire: Wire,
    private readonly stage: number,
    precision: Precision = 'f64',
  ) {
    this.#sketch = new GaussianSketch(dimension, m);
    this.#codec = plain(wire);
    this.#projections = new Float64Array(m);
    this.#vector = zeros(dimension, precision);
    this.coordinates = m;
    this.nominalBits = this.#codec.nominalBits;
    this.maxBytes = this.#codec.maxBytes(m);
    const omega = (dimension + 1) / m;
    this.constants = {
      omega,
      theta: omega,
      A: omega,
      B: 0,
      alpha: Math.max(0, 1 - omega),
      density: m,
      expectedBits: 8 * this.maxBytes,
    };
  }

  encode(x: Vector, key: MessageKey, out: Uint8Array, at: number): number {
    this.#sketch.at(key.common(this.#rng, 'support', this.stage)).project(x, this.#projections);
    return this.#codec.write(this.#projections, this.coordinates, key, out, at);
  }

  decode(bytes: Uint8Array, at: number, end: number, key: MessageKey): void {
    this.#codec.read(bytes, at, end, this.coordinates, this.#projections);
    const sketch = this.#sketch.at(key.common(this.#rng, 'support', this.stage));
    this.#vector.set(sketch.combination(this.#projections, 1 / this.coordinates));
  }

  addTo(target: Vector, weight: number): void {
    for (let j = 0; j < target.length; j++) target[j] += weight * this.#vector[j];
  }

  copyTo(target: Vector): void {
    target.set(this.#vector);
  }
}
