import type { Dataset } from '../data/dataset.js';
import { largestShard, type Shards } from '../data/split.js';
import { UsageError } from '../errors.js';
import type { Kernels, Region } from '../kernels/kernels.js';
import type { Oracle, ProblemFamily } from './problem.js';

/** Width of the code: D is features × CODE, E is CODE × features. */
const CODE = 16;

/**
 * Step sizes for 20 workers and each method's own compressors, found by trying: at twice these GD and EF21-P diverge, and MARINA's
 * gradient norm no longer settles within 500 rounds.
 */
const STEP_SIZES: Readonly<Record<string, string>> = {
  gd: '0.002',
  dcgd: '0.002',
  diana: '0.002',
  marina: '0.0005',
  'marina-p': '0.002',
  m3: '0.002',
  'ef21-p': '0.002',
  'ef21-p-dcgd': '0.002',
};

/**
 * Linear autoencoder [MARINA-P, F.2]:
 *
 *   f(D, E) = (1/m) Σ_b ‖D E b − b‖² + (λ/2) ‖D E − I‖_F²,  D ∈ R^{q×16}, E ∈ R^{16×q}
 *
 * x holds D row-major, then E row-major: d = 2·16·q, 25,088 on MNIST. Parameter: `lambda` (default 0.001). A quartic, so
 * it has no smoothness constant; step sizes are tuned numbers.
 *
 * A worker keeps the second-moment matrix M_i = (1/m_i) Σ_b b bᵀ of its shard, without the features that are zero in the
 * whole shard, in place of the samples: with S = M_i + (λ/2) I,
 *
 *   f_i = tr(S) − 2⟨Dᵀ, E S⟩ + ⟨DᵀD, E S Eᵀ⟩,  ∇_D f_i = 2 (D (E S Eᵀ) − (E S)ᵀ),  ∇_E f_i = 2 (DᵀD (E S) − Dᵀ S)
 *
 * so that a gradient is one product of the 32 rows [E; Dᵀ] with M_i and a few small ones, whatever the shard's size.
 */
export const autoencoder: ProblemFamily = {
  name: 'autoencoder',
  summary: 'linear autoencoder with a code of 16 (MARINA-P, F.2)',
  data: 'samples',
  init: 'reference',
  stepSize: (method) => STEP_SIZES[method] ?? '0.002',
  create(spec, input) {
    const data = input.data as Dataset;
    const shards = input.shards as Shards;
    const lambda = spec.number('lambda', 0, 1e6) ?? 0.001;
    spec.done();
    if (data.features > 4096) {
      throw new UsageError(`autoencoder takes data with at most 4096 features; ${data.name} has ${data.features}`);
    }
    const scratches = new WeakMap<Kernels, Scratch>();
    return {
      dimension: 2 * CODE * data.features,
      oracle(worker, kernels) {
        const scratch = scratches.get(kernels) ?? new Scratch(kernels, data.features, largestShard(shards));
        scratches.set(kernels, scratch);
        return new AutoencoderOracle(data, shards, worker, lambda, kernels, scratch);
      },
    };
  },
};

/** Work space of one thread, used by one gradient at a time. Row-major; q is the number of features, padded. */
class Scratch {
  /** [E; Dᵀ], 32 × q. */
  readonly codes: Region;
  /** D, q × 16. */
  readonly decoder: Region;
  /** The columns of `codes` that the shard uses, and their product with M, 32 × (at most q). */
  readonly used: Region;
  readonly product: Region;
  /** [E S; Dᵀ S], 32 × q. */
  readonly moments: Region;
  /** (E S)ᵀ, q × 16. */
  readonly encoded: Region;
  /** DᵀD and E S Eᵀ, 16 × 16. */
  readonly decoderGram: Region;
  readonly codeMoment: Region;
  /** D (E S Eᵀ), q × 16, and DᵀD (E S), 16 × q. */
  readonly decoderTerm: Region;
  readonly encoderTerm: Region;
  /** CHUNK samples, features × samples, 16-bit; used when a shard is taken in. */
  readonly laidOut: Region;

