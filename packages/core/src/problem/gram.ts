import { type Dataset, RowReader } from '../data/dataset.js';
import { type Shards, shardOf } from '../data/split.js';
import { usedColumns } from '../data/used-columns.js';
import { type Extremes, lanczos } from './lanczos.js';
import { squaredRowNorms } from './sparse-rows.js';

/**
 * The matrices G_i = (n/N) Σ_j a_ij a_ijᵀ of the workers, with the one of the bias in every a_ij, and their mean
 * G = (1/N) Σ_ij a_ij a_ijᵀ: what smoothness constants of functions of a_ijᵀx are made of.
 */
export interface GramBounds {
  /** max_j ‖a_ij‖² of each worker. */
  readonly largestRow: readonly number[];
  /** λ_max(G_i) or more. */
  readonly perWorker: readonly Bound[];
}

/**
 * Of functions with Hessians Σ_j φ_ij a_ij a_ijᵀ n/N, low ≤ φ_ij ≤ high, which lie between low G_i and high G_i: how far they are
 * from M = ½ (low + high) G at most.
 */
export interface GramDistances {
  /** sup ‖∇²f_i − M‖ or more. */
  readonly perWorker: readonly number[];
  /** ‖M‖ or more. */
  readonly reference: number;
}

export interface GramSpectra extends GramBounds {
  readonly trace: number;
  /** λ_max(G) or more. */
  readonly whole: Bound;
  /** λ_min(G) or less. */
  readonly min: Bound;
  /** max_i ‖G_i − G‖; undefined when it would have taken too long. */
  readonly difference: number | undefined;
  /** √λ_max((1/n) Σ (G_i − G)²) or more; undefined when it would have taken too long. */
  readonly variance: Bound | undefined;
}

interface Bound {
  readonly value: number;
  /** Right to rounding. */
  readonly exact: boolean;
}

/** Multiplications that go into each of the constants at most, and into the matrices: some two seconds in all. */
const EFFORT = 1e9;
/** Products that an eigenvalue takes, about, and at most. */
const USUAL_STEPS = 40;
/** Those of an eigenvalue that need not be exact. */
const ROUGH_STEPS = 12;
const MAX_STEPS = 400;
/** Numbers that the vectors of an iteration, and all matrices, take at most: 256 MiB. */
const MAX_NUMBERS = 2 ** 25;
/** What an exact eigenvalue may be off by, of the size of the largest. */
const EXACT = 1e-13;
/** What a bound may be too large by. */
const ROUGH = 1e-3;

/**
 * Bounds that are at most 0.1 per cent too large, where so much can be had in bounded time.
 * @param range low and high of {@link GramDistances}, which are undefined when they would have taken too long
 */
export function gramBounds(
  all: Dataset,
  shards: Shards,
  offset: 0 | 1,
  range: readonly [low: number, high: number],
): GramBounds & { readonly distances: GramDistances | undefined } {
  const { data, largestRow, traces, operators, d } = prepared(all, shards, offset, 0.3);
  const workers = operators.length;
  const perWorker = operators.map((operator, i) => largest(operator, d, traces[i], ROUGH, workers).value);
  const mean = operatorOf(data, shards.order, offset, 1 / shards.samples, d * d, 0.3 * (workers + 1));
  const cost = operators.reduce((sum, operator) => sum + operator.cost + mean.cost, 0);
  const affordable = ROUGH_STEPS * cost <= EFFORT;
  const distances = affordable ? distancesFrom(operators, mean, d, range) : undefined;
  return { largestRow, perWorker: perWorker.map((value) => ({ value, exact: false })), distances };
}

/** The ends of high G_i − M and of M − low G_i; undefined when an iteration takes too many steps. */
function distancesFrom(
  operators: readonly Operator[],
  mean: Operator,
  d: number,
  [low, high]: readonly [low: number, high: number],
): GramDistances | undefined {
  const middle = (low + high) / 2;
  const scratch = new Float64Array(d);
  const settled = ({ max, min }: Extremes) => max.error <= ROUGH * Math.max(max.value, -min.value);
  /** λ_max(a G + b G_i) or more */
  const top = (a: number, b: number, own: Operator['multiply']): number => {
    const times = (v: Float64Array, out: Float64Array) => {
      mean.multiply(v, out);
      if (b !== 0) own(v, scratch);
      for (let j = 0; j < d; j++) out[j] = a * out[j] + b * scratch[j];
    };
    const found = lanczos(d, times, settled, Math.min(MAX_STEPS, MAX_NUMBERS / d));
    return found !== undefined && settled(found) ? Math.max(0, found.max.value + found.max.error) : Number.NaN;
  };
  const whole = top(1, 0, mean.multiply);
  const perWorker = operators.map(({ multiply }) =>
    Math.max(top(-middle, high, multiply), low === 0 ? middle * whole : top(middle, -low, multiply)),
  );
  return perWorker.some(Number.isNaN) ? undefined : { perWorker, reference: Math.abs(middle) * whole };
}

