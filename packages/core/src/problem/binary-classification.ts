import { type Dataset, labelsOf } from '../data/dataset.js';
import { shardOf, shardWeight } from '../data/split.js';
import { UsageError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Spec } from '../spec.js';
import { ANY_PRECISION, type Vector } from '../vector.js';
import { fromLabels, fromSamples, labelsFor, type SampleData } from './from-samples.js';
import { gramBounds } from './gram.js';
import {
  type Facts,
  type Oracle,
  type Predictions,
  type Problem,
  type ProblemFamily,
  type ProblemInput,
  smoothnessFrom,
} from './problem.js';
import { readLambda } from './regulariser.js';
import { withSimilarity } from './similarity.js';
import { ShardRows, squaredRowNorms } from './sparse-rows.js';

/** A loss ℓ of the margin t = y aᵀx. */
export interface MarginLoss {
  /** max |ℓ″|. */
  readonly curvature: number;
  /** Numbers that ℓ″ lies between. */
  readonly range: readonly [low: number, high: number];
  /**
   * Writes factor · y_r ℓ′(t_r) over each a_rᵀx in `products` and returns factor · Σ ℓ(t_r), t_r = y_r a_rᵀx. Both arrays lie in
   * the memory of `kernels`.
   */
  slopes(products: Float64Array, signs: Float64Array, factor: number, kernels: Kernels): number;
  /** λ when none is given, in the grammar of the parameter. */
  readonly lambda: string;
  /** Whether ℓ is convex, so that λ is a constant of strong convexity. */
  readonly convex: boolean;
}

/** Samples, and bounds of their Gram matrices, found once for all threads. A model that is used needs none. */
export type MarginData = SampleData & { readonly bounds?: ReturnType<typeof gramBounds> | undefined };

/** {@link ProblemFamily.load} of a loss. */
export function loadMargins({ range }: MarginLoss): NonNullable<ProblemFamily<MarginData>['load']> {
  return async (spec, input) => {
    const loaded = await fromSamples.load(spec, input);
    const { data, shards } = loaded.shared;
    if (input.facts !== undefined) return loaded;
    return { ...loaded, shared: { data, shards, bounds: gramBounds(data, shards, offsetOf(spec), range) } };
  };
}

function offsetOf(spec: Spec): 0 | 1 {
  return (spec.boolean('bias') ?? true) ? 1 : 0;
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
  { data, shards, facts, bounds }: ProblemInput<MarginData>,
): Problem {
  const offset = offsetOf(spec);
  const lambdaFor = readLambda(spec, loss.lambda, facts);
  spec.rejectUnknown();

  const classes = facts === undefined ? classesOf(data) : classesIn(facts);
  const labels = labelsFor(facts, data);
  const sign = fromLabels(facts, labels, (all) => signs(data.name, all, classes));
  const workers = shards.start.length - 1;
  const norms = squaredRowNorms(data, offset);
  const steepest = Array.from({ length: workers }, (_, i) => {
    let largest = 0;
    for (const s of shardOf(shards, i)) largest = Math.max(largest, norms[s]);
    return loss.curvature * largest;
  });
  const lambda = lambdaFor(Math.max(...steepest));
  const weight = (worker: number) => shardWeight(shards, worker);
  const perWorker = steepest.map((L, i) => L * weight(i) + lambda);
  const constants = withSimilarity(smoothnessFrom(perWorker, perWorker), bounds?.distances, lambda);
  const { estimated = [] } = constants;

  return {
    dimension: data.features + offset,
    tensors: [...(offset === 1 ? [{ name: 'bias', shape: [1] }] : []), { name: 'weights', shape: [data.features] }],
    lowerBound: 0,
    metrics: [{ name: 'accuracy', better: 'higher' }],
    precisions: ANY_PRECISION,
    facts: {
      features: data.features,
      lambda,
      negative: classes.negative,
      positive: classes.positive,
      odd: classes.odd,
    },
    smoothness: loss.convex && lambda > 0 ? { ...constants, mu: lambda, estimated: [...estimated, 'mu'] } : constants,
    oracle(worker, kernels) {
      const shard = shardOf(shards, worker);
      const rows = new ShardRows(kernels, data, shard, offset);
      const local = fromLabels(facts, labels, () => {
        const all = sign();
        const own = kernels.allocate(shard.length).values;
        for (const [r, s] of shard.entries()) own[r] = all[s];
        return own;
      });
      return new ClassificationOracle(kernels, loss, rows, local, classes, weight(worker), lambda, perWorker[worker]);
    },
  };
}

