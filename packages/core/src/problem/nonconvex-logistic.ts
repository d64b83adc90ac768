import type { Dataset } from '../data/dataset.js';
import type { Shards } from '../data/split.js';
import { UsageError } from '../errors.js';
import type { Oracle, ProblemFamily } from './problem.js';

/** max |ℓ″(t)| of ℓ(t) = (1 − σ(t))². */
const CURVATURE = 0.15405;

/**
 * Binary classification with a non-convex loss [MARINA, problem (11)]:
 *
 *   f_i(x) = (1/m) Σ_j (1 − σ(y_j a_jᵀx))² + (λ/2)‖x‖²,  σ(t) = 1/(1 + e^{−t}),  y_j = ±1
 *
 * Parameters: `bias` puts a column of ones first (default true, d = features + 1); `lambda` is a number or a multiple of
 * L = max_ij L_ij written `1e-6*L` (the default, as in the paper's published script). L_ij = 0.15405‖a_ij‖²,
 * L_i = max_j L_ij + λ.
 */
export const nonconvexLogistic: ProblemFamily = {
  name: 'nonconvex-logistic',
  summary: 'non-convex binary classification (MARINA, problem 11)',
  data: 'samples',
  init: 'zeros',
  stepSize: () => 'theory',
  create(spec, input) {
    const data = input.data as Dataset;
    const shards = input.shards as Shards;
    const bias = spec.boolean('bias') ?? true;
    const lambdaText = spec.text('lambda') ?? '1e-6*L';
    const match = /^([0-9.]+(?:e[+-]?[0-9]+)?)(\*L)?$/i.exec(lambdaText);
    const factor = Number(match?.[1]);
    if (match === null || !Number.isFinite(factor)) {
      throw spec.bad('lambda', lambdaText, 'a number ≥ 0 or a multiple of L such as 1e-6*L');
    }
    spec.done();

    const sign = binaryLabels(data);
    const perSample = (s: number) => CURVATURE * (squaredRowNorm(data, s) + (bias ? 1 : 0));
    let L = 0;
    for (const s of shards.order) L = Math.max(L, perSample(s));
    const lambda = match[2] === undefined ? factor : factor * L;
    const dimension = data.features + (bias ? 1 : 0);
    // f = (1/n) Σ f_i is the mean over all samples in use even when shard sizes differ by one
    const weight = (shards.start.length - 1) / shards.samples;

    return {
      dimension,
      oracle(worker): Oracle {
        const rows = shards.order.subarray(shards.start[worker], shards.start[worker + 1]);
        let largest = 0;
        for (const s of rows) largest = Math.max(largest, perSample(s));
        return {
          smoothness: largest * weight * rows.length + lambda,
          gradient: (x, out) => gradient(data, sign, rows, weight, bias ? 1 : 0, lambda, x, out),
        };
      },
    };
  },
};

function gradient(
  data: Dataset,
  sign: Int8Array,
  rows: Int32Array,
  weight: number,
  offset: 0 | 1,
  lambda: number,
  x: Float64Array,
  out: Float64Array,
): number {
  const { rowStart, column, value, scale } = data;
  let squares = 0;
  for (let i = 0; i < x.length; i++) {
    squares += x[i] * x[i];
    out[i] = lambda * x[i];
  }
  let loss = 0;
  for (let r = 0; r < rows.length; r++) {
    const s = rows[r];
    const end = rowStart[s + 1];
    let product = 0;
    for (let k = rowStart[s]; k < end; k++) product += value[k] * x[column[k] + offset];
    product *= scale;
    if (offset === 1) product += x[0];
    const y = sign[s];
    const miss = 1 / (1 + Math.exp(y * product)); // 1 − σ(y aᵀx)
    loss += miss * miss;
    const slope = weight * -2 * y * miss * miss * (1 - miss);
    if (offset === 1) out[0] += slope;
    const scaled = slope * scale;
    for (let k = rowStart[s]; k < end; k++) out[column[k] + offset] += scaled * value[k];
  }
  return weight * loss + 0.5 * lambda * squares;
}

function squaredRowNorm({ rowStart, value, scale }: Dataset, s: number): number {
  let sum = 0;
  for (let k = rowStart[s]; k < rowStart[s + 1]; k++) sum += value[k] * value[k];
  return sum * scale * scale;
}

/** Labels as ±1. Two distinct values map to −1 and +1 in their order; the digits of MNIST map to −1 (even) and +1 (odd). */
function binaryLabels(data: Dataset): Int8Array {
  const distinct = [...new Set(data.label)].sort((a, b) => a - b);
  if (data.digits) return Int8Array.from(data.label, (digit) => (digit % 2 === 1 ? 1 : -1));
  if (distinct.length !== 2) {
    throw new UsageError(`data set ${data.name} has ${distinct.length} distinct labels; binary classification needs 2`);
  }
  return Int8Array.from(data.label, (label) => (label === distinct[0] ? -1 : 1));
}
