// Long: one problem, from its samples to its gradient.

import { type Dataset, RowReader } from '../data/dataset.js';
import { largestShard, type Shards } from '../data/split.js';
import { UsageError } from '../errors.js';
import type {
  BorderedMatrix,
  ByteRows,
  GramSpace,
  Kernels,
  Matrix,
  Region,
  SparseColumns,
} from '../kernels/kernels.js';
import { ANY_PRECISION, blend, type Precision, type Vector } from '../vector.js';
import { AutoencoderBatch } from './autoencoder-batch.js';
import { fromSamples, type SampleData } from './from-samples.js';
import type { LinearMap, Oracle, Predictions, ProblemFamily } from './problem.js';

/** Width of the code: D is features × CODE, E is CODE × features. */
const CODE = 16;

/**
 * Step sizes for 20 workers and each method's own compressors, found by trying: at twice these GD, EF21-P, DASHA and
 * Rand-MCM diverge, and MARINA's gradient norm no longer settles within 500 rounds. DORE takes a 20th of a step, β = 1/(1 + ω).
 */
const STEP_SIZES: Readonly<Record<string, string>> = {
  gd: '0.002',
  dcgd: '0.002',
  diana: '0.002',
  'vr-diana': '0.002',
  marina: '0.0005',
  'vr-marina': '0.0005',
  'pp-marina': '0.0005',
  'marina-p': '0.002',
  m3: '0.002',
  'ef21-p': '0.002',
  'ef21-p-dcgd': '0.002',
  core: '0.0005',
  ef21: '0.002',
  dasha: '0.001',
  'ef21-bc': '0.002',
  'ef21-p-diana': '0.002',
  dore: '0.004',
  mcm: '0.001',
  'rand-mcm': '0.001',
  'dist-ef-sgd': '0.002',
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
 * so that a gradient is one product of the 32 rows [E; Dᵀ] with M_i and a few small ones, whatever the shard's size. That
 * product is linear in x: where x moves by a sparse step it is updated instead of computed anew.
 *
 * M_i of 8-bit values is kept as 32-bit integers, without its factor; then it is exact, and half as much to read.
 */
export const autoencoder: ProblemFamily<SampleData> = {
  ...fromSamples,
  name: 'autoencoder',
  summary: 'linear autoencoder with a code of 16 (MARINA-P, F.2)',
  init: 'reference',
  stepSize: (method) => STEP_SIZES[method] ?? '0.002',
  create(spec, { data, shards }) {
    const lambda = spec.number('lambda', 0, 1e6) ?? 0.001;
    spec.rejectUnknown();
    if (data.features > 4096) {
      throw new UsageError(`autoencoder takes data with at most 4096 features; ${data.name} has ${data.features}`);
    }
    const scratches = new WeakMap<Kernels, Scratch>();
    return {
      dimension: 2 * CODE * data.features,
      tensors: [
        { name: 'D', shape: [data.features, CODE] },
        { name: 'E', shape: [CODE, data.features] },
      ],
      lowerBound: 0,
      precisions: ANY_PRECISION,
      facts: { features: data.features },
      oracle(worker, kernels) {
        const scratch = scratches.get(kernels) ?? new Scratch(kernels, data, largestShard(shards));
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
  /** D, q × 16; in the end ∇_D. */
  readonly decoder: Region;
  /** The columns of `codes` that the shard uses, 32 × side. */
  readonly used: Region;
  /** A product of the linear map, 32 × side. */
  readonly product: Region;
  /** [E S; Dᵀ S], 32 × q. */
  readonly moments: Region;
  /** DᵀD and E S Eᵀ, 16 × 16. */
  readonly decoderGram: Region;
  readonly codeMoment: Region;
  /** ∇_Dᵀ and ∇_E, 16 × q. */
  readonly decoderTerm: Region;
  readonly encoderTerm: Region;
  /** A sparse step in the layout of `used`. */
  readonly step: SparseColumns;
  /** The place of each of its coordinates' features. */
  readonly places: Int32Array;
  /** Used while the second moments of a shard of 8-bit values are computed. */
  readonly loading: Loading | undefined;

  constructor(kernels: Kernels, { features, value }: Dataset, largestShard: number) {
    const half = CODE * pad(features);
    const used = 2 * CODE * pad(features);
    this.loading = value instanceof Uint8Array ? loadingSpace(kernels, features, largestShard) : undefined;
    this.codes = kernels.allocate(2 * half);
    this.decoder = kernels.allocate(half);
    this.used = kernels.allocate(used);
    this.product = kernels.allocate(used);
    this.moments = kernels.allocate(2 * half);
    this.decoderTerm = kernels.allocate(half);
    this.encoderTerm = kernels.allocate(half);
    this.decoderGram = kernels.allocate(CODE * CODE);
    this.codeMoment = kernels.allocate(CODE * CODE);
    this.places = new Int32Array(2 * CODE * features);
    this.step = {
      start: kernels.allocateInt32(pad(features) + 1),
      row: kernels.allocateInt32(2 * CODE * features),
      values: kernels.allocate(2 * CODE * features).values,
    };
  }
}

/** Samples as the kernels read them, and what they are laid out in. */
interface Loading {
  readonly rows: ByteRows;
  readonly seen: Uint8Array;
  readonly space: GramSpace;
}

function loadingSpace(kernels: Kernels, features: number, largestShard: number): Loading {
  const capacity = Math.min(PIECE, largestShard) * features;
  const start = kernels.allocateInt32(largestShard + 1);
  const column = kernels.allocateUint16(capacity);
  const value = kernels.allocateUint8(capacity);
  return {
    rows: { start, column, value },
    seen: kernels.allocateUint8(features),
    space: { group: kernels.allocateUint8(9 * pad(features)), list: kernels.allocateInt32(pad(features) / 4) },
  };
}

class AutoencoderOracle implements Oracle, LinearMap {
  readonly smoothness = undefined;
  readonly linearMap = this;
  /** The features that are non-zero somewhere in the shard, ascending, and the place of each feature among them, or −1. */
  readonly #active: Int32Array;
  readonly #place: Int32Array;
  /** M_i without its factor over the active features, its sides padded with zeros. */
  readonly #moment: BorderedMatrix;
  readonly #factor: number;
  readonly #side: number;
  readonly #trace: number;
  readonly #stride: number;
  readonly samples: number;
  readonly #rows: Int32Array;
  readonly #batch: AutoencoderBatch;
  readonly #batchWeight: number;

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
    const { loading } = scratch;
    const shard = loading && new ByteShard(data, rows, loading, kernels);
    const active = shard?.activeFeatures() ?? activeFeatures(data, rows);
    this.#active = kernels.allocateInt32(active.length);
    this.#active.set(active);
    this.#place = kernels.allocateInt32(data.features).fill(-1);
    for (let j = 0; j < active.length; j++) this.#place[active[j]] = j;
    this.#side = pad(active.length);
    // f = (1/n) Σ f_i is the mean over all samples in use even when shard sizes differ by one
    const weight = (shards.start.length - 1) / shards.samples;
    this.samples = rows.length;
    this.#rows = rows;
    this.#batch = new AutoencoderBatch(data, CODE, lambda);
    this.#batchWeight = weight * rows.length;
    this.#factor = weight * data.scale * data.scale;
    const moment =
      shard?.moments(this.#place, this.#side) ?? sparseMoments(data, rows, this.#place, this.#side, kernels);
    this.#moment = kernels.withExtents(moment, this.#side);
    let trace = 0;
    for (let a = 0; a < this.#side; a++) trace += this.#moment.values[a * this.#side + a];
    this.#trace = this.#factor * trace + (lambda / 2) * data.features;
  }

  batchGradient(x: Vector, batch: Int32Array, out: Vector): number {
    return this.#batch.gradient(x, this.#rows, batch, this.#batchWeight, out);
  }

  /** ‖D E b − b‖² of each sample b. */
  predict(x: Float64Array): Predictions {
    return { error: Float64Array.from(this.#rows, (s) => this.#batch.error(x, s)) };
  }

  allocate(): Float64Array {
    return this.kernels.allocate(2 * CODE * this.#side).values;
  }

  allocatePoint(precision: Precision = 'f64'): Vector {
    return this.kernels.allocateIfRoom(2 * CODE * this.#place.length, precision);
  }

  blend(a: number, x: Vector, y: Vector): void {
    const { kernels } = this;
    if (kernels.placeOf(x) === undefined || kernels.placeOf(y) === undefined) blend(a, x, y);
    else kernels.blend(a, x, y);
  }

  /** The columns of [E; Dᵀ] that the shard uses, times M without its factor. */
  product(x: Vector, out: Float64Array): void {
    this.#layOut(x);
    this.#multiply(out);
  }

  /** The product of what is laid out. */
  #multiply(out: Float64Array): void {
    const { kernels, scratch } = this;
    const shape = { rows: 2 * CODE, side: this.#side, stride: this.#stride };
    kernels.gatherColumns(scratch.codes, this.#active, scratch.used, shape);
    kernels.multiply(scratch.used, this.#moment, out, 2 * CODE, this.#side);
  }

  /** D and [E; Dᵀ] of x as the kernels take them. */
  #layOut(x: Vector): void {
    const { kernels, scratch } = this;
    const { codes, decoder } = scratch;
    const stride = this.#stride;
    const q = this.#place.length;
    const size = CODE * q;
    const place = q === stride ? kernels.placeOf(x) : undefined;
    if (place !== undefined) {
      kernels.transpose(place, codes, CODE * stride, stride, CODE);
      kernels.copy(place, size, codes, 0, size);
      return;
    }
    decoder.values.set(x.subarray(0, size));
    kernels.transpose(decoder, codes, CODE * stride, stride, CODE);
    if (q === stride) codes.values.set(x.subarray(size));
    else for (let a = 0; a < CODE; a++) codes.values.set(x.subarray(size + a * q, size + (a + 1) * q), a * stride);
  }

  addProduct(index: Int32Array, values: Vector, count: number, out: Float64Array): void {
    const { step, places } = this.scratch;
    const { start, row } = step;
    const place = this.#place;
    const q = place.length;
    const size = CODE * q;
    const side = this.#side;
    // by place: how many coordinates there are, then where they start, then what they are
    start.fill(0, 0, side + 1);
    for (let k = 0; k < count; k++) {
      const c = index[k];
      const at = place[c < size ? (c / CODE) | 0 : (c - size) % q];
      places[k] = at;
      if (at >= 0) start[at + 1]++;
    }
    let total = 0;
    for (let j = 1; j <= side; j++) {
      total += start[j];
      start[j] = total - start[j];
    }
    for (let k = 0; k < count; k++) {
      const c = index[k];
      const at = places[k];
      // a feature the shard does not use is not in the product
      if (at < 0) continue;
      const to = start[at + 1]++;
      row[to] = c < size ? CODE + (c % CODE) : ((c - size) / q) | 0;
      step.values[to] = values[k];
    }
    this.kernels.addSparseProduct(step, this.#moment, out, side);
  }

  gradient(x: Vector, out: Vector): number {
    const product = this.scratch.product.values;
    this.#layOut(x);
    this.#multiply(product);
    return this.#gradientLaidOut(product, out);
  }

  gradientAt(x: Vector, product: Float64Array, out: Vector): number {
    this.#layOut(x);
    return this.#gradientLaidOut(product, out);
  }

  #gradientLaidOut(product: Float64Array, out: Vector): number {
    const { kernels, scratch, lambda } = this;
    const { codes, decoder, moments, decoderGram, codeMoment, decoderTerm, encoderTerm } = scratch;
    const stride = this.#stride;
    const half = CODE * stride;
    const q = this.#place.length;
    const size = CODE * q;

    const shape = { rows: 2 * CODE, side: this.#side, stride };
    kernels.scatterScaled(codes, lambda / 2, product, this.#factor, this.#active, moments, shape);

    kernels.gram(codes, half, decoderGram, CODE, stride);
    kernels.multiplyTransposed(moments, codes, codeMoment, { rows: CODE, columns: CODE, inner: stride });
    kernels.combine(codeMoment, codes, half, moments, 0, decoderTerm, stride);
    const place = q === stride ? kernels.placeOf(out) : undefined;
    if (place !== undefined) {
      const { pointer, isF32 } = place;
      const encoder = isF32 ? encoderTerm : { pointer: pointer + 8 * size };
      kernels.transpose(decoderTerm, place, 0, CODE, stride);
      kernels.combine(decoderGram, moments, 0, moments, half, encoder, stride);
      if (isF32) kernels.copy(encoderTerm, 0, place, size, size);
    } else {
      kernels.transpose(decoderTerm, decoder, 0, CODE, stride);
      out.set(decoder.values.subarray(0, size));
      kernels.combine(decoderGram, moments, 0, moments, half, encoderTerm, stride);
      const row = (a: number) => encoderTerm.values.subarray(a * stride, a * stride + q);
      if (q === stride) out.set(encoderTerm.values, size);
      else for (let a = 0; a < CODE; a++) out.set(row(a), size + a * q);
    }
    const linear = kernels.dot(codes, half, moments, 0, half);
    const quadratic = kernels.dot(decoderGram, 0, codeMoment, 0, CODE * CODE);
    return this.#trace - 2 * linear + quadratic;
  }
}

/** Kernels work on rows whose length is a multiple of 4. */
function pad(length: number): number {
  return (length + 3) & ~3;
}

function activeFeatures(data: Dataset, rows: Int32Array): Int32Array {
  const seen = new Uint8Array(data.features);
  const row = new RowReader(data);
  const { column, value } = row;
  for (const s of rows) {
    row.seek(s);
    for (let k = row.first; k < row.end; k++) if (value[k] !== 0) seen[column[k - row.shift]] = 1;
  }
  return nonZeros(seen);
}

/** The indices of what is not zero. */
function nonZeros(seen: Uint8Array): Int32Array {
  const index = new Int32Array(seen.length);
  let count = 0;
  for (let j = 0; j < seen.length; j++) if (seen[j] !== 0) index[count++] = j;
  return index.subarray(0, count);
}

/** Samples without a zero whose values are copied at a time: a shard of MNIST among twenty workers is one piece. */
const PIECE = 1024;
/** Samples that a kernel gets at a time: WebAssembly is only replaced by optimised code from one call to the next. */
const CHUNK = 64;
/** More samples than this could take an entry of Σ_b b bᵀ past 2³¹. */
const MAX_EXACT = Math.floor(2 ** 31 / 255 ** 2);

/** A shard of 8-bit values, a piece after the other in the kernels' memory: integers, so that sums are exact in any order. */
class ByteShard {
  readonly #row: RowReader;
  /** Samples of the piece that is there. */
  #first = 0;
  #count = 0;

  constructor(
    data: Dataset,
    private readonly samples: Int32Array,
    private readonly loading: Loading,
    private readonly kernels: Kernels,
  ) {
    this.#row = new RowReader(data);
  }

  /** As {@link activeFeatures}. */
  activeFeatures(): Int32Array {
    const { kernels, loading } = this;
    const { rows, seen } = loading;
    seen.fill(0);
    for (let first = 0; first < this.samples.length; first += this.#count) {
      this.#copy(first);
      kernels.markColumns(rows, this.#count, seen);
    }
    return nonZeros(seen);
  }

  /** Σ_b b bᵀ over the active features. */
  moments(place: Int32Array, side: number): Matrix {
    const { kernels, loading, samples } = this;
    const { space } = loading;
    const { start, column, value } = loading.rows;
    const sums = kernels.allocateInt32(side * side);
    const large = samples.length > MAX_EXACT ? kernels.allocate(side * side) : undefined;
    for (let s = 0, summed = 0; s < samples.length; ) {
      if (s < this.#first || s >= this.#first + this.#count) this.#copy(s);
      const from = s - this.#first;
      const count = Math.min(CHUNK, this.#count - from);
      kernels.addGram({ start: start.subarray(from), column, value }, count, place, space, sums, side);
      s += count;
      summed += count;
      if (large === undefined || (summed + CHUNK <= MAX_EXACT && s < samples.length)) continue;
      for (let k = 0; k < sums.length; k++) large.values[k] += sums[k];
      sums.fill(0);
      summed = 0;
    }
    if (large !== undefined) return completed(large, side);
    kernels.mirror(sums, side);
    return { pointer: sums.byteOffset, values: sums };
  }

  /** Copies the samples from `first` on, as many as there is room for. */
  #copy(first: number): void {
    const { start, column, value } = this.loading.rows;
    const row = this.#row;
    let s = first;
    for (let at = 0; s < this.samples.length; s++) {
      row.seek(this.samples[s]);
      const length = row.end - row.first;
      if (at + length > value.length) break;
      column.set(row.column.subarray(row.first - row.shift, row.end - row.shift), at);
      value.set(row.value.subarray(row.first, row.end), at);
      at += length;
      start[s - first + 1] = at;
    }
    this.#first = first;
    this.#count = s - first;
  }
}

/** The same for a shard of any values, by walking the non-zeros. */
function sparseMoments(data: Dataset, rows: Int32Array, place: Int32Array, side: number, kernels: Kernels): Matrix {
  const out = kernels.allocate(side * side);
  const row = new RowReader(data);
  const { column, value } = row;
  for (const s of rows) {
    row.seek(s);
    const { first, end, shift } = row;
    for (let a = first; a < end; a++) {
      if (value[a] === 0) continue;
      const to = place[column[a - shift]] * side;
      for (let b = a; b < end; b++) {
        if (value[b] !== 0) out.values[to + place[column[b - shift]]] += value[a] * value[b];
      }
    }
  }
  return completed(out, side);
}

/** The same matrix, with what is above the diagonal below it as well. */
function completed(matrix: Region, side: number): Region {
  const { values } = matrix;
  for (let a = 0; a < side; a++) {
    for (let b = a + 1; b < side; b++) values[b * side + a] = values[a * side + b];
  }
  return matrix;
}
