import { EVERY_WORKER, type KeyedRandom, Rng } from '../random.js';
import { addScaled, dot, squaredNorm } from '../vector.js';
import { Lanczos } from './lanczos.js';
import { rootMeanSquare, type Smoothness } from './problem.js';

/** The derivatives of all f_i, wherever they are computed. */
export interface Derivatives {
  /** n */
  readonly workers: number;
  /** d */
  readonly dimension: number;
  /** Writes ∇f(x) to `out` and returns f(x). */
  gradient(x: Float64Array, out: Float64Array): Promise<number>;
  /** Calls `take` with ∇²f_i(x) v_i for each i of `workers`, in their order; `product` holds it during the call alone. */
  products(
    x: Float64Array,
    workers: readonly number[],
    v: (worker: number) => Float64Array,
    take: (worker: number, product: Float64Array) => void,
  ): Promise<void>;
}

/** What a measurement found, and where. */
export interface MeasuredSmoothness extends Smoothness {
  /** The constants that were measured. They are no bounds: elsewhere the curvature may be larger. */
  readonly measured: readonly (keyof Smoothness)[];
  /** The steps of gradient descent from x⁰ after which they were measured, and ‖∇f‖² there. */
  readonly points: readonly { readonly round: number; readonly gradNormSq: number }[];
}

/** Steps of gradient descent after which is measured: early on the curvature changes most. */
const POINTS = [0, 5, 20, 50];
/** What a constant may be too small by where it is measured. */
const TOLERANCE = 1e-3;
const MAX_STEPS = 40;
const MIN_STEPS = 3;
/** Numbers that the directions of an iteration take at most, and those kept of all workers: 256 MiB. */
const MAX_NUMBERS = 2 ** 25;
/** Differences of gradients are right to some 1e-10 of L: an L_±², L_A² or such below is 0. */
const NOISE = 1e-9;
/** An iteration that is below this share of a maximum after so many steps will not exceed it. */
const HOPELESS = 0.8;
const HOPELESS_STEPS = 6;

/** h of ∇²f(x)v ≈ (∇f(x + hv) − ∇f(x − hv))/2h, ‖v‖ = 1: ε^⅓ max{1, ‖x‖}, where rounding and the error of h² balance. */
export function differenceStep(x: Float64Array): number {
  return Math.cbrt(Number.EPSILON) * Math.max(1, Math.sqrt(squaredNorm(x)));
}

/**
 * Measures, along 50 steps of gradient descent from x⁰ with γ = 1/L_f, the largest
 *
 *   L_f = ‖∇²f‖,  L_i = ‖∇²f_i‖,  L_A = √2 max_i ‖∇²f_i − ∇²f‖,  L_B = √2 (1/n) Σ‖∇²f_i‖,  L_±² = λ_max((1/n) Σ (∇²f_i − ∇²f)²)
 *
 * and with them L_rms and L_max: those of [MARINA-P, Theorem 4.8] and of the Hessian variance, on the points met in place of all.
 * The norms come from Lanczos iterations on products of Hessians with vectors, until they are right to 0.1 per cent; being Ritz
 * values they lie below what they estimate. Deterministic: same `random`, same bits.
 *
 * What a Hessian along a path does not show is taken from `known`: 𝓛 and μ.
 * @param need Constants to be measured. L_A takes n times as long as the rest; left out, the one of Theorem 4.4 stands for it.
 * @returns undefined where there is nothing to measure: f or its curvature is not finite, or 0 everywhere
 */
export async function measureSmoothness(
  f: Derivatives,
  start: Float64Array,
  random: KeyedRandom,
  known: Smoothness | undefined,
  need: { readonly LA: boolean; readonly LPlusMinus: boolean },
): Promise<MeasuredSmoothness | undefined> {
  const at = new Measurement(f, random);
  const x = start.slice();
  const gradient = new Float64Array(f.dimension);
  const points: { round: number; gradNormSq: number }[] = [];
  let value = await f.gradient(x, gradient);
  for (let round = 0; ; round++) {
    const gradNormSq = squaredNorm(gradient);
    if (!Number.isFinite(value + gradNormSq)) return undefined;
    if (POINTS.includes(round)) {
      await at.measure(x, need);
      points.push({ round, gradNormSq });
    }
    if (round === POINTS[POINTS.length - 1] || gradNormSq === 0) break;
    // where f has no curvature yet, a bound of it says how far to go
    const noise = (NOISE * Math.sqrt(gradNormSq)) / Math.max(1, Math.sqrt(squaredNorm(x)));
    const curvature = at.f > noise ? at.f : known?.f;
    if (curvature === undefined) break;
    value = await descend(f, x, value, gradient, 1 / curvature);
  }
  const perWorker = [...at.perWorker];
  const max = Math.max(...perWorker);
  if (!(max > 0 && max < Infinity)) return undefined;
  const mean = perWorker.reduce((sum, L) => sum + L, 0) / perWorker.length;
  const variance = need.LPlusMinus && at.variance !== undefined;
  return {
    f: at.f,
    perWorker,
    rms: rootMeanSquare(perWorker),
    max,
    LA: need.LA ? Math.SQRT2 * at.difference : max,
    LB: need.LA ? Math.SQRT2 * mean : 0,
    ...(variance && { LPlusMinus: Math.sqrt(at.variance as number) }),
    sampleRms: known?.sampleRms,
    ...(known?.trace !== undefined && { trace: known.trace }),
    mu: known?.mu,
    measured: [
      ...(['f', 'perWorker', 'rms', 'max'] as const),
      ...(need.LA ? (['LA', 'LB'] as const) : []),
      ...(variance ? (['LPlusMinus'] as const) : []),
    ],
    points,
  };
}

