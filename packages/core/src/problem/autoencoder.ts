import type { Dataset } from '../data/dataset.js';
import type { Shards } from '../data/split.js';
import { UsageError } from '../errors.js';
import type { Kernels, Region } from '../kernels/kernels.js';
import type { Oracle, ProblemFamily } from './problem.js';

/** Width of the code: D is features × CODE, E is CODE × features. */
const CODE = 16;

/**
 * Linear autoencoder [MARINA-P, F.2]:
 *
 *   f(D, E) = (1/m) Σ_b ‖D E b − b‖² + (λ/2) ‖D E − I‖_F²,  D ∈ R^{q×16}, E ∈ R^{16×q}
 *
 * x holds D row-major, then E row-major: d = 2·16·q, 25,088 on MNIST. Parameter: `lambda` (default 0.001). A quartic, so
 * it has no smoothness constant; the step size is a number.
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
  needsData: true,
  init: 'reference',
  stepSize: '0.002',
  create(spec, input) {
    const data = input.data as Dataset;
    const shards = input.shards as Shards;
    const lambda = spec.number('lambda', 0, 1e6) ?? 0.001;
    spec.done();
    if (data.features > 4096) {
      throw new UsageError(`autoencoder takes data with at most 4096 features; ${data.name} has ${data.features}`);
    }
    let scratch: Scratch | undefined;
    return {
      dimension: 2 * CODE * data.features,
      oracle(worker, kernels) {
        scratch ??= new Scratch(kernels, data.features);
        return new AutoencoderOracle(data, shards, worker, lambda, kernels, scratch);
      },
    };
  },
};

/** Work space of one thread, used by one gradient at a time. All matrices row-major. */
class Scratch {
  /** [E; Dᵀ], 32 × q. */
  readonly codes: Region;
  /** The columns of `codes` that the shard uses, and their product with M, 32 × (at most q, padded). */
  readonly used: Region;
  readonly product: Region;
  /** [E S; Dᵀ S], 32 × q. */
  readonly moments: Region;
  /** DᵀD and E S Eᵀ, 16 × 16. */
  readonly decoderGram: Region;
  readonly codeMoment: Region;
  /** [E S Eᵀ Dᵀ; DᵀD E S], 32 × q. */
  readonly folded: Region;

  constructor(kernels: Kernels, features: number) {
    const panel = 2 * CODE * pad(features);
    this.codes = kernels.allocate(panel);
    this.used = kernels.allocate(panel);
    this.product = kernels.allocate(panel);
    this.moments = kernels.allocate(panel);
    this.folded = kernels.allocate(panel);
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
    const trace = secondMoment(data, rows, this.#active, weight, this.#moment.values, side);
    this.#trace = trace + (lambda / 2) * data.features;
  }

  gradient(x: Float64Array, out: Float64Array): number {
    const { kernels, scratch, lambda } = this;
    const active = this.#active;
    const stride = this.#stride;
    const q = x.length / (2 * CODE);
    const side = pad(active.length);
    const codes = scratch.codes.values;
    const used = scratch.used.values;
    const moments = scratch.moments.values;
    const folded = scratch.folded.values;

    for (let a = 0; a < CODE; a++) {
      const e = a * stride;
      const d = (a + CODE) * stride;
      const from = q * CODE + a * q;
      for (let j = 0; j < q; j++) {
        codes[e + j] = x[from + j];
        codes[d + j] = x[j * CODE + a];
      }
    }
    for (let a = 0; a < 2 * CODE; a++) {
      for (let j = 0; j < active.length; j++) used[a * side + j] = codes[a * stride + active[j]];
      used.fill(0, a * side + active.length, (a + 1) * side);
    }
    kernels.multiply(scratch.used, this.#moment, scratch.product, 2 * CODE, side, side);

    const product = scratch.product.values;
    for (let i = 0; i < 2 * CODE * stride; i++) moments[i] = (lambda / 2) * codes[i];
    for (let a = 0; a < 2 * CODE; a++) {
      for (let j = 0; j < active.length; j++) moments[a * stride + active[j]] += product[a * side + j];
    }

    const half = CODE * stride;
    kernels.gram(scratch.codes, half, scratch.codes, half, scratch.decoderGram, CODE, stride);
    kernels.gram(scratch.moments, 0, scratch.codes, 0, scratch.codeMoment, CODE, stride);
    kernels.multiply(scratch.codeMoment, scratch.codes, scratch.folded, CODE, CODE, stride, half, 0);
    kernels.multiply(scratch.decoderGram, scratch.moments, scratch.folded, CODE, CODE, stride, 0, half);

    let linear = 0;
    for (let a = 0; a < CODE; a++) {
      const e = a * stride;
      const d = (a + CODE) * stride;
      const to = q * CODE + a * q;
      for (let j = 0; j < q; j++) {
        linear += codes[d + j] * moments[e + j];
        out[j * CODE + a] = 2 * (folded[e + j] - moments[e + j]);
        out[to + j] = 2 * (folded[d + j] - moments[d + j]);
      }
    }
    let quadratic = 0;
    const decoderGram = scratch.decoderGram.values;
    const codeMoment = scratch.codeMoment.values;
    for (let i = 0; i < CODE * CODE; i++) quadratic += decoderGram[i] * codeMoment[i];
    return this.#trace - 2 * linear + quadratic;
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

/**
 * out ← weight · Σ_b b bᵀ over the active features (side × side); returns its trace. Sums of 8-bit pixels are exact.
 *
 * Row by row, so that the row being summed stays in the first-level cache: for each feature, the samples that have it and
 * the rest of their non-zeros. Five times as fast as adding each sample's outer product to the whole matrix.
 */
function secondMoment(
  data: Dataset,
  rows: Int32Array,
  active: Int32Array,
  weight: number,
  out: Float64Array,
  side: number,
): number {
  const { rowStart, column, value } = data;
  const place = new Int32Array(data.features);
  for (let j = 0; j < active.length; j++) place[active[j]] = j;

  // the shard's non-zeros by feature: positions in the data set, and where the sample they belong to ends
  const start = new Int32Array(active.length + 1);
  for (const s of rows) for (let k = rowStart[s]; k < rowStart[s + 1]; k++) start[place[column[k]] + 1]++;
  for (let j = 0; j < active.length; j++) start[j + 1] += start[j];
  const position = new Int32Array(start[active.length]);
  const end = new Int32Array(position.length);
  const next = start.slice();
  for (const s of rows) {
    for (let k = rowStart[s]; k < rowStart[s + 1]; k++) {
      const at = next[place[column[k]]]++;
      position[at] = k;
      end[at] = rowStart[s + 1];
    }
  }

  const sums = new Float64Array(data.features);
  const factor = weight * data.scale * data.scale;
  let trace = 0;
  for (let a = 0; a < active.length; a++) {
    sums.fill(0);
    for (let at = start[a]; at < start[a + 1]; at++) {
      const last = end[at];
      const v = value[position[at]];
      for (let k = position[at]; k < last; k++) sums[column[k]] += v * value[k];
    }
    for (let b = a; b < active.length; b++) {
      const entry = sums[active[b]] * factor;
      out[a * side + b] = entry;
      out[b * side + a] = entry;
    }
    trace += out[a * side + a];
  }
  return trace;
}