  constructor(kernels: Kernels, features: number, largestShard: number) {
    const half = CODE * pad(features);
    this.laidOut = kernels.allocate((pad(features) * pad(Math.min(CHUNK, largestShard) + 4)) / 4);
    this.codes = kernels.allocate(2 * half);
    this.decoder = kernels.allocate(half);
    this.used = kernels.allocate(2 * half);
    this.product = kernels.allocate(2 * half);
    this.moments = kernels.allocate(2 * half);
    this.encoded = kernels.allocate(half);
    this.decoderTerm = kernels.allocate(half);
    this.encoderTerm = kernels.allocate(half);
    this.decoderGram = kernels.allocate(CODE * CODE);
    this.codeMoment = kernels.allocate(CODE * CODE);
  }
}

class AutoencoderOracle implements Oracle {
  readonly smoothness = undefined;
  /** The features that are non-zero somewhere in the shard, ascending. */
  readonly #active: Int32Array;
  /** M_i over the active features, its sides padded with zeros to a multiple of 4. */
  readonly #moment: Region;
  readonly #trace: number;
  readonly #stride: number;

  constructor(
    data: Dataset,
    shards: Shards,
    worker: number,
    private readonly lambda: number,
    private readonly kernels: Kernels,
    private readonly scratch: Scratch,
  ) {
    this.#stride = pad(data.features);
    const rows = shards.order.subarray(shards.start[worker], shards.start[worker + 1]);
    this.#active = activeFeatures(data, rows);
    const side = pad(this.#active.length);
    this.#moment = kernels.allocate(side * side);
    // f = (1/n) Σ f_i is the mean over all samples in use even when shard sizes differ by one
    const weight = (shards.start.length - 1) / shards.samples;
    if (data.value instanceof Uint8Array)
      addDenseMoments(data, rows, this.#active, this.#moment, kernels, scratch.laidOut);
    else addSparseMoments(data, rows, this.#active, this.#moment);
    const trace = completeSymmetric(this.#moment.values, side, weight * data.scale * data.scale);
    this.#trace = trace + (lambda / 2) * data.features;
  }

  gradient(x: Float64Array, out: Float64Array): number {
    const { kernels, scratch } = this;
    const q = x.length / (2 * CODE);
    const stride = this.#stride;
    const half = CODE * stride;
    const size = CODE * q;

    const codes = scratch.codes.values;
    scratch.decoder.values.set(x.subarray(0, size));
    for (let a = 0; a < CODE; a++) {
      codes.set(x.subarray(size + a * q, size + (a + 1) * q), a * stride);
      const row = half + a * stride;
      for (let j = 0; j < q; j++) codes[row + j] = x[j * CODE + a];
    }
    this.#multiplyByMoment();

    const square = { rows: CODE, columns: CODE, inner: stride };
    kernels.multiplyTransposed(scratch.codes, scratch.codes, scratch.decoderGram, { ...square, aAt: half, bAt: half });
    kernels.multiplyTransposed(scratch.moments, scratch.codes, scratch.codeMoment, square);
    const moments = scratch.moments.values;
    const encoded = scratch.encoded.values;
    for (let a = 0; a < CODE; a++) {
      const row = a * stride;
      for (let j = 0; j < q; j++) encoded[j * CODE + a] = moments[row + j];
    }
    const { decoder, codeMoment, decoderTerm, decoderGram, encoderTerm } = scratch;
    kernels.multiplyTransposed(decoder, codeMoment, decoderTerm, { rows: stride, columns: CODE, inner: CODE });
    kernels.multiplyTransposed(decoderGram, scratch.encoded, encoderTerm, { rows: CODE, columns: stride, inner: CODE });

    let linear = 0;
    for (let k = 0; k < size; k++) {
      linear += x[k] * encoded[k];
      out[k] = 2 * (decoderTerm.values[k] - encoded[k]);
    }
    for (let a = 0; a < CODE; a++) {
      const row = a * stride;
      const to = size + a * q;
      for (let j = 0; j < q; j++) out[to + j] = 2 * (encoderTerm.values[row + j] - moments[half + row + j]);
    }
    let quadratic = 0;
    for (let i = 0; i < CODE * CODE; i++) quadratic += decoderGram.values[i] * codeMoment.values[i];
    return this.#trace - 2 * linear + quadratic;
  }

  /** moments ← codes · S: the features the shard uses are gathered, multiplied by M, and put back. */
  #multiplyByMoment(): void {
    const { kernels, scratch, lambda } = this;
    const active = this.#active;
    const stride = this.#stride;
    const side = pad(active.length);
    const codes = scratch.codes.values;
    const used = scratch.used.values;
    const product = scratch.product.values;
    const moments = scratch.moments.values;
    for (let a = 0; a < 2 * CODE; a++) {
      for (let j = 0; j < active.length; j++) used[a * side + j] = codes[a * stride + active[j]];
      used.fill(0, a * side + active.length, (a + 1) * side);
    }
    // M is symmetric, so its rows are its columns
    const shape = { rows: 2 * CODE, columns: side, inner: side };
    kernels.multiplyTransposed(scratch.used, this.#moment, scratch.product, shape);
    for (let k = 0; k < 2 * CODE * stride; k++) moments[k] = (lambda / 2) * codes[k];
    for (let a = 0; a < 2 * CODE; a++) {
      for (let j = 0; j < active.length; j++) moments[a * stride + active[j]] += product[a * side + j];
    }
  }
}

/** Kernels work on rows whose length is a multiple of 4. */
function pad(length: number): number {
  return (length + 3) & ~3;
}

function activeFeatures(data: Dataset, rows: Int32Array): Int32Array {
  const seen = new Uint8Array(data.features);
  for (const s of rows) {
    for (let k = data.rowStart[s]; k < data.rowStart[s + 1]; k++) seen[data.column[k]] = 1;
  }
  const active: number[] = [];
  for (let j = 0; j < seen.length; j++) if (seen[j] === 1) active.push(j);
  return Int32Array.from(active);
}

/** Samples whose values are laid out at a time: 4096 · 255² < 2³¹, so that 32-bit sums are exact. */
const CHUNK = 4096;

/**
 * out ← Σ_b b bᵀ of 8-bit values over the active features, on and above the diagonal: dense 16-bit products in SIMD, four
 * times as fast as walking the non-zeros although four fifths of the values are zero. Exact.
 */
function addDenseMoments(
  data: Dataset,
  rows: Int32Array,
  active: Int32Array,
  out: Region,
  kernels: Kernels,
  laidOut: Region,
) {
  const side = pad(active.length);
  const place = new Int32Array(data.features);
  for (let j = 0; j < active.length; j++) place[active[j]] = j;
  for (let first = 0; first < rows.length; first += CHUNK) {
    const count = Math.min(CHUNK, rows.length - first);
    const length = (count + 7) & ~7;
    const x = new Int16Array(laidOut.values.buffer, laidOut.pointer, side * length).fill(0);
    for (let r = 0; r < count; r++) {
      const s = rows[first + r];
      for (let k = data.rowStart[s]; k < data.rowStart[s + 1]; k++)
        x[place[data.column[k]] * length + r] = data.value[k];
    }
    kernels.addGram16(laidOut, out, side, length);
  }
}

/** The same for any values, by walking the non-zeros. */
function addSparseMoments(data: Dataset, rows: Int32Array, active: Int32Array, out: Region) {
  const side = pad(active.length);
  const place = new Int32Array(data.features);
  for (let j = 0; j < active.length; j++) place[active[j]] = j;
  const { rowStart, column, value } = data;
  for (const s of rows) {
    for (let a = rowStart[s]; a < rowStart[s + 1]; a++) {
      const row = place[column[a]] * side;
      for (let b = a; b < rowStart[s + 1]; b++) out.values[row + place[column[b]]] += value[a] * value[b];
    }
  }
}

/** Scales the upper triangle by `factor`, mirrors it, and returns the trace. */
function completeSymmetric(matrix: Float64Array, side: number, factor: number): number {
  let trace = 0;
  for (let a = 0; a < side; a++) {
    for (let b = a; b < side; b++) {
      const entry = matrix[a * side + b] * factor;
      matrix[a * side + b] = entry;
      matrix[b * side + a] = entry;
    }
    trace += matrix[a * side + a];
  }
  return trace;
}
