import type { Dataset } from '../data/dataset.js';
import { shardOf, shardWeight } from '../data/split.js';
import { UsageError } from '../errors.js';
import type { DenseMatrix, Kernels, Region, SparseMatrix } from '../kernels/kernels.js';
import { ANY_PRECISION, type Vector } from '../vector.js';
import { fromLabels, fromSamples, labelsFor, type SampleData } from './from-samples.js';
import { gramBounds } from './gram.js';
import { type Facts, type Oracle, type Predictions, type ProblemFamily, smoothnessFrom } from './problem.js';
import { readLambda } from './regulariser.js';
import { withSimilarity } from './similarity.js';
import { shardMatrix } from './sparse-rows.js';

/** Samples, and what their constants are made of, found once for all threads. A model that is used needs none. */
type ClassData = SampleData & { readonly bounds?: ReturnType<typeof gramBounds> | undefined };

const MAX_CLASSES = 10_000;
const MAX_DIMENSION = 1e8;

/**
 * The largest eigenvalue of the Hessian of log Σ exp(z_c) is at most ½: that Hessian is at most ½ (I − 11ᵀ/K) [D. Böhning,
 * Multinomial logistic regression algorithm, Annals of the Institute of Statistical Mathematics 44 (1992) 197–200].
 */
const CURVATURE = 0.5;
/** All its eigenvalues. */
const CURVATURES = [0, CURVATURE] as const;

/**
 * Multi-class logistic regression (softmax) on K classes, the distinct labels in ascending order; y_j is the number of a
 * sample's class:
 *
 *   f_i(x) = (1/m_i) Σ_j w (log Σ_c exp(z_jc) − z_jy) + (λ/2)‖x‖²,  z_j = W a_j + b,  w = n m_i/N,  y = y_j
 *
 * x holds W (K × features) row-major, then b (K). Parameters: `bias`, whether there is a b (default true), and `lambda`, a number
 * or a multiple of L = max_ij ½‖a_ij‖², ‖a_ij‖² with the one of the bias, written `1e-3*L` (default `1e-5*L`; λ counts b too).
 *
 * Strongly convex, μ = λ > 0. Bounds: L_ij = ½ w ‖a_ij‖² + λ and L_i = ½ λ_max((w/m_i) Σ_j a_ij a_ijᵀ) + λ, since the Hessian of
 * f_ij is w H ⊗ a_ij a_ijᵀ + λI with H ≤ ½ I.
 *
 * The metric `accuracy` is the share of all samples in use whose label is predicted, that of the class with the largest z_c; of
 * equal ones the first.
 */
export const softmax: ProblemFamily<ClassData> = {
  ...fromSamples,
  name: 'softmax',
  summary: 'multi-class logistic regression (convex)',
  init: 'zeros',
  stepSize: () => 'theory',
  async load(spec, input) {
    const loaded = await fromSamples.load(spec, input);
    const { data, shards } = loaded.shared;
    if (input.facts !== undefined) return loaded;
    return {
      ...loaded,
      shared: { data, shards, bounds: gramBounds(data, shards, offsetOf(spec.boolean('bias')), CURVATURES) },
    };
  },
  create(spec, { data, shards, facts, bounds: found }) {
    const offset = offsetOf(spec.boolean('bias'));
    const lambdaFor = readLambda(spec, '1e-5*L', facts);
    spec.rejectUnknown();
    const labels = labelsFor(facts, data);
    const classes = facts === undefined ? classesOf(data.name, labels ?? []) : classesIn(facts);
    const { features } = data;
    const dimension = classes.length * (features + offset);
    if (dimension > MAX_DIMENSION) {
      const size = `${classes.length} classes and ${features} features`;
      throw new UsageError(`softmax takes at most ${MAX_DIMENSION} weights; data set ${data.name} has ${size}`);
    }
    const classNumbers = fromLabels(facts, labels, (all) => numbersOf(data.name, all, classes));
    const bounds = facts === undefined ? (found ?? gramBounds(data, shards, offset, CURVATURES)) : undefined;
    const lambda = lambdaFor(bounds === undefined ? 0 : CURVATURE * Math.max(...bounds.largestRow));
    const perWorker = bounds?.perWorker.map(({ value }) => CURVATURE * value + lambda);
    const perSample = bounds?.largestRow.map((square, i) => CURVATURE * shardWeight(shards, i) * square + lambda);
    const scratches = new WeakMap<Kernels, Scratch>();
    return {
      dimension,
      tensors: [
        { name: 'W', shape: [classes.length, features] },
        ...(offset === 1 ? [{ name: 'b', shape: [classes.length] }] : []),
      ],
      lowerBound: 0,
      metrics: [{ name: 'accuracy', better: 'higher' }],
      precisions: ANY_PRECISION,
      facts: { features, lambda, labels: classes },
      ...(perWorker && {
        smoothness: {
          ...withSimilarity(smoothnessFrom(perWorker, perSample), bounds?.distances, lambda),
          mu: lambda > 0 ? lambda : undefined,
        },
      }),
      oracle(worker, kernels) {
        const scratch = scratches.get(kernels) ?? new Scratch(kernels, features, classes.length);
        scratches.set(kernels, scratch);
        const shard = shardOf(shards, worker);
        return new SoftmaxOracle(
          kernels,
          scratch,
          data,
          shard,
          classes,
          fromLabels(facts, labels, () => {
            const all = classNumbers();
            return Int32Array.from(shard, (s) => all[s]);
          }),
          offset,
          shardWeight(shards, worker),
          lambda,
          perWorker?.[worker],
          perSample?.[worker],
        );
      },
    };
  },
};

