import { type Shards, shardOf, shardWeight } from '../data/split.js';
import { ANY_PRECISION, squaredNorm, type Vector } from '../vector.js';
import { fromLabels, fromSamples, labelsFor, type SampleData } from './from-samples.js';
import { type GramSpectra, gramSpectra } from './gram.js';
import { type Oracle, type Predictions, type ProblemFamily, rootMeanSquare, type Smoothness } from './problem.js';
import { readLambda } from './regulariser.js';
import { ShardRows } from './sparse-rows.js';

/** Samples, and what their constants are made of, found once for all threads. A model that is used needs none. */
type RegressionData = SampleData & { readonly spectra?: GramSpectra | undefined };

/**
 * Least squares, with λ > 0 ridge regression, for labels y that are any numbers:
 *
 *   f_i(x) = (1/m_i) Σ_j w ½ (a_jᵀx − y_j)² + (λ/2)‖x‖²,  w = n m_i/N
 *
 * Parameters: `bias` puts a column of ones first (default true, d = features + 1), and `lambda` is a number or a multiple of
 * L = max_ij ‖a_ij‖² written `1e-6*L` (default 0).
 *
 * A quadratic: with the Hessians H_i = (w/m_i) Σ_j a_j a_jᵀ + λI and their mean H, L = ‖H‖, L_i = ‖H_i‖,
 * L_A = √2 max‖H_i − H‖, L_B = √2 (1/n) Σ‖H_i‖ [MARINA-P, Theorem 4.9], L_±² = λ_max((1/n) Σ (H_i − H)²), μ = λ_min(H). L_ij =
 * w‖a_ij‖² + λ. They are exact where finding them takes seconds, otherwise bounds, and named as estimated: `gramSpectra`.
 *
 * x is the bias, if there is one, then a weight for each feature. The metric `r2` is R² over all samples in use,
 * 1 − Σ (a_jᵀx − y_j)²/Σ (y_j − ȳ)².
 */
export const leastSquares: ProblemFamily<RegressionData> = {
  ...fromSamples,
  name: 'least-squares',
  summary: 'least squares and ridge regression, a convex quadratic',
  init: 'zeros',
  stepSize: () => 'theory',
  async load(spec, input) {
    const loaded = await fromSamples.load(spec, input);
    const { data, shards } = loaded.shared;
    if (input.facts !== undefined) return loaded;
    return { ...loaded, shared: { data, shards, spectra: gramSpectra(data, shards, offsetOf(spec.boolean('bias'))) } };
  },
  create(spec, { data, shards, facts, spectra: found }) {
    const offset = offsetOf(spec.boolean('bias'));
    const lambdaFor = readLambda(spec, '0', facts);
    spec.rejectUnknown();
    const labels = labelsFor(facts, data);
    const spectra = facts === undefined ? (found ?? gramSpectra(data, shards, offset)) : undefined;
    const lambda = lambdaFor(spectra === undefined ? 0 : Math.max(...spectra.largestRow));
    const dimension = data.features + offset;
    const perSample = spectra?.largestRow.map((square, i) => shardWeight(shards, i) * square + lambda);
    const smoothness = spectra && perSample && constants(spectra, perSample, lambda, dimension);
    const variance = labels && varianceOf(labels, shards);
    return {
      dimension,
      tensors: [...(offset === 1 ? [{ name: 'bias', shape: [1] }] : []), { name: 'weights', shape: [data.features] }],
      lowerBound: 0,
      metrics: [{ name: 'r2', better: 'higher' }],
      precisions: ANY_PRECISION,
      facts: { features: data.features, lambda },
      ...(smoothness && { smoothness }),
      oracle(worker, kernels) {
        const shard = shardOf(shards, worker);
        return new LeastSquaresOracle(
          new ShardRows(kernels, data, shard, offset),
          fromLabels(facts, labels, (all) => Float64Array.from(shard, (s) => all[s])),
          shardWeight(shards, worker),
          lambda,
          variance,
          smoothness?.perWorker[worker],
          perSample?.[worker],
        );
      },
    };
  },
};

class LeastSquaresOracle implements Oracle {
  readonly samples: number;