/** All of it, exact where that can be had in bounded time. */
export function gramSpectra(all: Dataset, shards: Shards, offset: 0 | 1): GramSpectra {
  const { data, largestRow, traces, operators, d } = prepared(all, shards, offset, 1);
  const workers = operators.length;
  const trace = traces.reduce((sum, t) => sum + t, 0) / workers;
  const perWorker = operators.map((operator, i) => largest(operator, d, traces[i], EXACT, workers));

  // its matrix is used for the differences of all workers
  const mean = operatorOf(data, shards.order, offset, 1 / shards.samples, d * d, workers + 1);
  const whole = largest(mean, d, trace, EXACT, 1);
  const min = smallest(all, shards.order, offset, mean, whole.value);
  const cost = operators.reduce((sum, operator) => sum + operator.cost + mean.cost, 0);
  const affordable = USUAL_STEPS * cost <= 2 * EFFORT;
  const difference = affordable ? largestDifference(operators, mean, d, whole.value) : undefined;
  const variance = affordable ? varianceOf(operators, mean, d, whole.value) : undefined;
  return { largestRow, trace, whole, perWorker, difference, variance, min };
}

/** A symmetric matrix as its products. */
interface Operator {
  /** Writes the product with `v` to `out`. */
  readonly multiply: (v: Float64Array, out: Float64Array) => void;
  /** Multiplications in a product. */
  readonly cost: number;
}

/** Of each worker max_j ‖a_ij‖², tr G_i and G_i, for `uses` eigenvalues; `data` and d without columns that are not used. */
function prepared(all: Dataset, shards: Shards, offset: 0 | 1, uses: number) {
  const workers = shards.start.length - 1;
  const norms = squaredRowNorms(all, offset);
  const data = usedColumns(all);
  const d = data.features + offset;
  const shard = Array.from({ length: workers }, (_, i) => shardOf(shards, i));
  const largestRow = shard.map((rows) => rows.reduce((most, s) => Math.max(most, norms[s]), 0));
  const traces = shard.map((rows) => (workers / shards.samples) * rows.reduce((sum, s) => sum + norms[s], 0));
  const entries = workers * d * d;
  const operators = shard.map((rows) => operatorOf(data, rows, offset, workers / shards.samples, entries, uses));
  return { data, largestRow, traces, operators, d };
}

/**
 * factor Σ_s a_s a_sᵀ, as a matrix where making it pays.
 * @param entries numbers that the matrices of all workers would take
 * @param uses eigenvalues that it is asked for, each of them exact
 */
function operatorOf(
  data: Dataset,
  rows: Int32Array,
  offset: 0 | 1,
  factor: number,
  entries: number,
  uses: number,
): Operator {
  const d = data.features + offset;
  let cost = 0;
  let making = 0;
  const row = new RowReader(data);
  for (const s of rows) {
    row.seek(s);
    const length = row.end - row.first + offset;
    cost += 2 * length;
    making += (length * length) / 2;
  }
  const pays = making + uses * USUAL_STEPS * d * d < uses * USUAL_STEPS * cost;
  const fits = making <= 2 * EFFORT && entries <= MAX_NUMBERS;
  if (pays && fits) return { multiply: dense(gram(data, rows, offset, factor), d), cost: d * d };
  return { multiply: products(data, rows, offset, factor), cost };
}

/** λ_max of a positive semidefinite matrix; its trace, which is never less, where the effort of one in `share` does not suffice. */
function largest({ multiply, cost }: Operator, d: number, trace: number, tolerance: number, share: number): Bound {
  const within = (part: number, { max }: Extremes) => max.error <= part * max.value;
  const found = lanczos(d, multiply, (ends) => within(tolerance, ends), steps(d, share * cost));
  if (found === undefined || !within(ROUGH, found)) return { value: trace, exact: false };
  return { value: Math.min(trace, found.max.value + found.max.error), exact: within(tolerance, found) };
}

function steps(d: number, cost: number): number {
  return Math.min(MAX_STEPS, EFFORT / cost, MAX_NUMBERS / d);
}

/** max ‖G_i − G‖, or undefined when an iteration takes too many steps. @param size λ_max(G) */
function largestDifference(
  operators: readonly Operator[],
  whole: Operator,
  d: number,
  size: number,
): number | undefined {
  const scratch = new Float64Array(d);
  // equal matrices differ by rounding
  const settled = (ends: Extremes) => {
    const { value, error } = longest(ends);
    return error <= EXACT * Math.max(value, 1e-3 * size);
  };
  let most = 0;
  for (const { multiply } of operators) {
    const minus = (v: Float64Array, out: Float64Array) => {
      multiply(v, out);
      whole.multiply(v, scratch);
      for (let j = 0; j < d; j++) out[j] -= scratch[j];
    };
    const found = lanczos(d, minus, settled, Math.min(MAX_STEPS, MAX_NUMBERS / d));
    if (found === undefined || !settled(found)) return undefined;
    const { value, error } = longest(found);
    most = Math.max(most, value + error);
  }
  return most;
}