class ClassificationOracle implements Oracle {
  readonly samples: number;
  readonly sampleSmoothness: number;
  #batchSigns: Float64Array = new Float64Array(0);

  constructor(
    private readonly kernels: Kernels,
    private readonly loss: MarginLoss,
    private readonly rows: ShardRows,
    /** y_j of each local sample, in the memory of the kernels. */
    private readonly sign: () => Float64Array,
    private readonly classes: Classes,
    private readonly weight: number,
    private readonly lambda: number,
    readonly smoothness: number,
  ) {
    this.samples = rows.count;
    this.sampleSmoothness = smoothness;
  }

  gradient(x: Vector, out: Vector): number {
    return this.#mean(undefined, x, out);
  }

  batchGradient(x: Vector, batch: Int32Array, out: Vector): number {
    return this.#mean(batch, x, out);
  }

  /** n m_i/N times the share of the shard's samples whose label is predicted. */
  metrics(x: Float64Array, out: Float64Array): void {
    const { rows, weight } = this;
    const sign = this.sign();
    const products = rows.multiply(undefined, x);
    let correct = 0;
    for (let r = 0; r < sign.length; r++) if (products[r] > 0 === sign[r] > 0) correct++;
    out[0] = (weight * correct) / sign.length;
  }

  /** The label predicted, and 1/(1 + exp(−aᵀx)), how probable the positive class is by the model. */
  predict(x: Float64Array): Predictions {
    const { negative, positive } = this.classes;
    const products = this.rows.multiply(undefined, x);
    return {
      label: Float64Array.from(products, (t) => (t > 0 ? positive : negative)),
      probability: Float64Array.from(products, (t) => 1 / (1 + Math.exp(-t))),
    };
  }

  /** y_j of the samples of a batch, or of all. */
  #signsOf(batch: Int32Array | undefined): Float64Array {
    const sign = this.sign();
    if (batch === undefined) return sign;
    if (this.#batchSigns.length < batch.length) this.#batchSigns = this.kernels.allocate(batch.length).values;
    for (let r = 0; r < batch.length; r++) this.#batchSigns[r] = sign[batch[r]];
    return this.#batchSigns;
  }

  /** The mean of the f_ij over `batch`, or over all: its gradient to `out`, its value returned. */
  #mean(batch: Int32Array | undefined, x: Vector, out: Vector): number {
    const { loss, rows, lambda } = this;
    const products = rows.multiply(batch, x);
    const value = loss.slopes(products, this.#signsOf(batch), this.weight / products.length, this.kernels);
    return value + 0.5 * lambda * rows.combine(batch, products, lambda, out);
  }
}

/** Which labels stand for −1 and +1. */
interface Classes {
  readonly negative: number;
  readonly positive: number;
  /** Labels are digits, and count by being odd: 0 for an even one, 1 for an odd one. */
  readonly odd: boolean;
}

/** Two distinct labels stand for −1 and +1 in their order; of the digits of MNIST the even ones for −1 and the odd ones for +1. */
function classesOf(data: Dataset): Classes {
  if (data.digits) return { negative: 0, positive: 1, odd: true };
  const distinct = [...new Set(labelsOf(data))].sort((a, b) => a - b);
  if (distinct.length !== 2) {
    throw new UsageError(`data set ${data.name} has ${distinct.length} distinct labels; binary classification needs 2`);
  }
  const [negative, positive] = distinct;
  return { negative, positive, odd: false };
}

function classesIn({ negative, positive, odd }: Facts): Classes {
  if (typeof negative === 'number' && typeof positive === 'number' && typeof odd === 'boolean') {
    return { negative, positive, odd };
  }
  throw new UsageError('the facts of a model of binary classification are negative, positive and odd');
}

/** The labels as ±1. @throws UsageError for one that is neither class's */
function signs(name: string, labels: Float64Array, { negative, positive, odd }: Classes): Int8Array {
  return Int8Array.from(labels, (label) => {
    const value = odd ? label % 2 : label;
    if (value === positive) return 1;
    if (value === negative) return -1;
    throw new UsageError(`data set ${name} has the label ${label}; the model knows ${negative} and ${positive}`);
  });
}
