import { type Dataset, RowReader } from '../data/dataset.js';
import { squaredNorm, type Vector } from '../vector.js';

/**
 * Mini-batches of the linear autoencoder, from the samples themselves: with D (q × code) and E (code × q) in x,
 *
 *   f_J = (w/b) Σ_{j∈J} ‖D E b_j − b_j‖² + (λ/2) ‖D E − I‖_F²
 *   r = D E b − b:  ∇_D += (2w/b) r (E b)ᵀ,  ∇_E += (2w/b) (Dᵀ r) bᵀ
 *
 * w = m_i n/N weighs samples where shards differ in size; it is 1 where they do not. A sample costs 4·code·q multiplications,
 * its zeros none in the products with E.
 */
export class AutoencoderBatch {
  readonly #row: RowReader;
  readonly #features: number;
  readonly #encoded: Float64Array;
  readonly #back: Float64Array;
  readonly #residual: Float64Array;
  /** E Eᵀ and DᵀD. */
  readonly #encoderGram: Float64Array;
  readonly #decoderGram: Float64Array;

  constructor(
    data: Dataset,
    private readonly code: number,
    private readonly lambda: number,
  ) {
    this.#row = new RowReader(data);
    this.#features = data.features;
    this.#encoded = new Float64Array(code);
    this.#back = new Float64Array(code);
    this.#residual = new Float64Array(data.features);
    this.#encoderGram = new Float64Array(code * code);
    this.#decoderGram = new Float64Array(code * code);
  }

  /** Writes ∇f_J(x) to `out` and returns f_J(x); sample j of the batch is row `rows[batch[j]]` of the data. */
  gradient(x: Vector, rows: Int32Array, batch: Int32Array, weight: number, out: Vector): number {
    const row = this.#row;
    const { column, value, scale } = row;
    const q = this.#features;
    const { code } = this;
    const encoder = code * q;
    const encoded = this.#encoded;
    const back = this.#back;
    const residual = this.#residual;
    const loss = this.#regulariser(x, out);
    const factor = weight / batch.length;
    let squares = 0;
    for (const j of batch) {
      this.#reconstruct(x, rows[j]);
      const { first: from, end: to, shift } = row;
      back.fill(0);
      for (let i = 0; i < q; i++) {
        const r = residual[i];
        squares += r * r;
        for (let a = 0; a < code; a++) {
          back[a] += x[i * code + a] * r;
          out[i * code + a] += 2 * factor * r * encoded[a];
        }
      }
      for (let a = 0; a < code; a++) {
        const at = encoder + a * q;
        const slope = 2 * factor * back[a] * scale;
        for (let k = from; k < to; k++) out[at + column[k - shift]] += slope * value[k];
      }
    }
    return loss + factor * squares;
  }

  /** ‖D E b − b‖² of the sample in row s of the data. */
  error(x: Vector, s: number): number {
    this.#reconstruct(x, s);
    return squaredNorm(this.#residual);
  }

  /** Goes to the sample in row s, and sets `encoded` to E b and `residual` to D E b − b. */
  #reconstruct(x: Vector, s: number): void {
    const row = this.#row;
    row.seek(s);
    const { column, value, scale, first: from, end: to, shift } = row;
    const q = this.#features;
    const { code } = this;
    const encoder = code * q;
    const encoded = this.#encoded;
    const residual = this.#residual;
    encoded.fill(0);
    for (let a = 0; a < code; a++) {
      const at = encoder + a * q;
      for (let k = from; k < to; k++) encoded[a] += scale * value[k] * x[at + column[k - shift]];
    }
    for (let i = 0; i < q; i++) {
      let sum = 0;
      for (let a = 0; a < code; a++) sum += x[i * code + a] * encoded[a];
      residual[i] = sum;
    }
    for (let k = from; k < to; k++) residual[column[k - shift]] -= scale * value[k];
  }

  /** Writes the gradient of (λ/2)‖DE − I‖² to `out` and returns its value: ½λ (⟨DᵀD, EEᵀ⟩ − 2 tr(DE) + q). */
  #regulariser(x: Vector, out: Vector): number {
    const { code, lambda } = this;
    const q = this.#features;
    const encoder = code * q;
    const encoderGram = this.#encoderGram;
    const decoderGram = this.#decoderGram;
    let product = 0;
    let trace = 0;
    for (let a = 0; a < code; a++) {
      for (let b = 0; b < code; b++) {
        let [e, d] = [0, 0];
        for (let i = 0; i < q; i++) {
          e += x[encoder + a * q + i] * x[encoder + b * q + i];
          d += x[i * code + a] * x[i * code + b];
        }
        encoderGram[a * code + b] = e;
        decoderGram[a * code + b] = d;
        product += e * d;
      }
      for (let i = 0; i < q; i++) trace += x[i * code + a] * x[encoder + a * q + i];
    }
    // ∇_D = λ (D EEᵀ − Eᵀ), ∇_E = λ (DᵀD E − Dᵀ)
    for (let i = 0; i < q; i++) {
      for (let a = 0; a < code; a++) {
        let [d, e] = [0, 0];
        for (let b = 0; b < code; b++) {
          d += x[i * code + b] * encoderGram[b * code + a];
          e += decoderGram[a * code + b] * x[encoder + b * q + i];
        }
        out[i * code + a] = lambda * (d - x[encoder + a * q + i]);
        out[encoder + a * q + i] = lambda * (e - x[i * code + a]);
      }
    }
    return 0.5 * lambda * (product - 2 * trace + q);
  }
}