/** Scores at a time: few enough to stay in a cache. */
const BLOCK = 2 ** 15;

/** Work space of one thread, used by one gradient at a time: a row for each feature, with a column for each class. */
class Scratch {
  /** Classes, padded to an even number. */
  readonly width: number;
  /** Samples in a block. */
  readonly block: number;
  /** Wᵀ and b. */
  readonly weights: Region;
  readonly bias: Region;
  readonly gradient: Region;
  readonly biasGradient: Float64Array;
  /** z of a block of samples, a row each. */
  readonly scores: Region;
  /** A batch's part of a block. */
  readonly which: Int32Array;

  constructor(kernels: Kernels, features: number, classes: number) {
    this.width = classes + (classes % 2);
    this.block = Math.max(1, Math.floor(BLOCK / this.width));
    this.weights = kernels.allocate(features * this.width);
    this.bias = kernels.allocate(this.width);
    this.gradient = kernels.allocate(features * this.width);
    this.biasGradient = new Float64Array(this.width);
    this.scores = kernels.allocate(this.block * this.width);
    this.which = kernels.allocateInt32(this.block);
  }
}

class SoftmaxOracle implements Oracle {
  readonly samples: number;
  readonly #matrix: SparseMatrix | DenseMatrix;
  readonly #scale: number;
  readonly #features: number;

  constructor(
    private readonly kernels: Kernels,
    private readonly scratch: Scratch,
    data: Dataset,
    shard: Int32Array,
    private readonly labels: readonly number[],
    /** The class of each local sample. */
    private readonly classNumbers: () => Int32Array,
    private readonly offset: 0 | 1,
    private readonly weight: number,
    private readonly lambda: number,
    readonly smoothness: number | undefined,
    readonly sampleSmoothness: number | undefined,
  ) {
    this.#matrix = shardMatrix(kernels, data, shard);
    this.#scale = data.scale;
    this.#features = data.features;
    this.samples = shard.length;
  }

  gradient(x: Vector, out: Vector): number {
    return this.#mean(undefined, x, out);
  }

  batchGradient(x: Vector, batch: Int32Array, out: Vector): number {
    return this.#mean(batch, x, out);
  }