/** x ← x − γ∇f(x) and its gradient; γ is halved as long as f does not fall. Returns f. */
async function descend(f: Derivatives, x: Float64Array, value: number, gradient: Float64Array, first: number) {
  const before = x.slice();
  const direction = gradient.slice();
  let found = value;
  for (let step = first, k = 0; k < 30; k++, step /= 2) {
    addScaled(before, -step, direction, x);
    found = await f.gradient(x, gradient);
    if (found <= value) break;
  }
  return found;
}

/** What iterations are for. */
const KINDS = ['f', 'own', 'variance', 'difference'] as const;
type Kind = (typeof KINDS)[number];

/** The largest constants at the points so far, and the directions that they were found in, to begin with at the next. */
class Measurement {
  f = 0;
  readonly perWorker: Float64Array;
  /** max_i ‖∇²f_i − ∇²f‖ */
  difference = 0;
  /** L_±²; undefined where there is no memory for it. */
  variance: number | undefined;
  /** ‖∇²f_i − ∇²f‖ as last found: the largest come first. */
  readonly #differences: Float64Array;
  readonly #all: readonly number[];
  readonly #directions = new Map<string, Float64Array>();
  readonly #rng = new Rng();

  constructor(
    private readonly derivatives: Derivatives,
    private readonly random: KeyedRandom,
  ) {
    const { workers } = derivatives;
    this.perWorker = new Float64Array(workers);
    this.#differences = new Float64Array(workers);
    this.#all = Array.from({ length: workers }, (_, i) => i);
  }