  constructor(
    private readonly rows: ShardRows,
    /** y_j of each local sample. */
    private readonly label: () => Float64Array,
    private readonly weight: number,
    private readonly lambda: number,
    /** (1/N) Σ (y − ȳ)² over all samples in use. */
    private readonly variance: number | undefined,
    readonly smoothness: number | undefined,
    readonly sampleSmoothness: number | undefined,
  ) {
    this.samples = rows.count;
  }

  gradient(x: Vector, out: Vector): number {
    return this.#mean(undefined, x, out);
  }

  batchGradient(x: Vector, batch: Int32Array, out: Vector): number {
    return this.#mean(batch, x, out);
  }

  /**
   * 1 − n Σ_j (a_jᵀx − y_j)²/(N variance); where all labels are equal 1 for exact predictions and 0 for others, as scikit-learn
   * has it.
   */
  metrics(x: Float64Array, out: Float64Array): void {
    const { variance = 0, weight } = this;
    const misses = this.#misses(undefined, x);
    const squares = (weight * squaredNorm(misses)) / misses.length;
    out[0] = variance > 0 ? 1 - squares / variance : squares === 0 ? 1 : 0;
  }

  predict(x: Float64Array): Predictions {
    return { value: this.rows.multiply(undefined, x).slice() };
  }

  /** a_jᵀx − y_j of the samples in `batch`, or of all, where `ShardRows.combine` takes its factors. */
  #misses(batch: Int32Array | undefined, x: Vector): Float64Array {
    const { rows } = this;
    const label = this.label();
    const products = rows.multiply(batch, x);
    for (let r = 0; r < products.length; r++) products[r] -= label[batch === undefined ? r : batch[r]];
    return products;
  }

  /** The mean of the f_ij over `batch`, or over all: its gradient to `out`, its value returned. */
  #mean(batch: Int32Array | undefined, x: Vector, out: Vector): number {
    const { rows, lambda } = this;
    const misses = this.#misses(batch, x);
    const factor = this.weight / misses.length;
    const value = 0.5 * factor * squaredNorm(misses);
    for (let r = 0; r < misses.length; r++) misses[r] *= factor;
    return value + 0.5 * lambda * rows.combine(batch, misses, lambda, out);
  }
}

function offsetOf(bias: boolean | undefined): 0 | 1 {
  return (bias ?? true) ? 1 : 0;
}

/** @param perSample max_j L_ij of each worker */
function constants(
  { whole, perWorker: own, trace, difference, variance, min }: GramSpectra,
  perSample: readonly number[],
  lambda: number,
  dimension: number,
): Smoothness {
  const perWorker = own.map(({ value }) => value + lambda);
  const max = Math.max(...perWorker);
  const mean = perWorker.reduce((sum, L) => sum + L, 0) / perWorker.length;
  const mu = min.value + lambda;
  const estimated: (keyof Omit<Smoothness, 'estimated'>)[] = [];
  if (!whole.exact) estimated.push('f');
  if (!own.every(({ exact }) => exact)) estimated.push('perWorker', 'rms', 'max', 'LB');
  if (difference === undefined) estimated.push('LA', ...(estimated.includes('LB') ? [] : ['LB' as const]));
  if (variance?.exact === false) estimated.push('LPlusMinus');
  if (!min.exact && mu > 0) estimated.push('mu');
  return {
    f: whole.value + lambda,
    perWorker,
    rms: rootMeanSquare(perWorker),
    max,
    // without the difference as for any f_i: MARINA-P, Theorem 4.4
    LA: difference === undefined ? max : Math.SQRT2 * difference,
    LB: difference === undefined ? 0 : Math.SQRT2 * mean,
    ...(variance && { LPlusMinus: variance.value }),
    sampleRms: rootMeanSquare(perSample),
    trace: trace + lambda * dimension,
    mu: mu > 0 ? mu : undefined,
    ...(estimated.length > 0 && { estimated }),
  };
}

/** (1/N) Σ (y − ȳ)² over the samples in use. */
function varianceOf(labels: Float64Array, { order, samples }: Shards): number {
  const mean = order.reduce((sum, s) => sum + labels[s], 0) / samples;
  return order.reduce((sum, s) => sum + (labels[s] - mean) ** 2, 0) / samples;
}