  /** n m_i/N times the share of the shard's samples whose label is predicted. */
  metrics(x: Float64Array, out: Float64Array): void {
    const numbers = this.classNumbers();
    const { width } = this.scratch;
    const K = this.labels.length;
    let correct = 0;
    this.#eachBlock(undefined, x, (scores, from, count) => {
      for (let r = 0; r < count; r++) if (largest(scores, r * width, K) === numbers[from + r]) correct++;
    });
    out[0] = (this.weight * correct) / this.samples;
  }

  /** The label predicted, and how probable it is by the model. */
  predict(x: Float64Array): Predictions {
    const { width } = this.scratch;
    const K = this.labels.length;
    const label = new Float64Array(this.samples);
    const probability = new Float64Array(this.samples);
    this.#eachBlock(undefined, x, (scores, from, count) => {
      for (let r = 0; r < count; r++) {
        const at = r * width;
        const best = largest(scores, at, K);
        label[from + r] = this.labels[best];
        let sum = 0;
        for (let c = 0; c < K; c++) sum += Math.exp(scores[at + c] - scores[at + best]);
        probability[from + r] = 1 / sum;
      }
    });
    return { label, probability };
  }

  /** The mean of the f_ij over `batch`, or over all: its gradient to `out`, its value returned. */
  #mean(batch: Int32Array | undefined, x: Vector, out: Vector): number {
    const numbers = this.classNumbers();
    const { kernels, scratch } = this;
    const { width, gradient, biasGradient } = scratch;
    const K = this.labels.length;
    const factor = this.weight / (batch?.length ?? this.samples);
    gradient.values.fill(0);
    biasGradient.fill(0);
    let sum = 0;
    this.#eachBlock(batch, x, (scores, from, count, which) => {
      for (let r = 0; r < count; r++) {
        const own = numbers[batch === undefined ? from + r : batch[from + r]];
        sum += slopes(scores, r * width, K, own, factor);
        for (let c = 0; c < K; c++) biasGradient[c] += scores[r * width + c];
      }
      const first = which === undefined ? from : 0;
      kernels.addOuterRows(this.#matrix, which, first, count, scratch.scores, width, this.#scale, gradient);
    });
    return factor * sum + 0.5 * this.lambda * this.#finish(x, out);
  }

  /** Calls `visit` with the scores of one block of samples after another: those of `batch`, or all. */
  #eachBlock(
    batch: Int32Array | undefined,
    x: Vector,
    visit: (scores: Float64Array, from: number, count: number, which: Int32Array | undefined) => void,
  ): void {
    const { kernels, scratch } = this;
    const { width, block, weights, bias, scores } = scratch;
    const features = this.#features;
    const K = this.labels.length;
    for (let c = 0, k = 0; c < K; c++) {
      for (let j = 0, to = c; j < features; j++, k++, to += width) weights.values[to] = x[k];
      bias.values[c] = this.offset === 1 ? x[K * features + c] : 0;
    }
    const total = batch?.length ?? this.samples;
    for (let from = 0; from < total; from += block) {
      const count = Math.min(block, total - from);
      if (batch !== undefined) scratch.which.set(batch.subarray(from, from + count));
      const which = batch && scratch.which;
      const first = batch === undefined ? from : 0;
      kernels.scoreRows(this.#matrix, which, first, count, weights, width, this.#scale, bias, scores);
      visit(scores.values, from, count, which);
    }
  }

  /** Writes λx and the gradient in the scratch to `out`; returns ‖x‖². */
  #finish(x: Vector, out: Vector): number {
    const { lambda, scratch } = this;
    const { width, gradient, biasGradient } = scratch;
    const features = this.#features;
    const K = this.labels.length;
    let squares = 0;
    for (let c = 0, k = 0; c < K; c++) {
      for (let j = 0, from = c; j < features; j++, k++, from += width) {
        squares += x[k] * x[k];
        out[k] = lambda * x[k] + gradient.values[from];
      }
    }
    for (let k = K * features, c = 0; k < x.length; k++, c++) {
      squares += x[k] * x[k];
      out[k] = lambda * x[k] + biasGradient[c];
    }
    return squares;
  }
}

/** Writes factor (p − e_own) over the K scores from `at` on, p their softmax; returns log Σ exp(z_c) − z_own. */
function slopes(scores: Float64Array, at: number, K: number, own: number, factor: number): number {
  let top = scores[at];
  for (let c = 1; c < K; c++) top = Math.max(top, scores[at + c]);
  const miss = top - scores[at + own];
  let sum = 0;
  for (let c = 0; c < K; c++) {
    const e = Math.exp(scores[at + c] - top);
    scores[at + c] = e;
    sum += e;
  }
  for (let c = 0; c < K; c++) scores[at + c] *= factor / sum;
  scores[at + own] -= factor;
  return miss + Math.log(sum);
}

/** The first of the largest of the K scores from `at` on. */
function largest(scores: Float64Array, at: number, K: number): number {
  let best = 0;
  for (let c = 1; c < K; c++) if (scores[at + c] > scores[at + best]) best = c;
  return best;
}

function offsetOf(bias: boolean | undefined): 0 | 1 {
  return (bias ?? true) ? 1 : 0;
}

/** The distinct labels, ascending. @throws UsageError for one alone, or too many */
function classesOf(name: string, labels: ArrayLike<number>): number[] {
  const distinct = new Set<number>();
  for (let s = 0; s < labels.length && distinct.size <= MAX_CLASSES; s++) distinct.add(labels[s]);
  if (distinct.size > MAX_CLASSES) {
    throw new UsageError(
      `data set ${name} has more than ${MAX_CLASSES} distinct labels; softmax takes no more, and for numbers there is least-squares`,
    );
  }
  if (distinct.size < 2) {
    throw new UsageError(`data set ${name} has the label ${labels[0]} alone; softmax needs 2 or more`);
  }
  return [...distinct].sort((a, b) => a - b);
}

function classesIn({ labels }: Facts): readonly number[] {
  const ascend = typeof labels === 'object' && labels.every((label, c) => c === 0 || label > labels[c - 1]);
  if (ascend && labels.length >= 2) return labels;
  throw new UsageError('the facts of a model of softmax have its labels, two numbers or more that ascend');
}

/** The class of every sample. @throws UsageError for a label that is no class's */
function numbersOf(name: string, labels: Float64Array, classes: readonly number[]): Int32Array {
  const numbers = new Map(classes.map((label, c) => [label, c]));
  return Int32Array.from(labels, (label) => {
    const number = numbers.get(label);
    if (number !== undefined) return number;
    const known = classes.length <= 20 ? classes.join(', ') : `${classes.length} others`;
    throw new UsageError(`data set ${name} has the label ${label}; the model knows ${known}`);
  });
}
