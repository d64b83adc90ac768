import { type Dataset, labelsOf } from '../data/dataset.js';
import type { Shards } from '../data/split.js';
import { UsageError } from '../errors.js';
import type { Spec } from '../spec.js';
import type { SampleData } from './from-samples.js';
import { type Oracle, type Problem, type ProblemInput, smoothnessFrom } from './problem.js';
import { ShardRows, squaredRowNorm } from './sparse-rows.js';

/** A loss ℓ of the margin t = y aᵀx. */
export interface MarginLoss {
  /** max |ℓ″|. */
  readonly curvature: number;
  /** Writes factor · ℓ′(t_r) over each t_r in `margins` and returns factor · Σ ℓ(t_r). */
  slopes(margins: Float64Array, factor: number): number;
  /** λ when none is given, in the grammar of the parameter. */
  readonly lambda: string;
  /** Whether ℓ is convex, so that λ is a constant of strong convexity. */
  readonly convex: boolean;
}

/**
 * f_i(x) = (1/m_i) Σ_j w ℓ(y_j a_jᵀx) + (λ/2)‖x‖², y_j = ±1, from the parameters `bias` (a column of ones first; default true)
 * and `lambda` (a number, or a multiple of max_ij L_ij written `1e-6*L`).
 *
 * w = 1 for equal shards and n m_i/N otherwise: f = (1/n) Σ f_i is always the mean over all samples in use. With
 * f_ij = w ℓ + (λ/2)‖x‖²: L_ij = w max|ℓ″| ‖a_ij‖² + λ, L_i = max_j L_ij, which bounds the exact constant from above.
 *
 * x is the bias, if there is one, then a weight for each feature. The metric `accuracy` is the share of all samples in use
 * whose label is predicted: +1 where aᵀx > 0, else −1.
 */
export function binaryClassification(
  loss: MarginLoss,
  spec: Spec,
  { data, shards }: ProblemInput<SampleData>,
): Problem {
  const offset = (spec.boolean('bias') ?? true) ? 1 : 0;
  const lambdaText = spec.text('lambda') ?? loss.lambda;
  const match = /^([0-9.]+(?:e[+-]?[0-9]+)?)(\*L)?$/i.exec(lambdaText);
  const number = Number(match?.[1]);
  if (match === null || !Number.isFinite(number)) {
    throw spec.invalid('lambda', lambdaText, 'a number ≥ 0 or a multiple of L such as 1e-6*L');
  }
  spec.rejectUnknown();

  const sign = binaryLabels(data);
  const workers = shards.start.length - 1;
  const steepest = Array.from({ length: workers }, (_, i) => {
    let largest = 0;
    for (const s of shardOf(shards, i)) {
      const norm = squaredRowNorm(data, s, offset);
      if (!Number.isFinite(norm)) throw overflow(data, s);
      largest = Math.max(largest, norm);
    }
    return loss.curvature * largest;
  });
  const lambda = match[2] === undefined ? number : number * Math.max(...steepest);
  const weight = (worker: number) => (workers / shards.samples) * (shards.start[worker + 1] - shards.start[worker]);
  const perWorker = steepest.map((L, i) => L * weight(i) + lambda);

  return {
    dimension: data.features + offset,
    tensors: [...(offset === 1 ? [{ name: 'bias', shape: [1] }] : []), { name: 'weights', shape: [data.features] }],
    metrics: [{ name: 'accuracy', better: 'higher' }],
    smoothness: {
      ...smoothnessFrom(perWorker, perWorker),
      mu: loss.convex && lambda > 0 ? lambda : undefined,
    },
    oracle(worker, kernels) {
      const shard = shardOf(shards, worker);
      const rows = new ShardRows(kernels, data, shard, offset);
      const signs = Float64Array.from(shard, (s) => sign[s]);
      return new ClassificationOracle(loss, rows, signs, weight(worker), lambda, perWorker[worker]);
    },
  };
}

class ClassificationOracle implements Oracle {
  readonly samples: number;
  readonly sampleSmoothness: number;

  constructor(
    private readonly loss: MarginLoss,
    private readonly rows: ShardRows,
    /** y_j of each local sample. */
    private readonly sign: Float64Array,
    private readonly weight: number,
    private readonly lambda: number,
    readonly smoothness: number,
  ) {
    this.samples = sign.length;
    this.sampleSmoothness = smoothness;
  }

  gradient(x: Float64Array, out: Float64Array): number {
    return this.#mean(undefined, x, out);
  }

  batchGradient(x: Float64Array, batch: Int32Array, out: Float64Array): number {
    return this.#mean(batch, x, out);
  }

  /** n m_i/N times the share of the shard's samples whose label is predicted. */
  metrics(x: Float64Array, out: Float64Array): void {
    const { rows, sign, weight } = this;
    const products = rows.multiply(undefined, x);
    let correct = 0;
    for (let r = 0; r < sign.length; r++) if (products[r] > 0 === sign[r] > 0) correct++;
    out[0] = (weight * correct) / sign.length;
  }

  /** The mean of the f_ij over `batch`, or over all: its gradient to `out`, its value returned. */
  #mean(batch: Int32Array | undefined, x: Float64Array, out: Float64Array): number {
    const { loss, rows, sign, lambda } = this;
    const margins = rows.multiply(batch, x);
    const count = margins.length;
    for (let r = 0; r < count; r++) margins[r] *= sign[batch === undefined ? r : batch[r]];
    const value = loss.slopes(margins, this.weight / count);
    for (let r = 0; r < count; r++) margins[r] *= sign[batch === undefined ? r : batch[r]];
    return value + 0.5 * lambda * rows.combine(batch, margins, lambda, out);
  }
}

/** Says which value of a sample is too large to be squared. */
function overflow({ name, rowStart, column, value, scale }: Dataset, s: number): UsageError {
  let at = rowStart[s];
  for (let k = at; k < rowStart[s + 1]; k++) if (Math.abs(value[k]) > Math.abs(value[at])) at = k;
  return new UsageError(
    `data set ${name}: ‖a‖² of sample ${s + 1} overflows, feature ${column[at] + 1} is ${value[at] * scale}; scale the data`,
  );
}

function shardOf({ order, start }: Shards, worker: number): Int32Array {
  return order.subarray(start[worker], start[worker + 1]);
}

/** Labels as ±1. Two distinct values map to −1 and +1 in their order; the digits of MNIST map to −1 (even) and +1 (odd). */
function binaryLabels(data: Dataset): Int8Array {
  const label = labelsOf(data);
  if (data.digits) return Int8Array.from(label, (digit) => (digit % 2 === 1 ? 1 : -1));
  const distinct = [...new Set(label)].sort((a, b) => a - b);
  if (distinct.length !== 2) {
    throw new UsageError(`data set ${data.name} has ${distinct.length} distinct labels; binary classification needs 2`);
  }
  return Int8Array.from(label, (value) => (value === distinct[0] ? -1 : 1));
}