  async measure(x: Float64Array, need: { readonly LA: boolean; readonly LPlusMinus: boolean }): Promise<void> {
    const { workers, dimension: d } = this.derivatives;
    this.f = Math.max(this.f, await this.#norm('f', (v) => this.#mean(x, v)));
    await this.#own(x);
    if (need.LPlusMinus && workers * d <= MAX_NUMBERS) {
      const products = this.#all.map(() => new Float64Array(d));
      const floor = NOISE * this.f ** 2;
      const found = await this.#norm('variance', (v) => this.#varianceTimes(x, v, products), floor);
      this.variance = Math.max(this.variance ?? 0, found > floor ? found : 0);
    }
    if (need.LA) await this.#largestDifference(x);
  }

  /** L_i of every worker, of as many at a time as there is memory for. */
  async #own(x: Float64Array): Promise<void> {
    const { derivatives, perWorker } = this;
    const { dimension: d } = derivatives;
    const group = Math.max(1, Math.floor(MAX_NUMBERS / (d * MAX_STEPS)));
    for (let from = 0; from < this.#all.length; from += group) {
      let open = this.#all.slice(from, from + group);
      const iterations = new Map(open.map((i) => [i, this.#begin('own', i)]));
      while (open.length > 0) {
        const going: number[] = [];
        const direction = (i: number) => (iterations.get(i) as NormIteration).lanczos.direction;
        await derivatives.products(x, open, direction, (i, product) => {
          const iteration = iterations.get(i) as NormIteration;
          if (iteration.add(product.slice())) going.push(i);
          else {
            perWorker[i] = Math.max(perWorker[i], iteration.value);
            this.#keep('own', i, iteration);
            iterations.delete(i);
          }
        });
        open = going;
      }
    }
  }

  /** max_i ‖∇²f_i − ∇²f‖: one worker after the other, for each product takes all. */
  async #largestDifference(x: Float64Array): Promise<void> {
    const found = this.#differences;
    const order = [...this.#all].sort((i, j) => found[j] - found[i] || i - j);
    let best = 0;
    for (const worker of order) {
      const times = async (v: Float64Array) => {
        const out = new Float64Array(v.length);
        await this.derivatives.products(
          x,
          this.#all,
          () => v,
          (i, product) => {
            const share = (i === worker ? 1 : 0) - 1 / this.#all.length;
            for (let j = 0; j < out.length; j++) out[j] += share * product[j];
          },
        );
        return out;
      };
      found[worker] = await this.#norm('difference', times, NOISE * this.f, worker, best);
      best = Math.max(best, found[worker]);
    }
    if (best > NOISE * this.f) this.difference = Math.max(this.difference, best);
  }

  /** ∇²f v */
  async #mean(x: Float64Array, v: Float64Array): Promise<Float64Array> {
    const out = new Float64Array(v.length);
    await this.derivatives.products(
      x,
      this.#all,
      () => v,
      (_, product) => {
        for (let j = 0; j < out.length; j++) out[j] += product[j] / this.#all.length;
      },
    );
    return out;
  }

  /** (1/n) Σ (∇²f_i − ∇²f)² v. With u_i = (∇²f_i − ∇²f) v, whose sum is 0, this is (1/n) Σ ∇²f_i u_i. */
  async #varianceTimes(x: Float64Array, v: Float64Array, u: readonly Float64Array[]): Promise<Float64Array> {
    const n = this.#all.length;
    const mean = new Float64Array(v.length);
    await this.derivatives.products(
      x,
      this.#all,
      () => v,
      (i, product) => {
        u[i].set(product);
        for (let j = 0; j < mean.length; j++) mean[j] += product[j] / n;
      },
    );
    for (const own of u) for (let j = 0; j < mean.length; j++) own[j] -= mean[j];
    mean.fill(0);
    await this.derivatives.products(
      x,
      this.#all,
      (i) => u[i],
      (_, product) => {
        for (let j = 0; j < mean.length; j++) mean[j] += product[j] / n;
      },
    );
    return mean;
  }

  /** ‖H‖ of the symmetric H with these products. @param floor what counts as 0 @param best a maximum that it must exceed to matter */
  async #norm(
    kind: Kind,
    times: (v: Float64Array) => Promise<Float64Array>,
    floor = 0,
    worker = EVERY_WORKER,
    best = 0,
  ): Promise<number> {
    const iteration = this.#begin(kind, worker, floor, best);
    while (iteration.add(await times(iteration.lanczos.direction)));
    this.#keep(kind, worker, iteration);
    return iteration.value;
  }

  /** From the direction that the last one ended with, or a random one. */
  #begin(kind: Kind, worker: number, floor = 0, best = 0): NormIteration {
    const { dimension } = this.derivatives;
    let from = this.#directions.get(`${kind}/${worker}`);
    if (from === undefined) {
      const rng = this.random.stream(this.#rng, 'measure', KINDS.indexOf(kind), worker);
      from = Float64Array.from({ length: dimension }, () => rng.normal());
    }
    const steps = Math.max(MIN_STEPS, Math.min(MAX_STEPS, MAX_NUMBERS / dimension));
    return new NormIteration(new Lanczos(from), steps, floor, best);
  }

  #keep(kind: Kind, worker: number, { lanczos, ritz }: NormIteration): void {
    const { workers, dimension } = this.derivatives;
    if (workers * dimension > MAX_NUMBERS && worker !== EVERY_WORKER) return;
    const direction = lanczos.ritzVector(ritz);
    if (dot(direction, direction) > 0) this.#directions.set(`${kind}/${worker}`, direction);
  }
}

/** ‖H‖ by a Lanczos iteration, from below. */
class NormIteration {
  value = 0;
  /** The Ritz value with that size. */
  ritz = 0;

  constructor(
    readonly lanczos: Lanczos,
    private readonly steps: number,
    private readonly floor: number,
    private readonly best: number,
  ) {}

  /** Takes a product. Whether it wants another. */
  add(product: Float64Array): boolean {
    const { lanczos } = this;
    if (!lanczos.add(product)) {
      this.value = Infinity;
      return false;
    }
    const { min, max } = lanczos.extremes();
    const end = Math.abs(min.value) > Math.abs(max.value) ? min : max;
    this.ritz = end.value;
    this.value = Math.abs(end.value);
    if (lanczos.complete || lanczos.steps >= this.steps) return false;
    if (lanczos.steps >= HOPELESS_STEPS && this.value < HOPELESS * this.best) return false;
    return lanczos.steps < MIN_STEPS || end.error > Math.max(TOLERANCE * this.value, this.floor);
  }
}