/** √λ_max((1/n) Σ (G_i − G)²), or undefined when it takes too many steps. @param size λ_max(G) */
function varianceOf(operators: readonly Operator[], whole: Operator, d: number, size: number): Bound | undefined {
  const n = operators.length;
  if (n === 1) return { value: 0, exact: true };
  const [mean, own, image] = [new Float64Array(d), new Float64Array(d), new Float64Array(d)];
  // (1/n) Σ G_i u_i with u_i = (G_i − G) v, whose sum is 0
  const times = (v: Float64Array, out: Float64Array) => {
    whole.multiply(v, mean);
    out.fill(0);
    for (const { multiply } of operators) {
      multiply(v, own);
      for (let j = 0; j < d; j++) own[j] -= mean[j];
      multiply(own, image);
      for (let j = 0; j < d; j++) out[j] += image[j] / n;
    }
  };
  const rounding = d * Number.EPSILON * size * size;
  const settled = ({ max }: Extremes) => max.error <= Math.max(EXACT * max.value, rounding);
  const found = lanczos(d, times, settled, Math.min(MAX_STEPS, MAX_NUMBERS / d));
  if (found === undefined || !settled(found)) return undefined;
  const { value, error } = found.max;
  // of a square this small the root is not right to rounding
  const exact = value > 1e-6 * size * size;
  return { value: Math.sqrt(Math.max(0, value) + error + (exact ? 0 : rounding)), exact };
}

function longest({ min, max }: Extremes) {
  const [a, b] = [Math.abs(min.value), Math.abs(max.value)];
  return { value: Math.max(a, b), error: a > b ? min.error : max.error };
}

/** v ↦ factor Σ_s a_s ⟨a_s, v⟩ */
function products(data: Dataset, rows: Int32Array, offset: 0 | 1, factor: number): Operator['multiply'] {
  const row = new RowReader(data);
  const { column, value, scale } = row;
  return (v, out) => {
    out.fill(0);
    for (const s of rows) {
      row.seek(s);
      const { first, end, shift } = row;
      let sum = 0;
      for (let k = first; k < end; k++) sum += value[k] * v[offset + column[k - shift]];
      sum *= scale;
      if (offset === 1) {
        sum += v[0];
        out[0] += factor * sum;
      }
      sum *= factor * scale;
      for (let k = first; k < end; k++) out[offset + column[k - shift]] += sum * value[k];
    }
  };
}

/** The same as a matrix. */
function gram(data: Dataset, rows: Int32Array, offset: 0 | 1, factor: number): Float64Array {
  const d = data.features + offset;
  const matrix = new Float64Array(d * d);
  const row = new RowReader(data);
  const { scale } = row;
  // of one row, with the one of the bias
  const place = new Int32Array(d);
  const number = new Float64Array(d);
  number[0] = 1;
  for (const s of rows) {
    row.seek(s);
    let count: number = offset;
    for (let k = row.first; k < row.end; k++) {
      if (row.value[k] === 0) continue;
      place[count] = offset + row.column[k - row.shift];
      number[count++] = row.value[k];
    }
    for (let a = 0; a < count; a++) {
      const v = number[a];
      const at = place[a] * d;
      for (let b = a; b < count; b++) matrix[at + place[b]] += v * number[b];
    }
  }
  for (let i = 0; i < d; i++) {
    for (let j = i; j < d; j++) {
      matrix[i * d + j] *= factor * (i < offset ? 1 : scale) * (j < offset ? 1 : scale);
      matrix[j * d + i] = matrix[i * d + j];
    }
  }
  return matrix;
}

function dense(matrix: Float64Array, d: number): Operator['multiply'] {
  return (v, out) => {
    for (let i = 0, at = 0; i < d; i++) {
      let sum = 0;
      for (let j = 0; j < d; j++, at++) sum += matrix[at] * v[j];
      out[i] = sum;
    }
  };
}

/** λ_min(G), or 0 below it. @param size λ_max(G) */
function smallest(data: Dataset, rows: Int32Array, offset: 0 | 1, { multiply, cost }: Operator, size: number): Bound {
  const d = data.features + offset;
  if (rows.length < d || !everyColumnUsed(data, rows)) return { value: 0, exact: true };
  const settled = ({ min }: Extremes) => min.error <= EXACT * size;
  const found = lanczos(d, multiply, settled, steps(d, cost));
  if (found === undefined || !settled(found)) return { value: 0, exact: false };
  // what rounding may have added
  const { value, error } = found.min;
  return { value: Math.max(0, value - error - d * Number.EPSILON * size), exact: true };
}

function everyColumnUsed(data: Dataset, rows: Int32Array): boolean {
  const seen = new Uint8Array(data.features);
  let count = 0;
  const row = new RowReader(data);
  for (const s of rows) {
    row.seek(s);
    for (let k = row.first; k < row.end; k++) {
      const j = row.column[k - row.shift];
      if (row.value[k] === 0 || seen[j] === 1) continue;
      seen[j] = 1;
      count++;
    }
    if (count === data.features) return true;
  }
  return false;
}
