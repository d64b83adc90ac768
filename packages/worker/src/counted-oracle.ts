import {
  FlotillaError,
  type KeyedRandom,
  type LinearMap,
  type LocalFunction,
  type Oracle,
  type Remembered,
  type Rng,
  type Runtime,
  SubsetSampler,
  TrackedPoint,
  type Vector,
} from '@flotilla/core';
import { inPrecision } from '@flotilla/core/internal';
import type { Boundary, Job } from '@flotilla/protocol';
import { RoundBatch } from './round-batch.js';

const NO_SAMPLES = 'this problem has no samples to draw a batch from';

/** A worker's function as its method sees it: what it computes is counted and timed, its batches come from the run's randomness. */
export class CountedOracle implements LocalFunction {
  round = 0;
  readonly samples: number | undefined;
  readonly stochastic: boolean;
  /** Seconds spent in gradients. */
  seconds = 0;
  /** Gradients computed; a batch counts as its share of the samples. */
  calls = 0;
  /** What the worker's uplinks are written by, once the run has begun. */
  uplink: Pick<Boundary, 'remember'> | undefined;
  #sampler: SubsetSampler | undefined;
  #batch = new Int32Array(0);
  readonly #perRound: RoundBatch | undefined;
  readonly #perDenseRound: RoundBatch | undefined;

  /** Where the oracle has a linear map, and following a product with it pays: it, counted and timed. */
  readonly linearMap: LinearMap | undefined;

  constructor(
    readonly worker: number,
    /** Takes vectors of the run's precision. */
    private readonly oracle: Oracle,
    private readonly random: KeyedRandom,
    private readonly rng: Rng,
    private readonly clock: Pick<Runtime, 'now'>,
    { batch, batchDense }: Pick<Job, 'batch' | 'batchDense'> = {},
    /** Where `seconds` is shown to others, at the place of this worker. */
    private readonly shown?: Float64Array | undefined,
  ) {
    this.samples = oracle.samples;
    this.stochastic = batch !== undefined;
    this.#perRound = this.#drawnPerRound('batch', batch);
    this.#perDenseRound = this.#drawnPerRound('batch/dense', batchDense);
    // batches are small: following the product of the whole shard would cost more than they do
    if (!this.stochastic && oracle.linearMap !== undefined) this.linearMap = this.#counted(oracle.linearMap);
  }

  /** The time of following a product is the gradient's: it is the larger part of it. */
  #counted(map: LinearMap): LinearMap {
    return {
      allocate: () => map.allocate(),
      ...(map.allocatePoint && {
        allocatePoint: (precision) => inPrecision(map.allocatePoint?.(precision) as Vector, precision),
      }),
      ...(map.blend && { blend: (a, x, y) => map.blend?.(a, x, y) }),
      product: (x, out) => {
        const from = this.clock.now();
        map.product(x, out);
        this.#spent(from);
      },
      addProduct: (index, values, count, out) => {
        const from = this.clock.now();
        map.addProduct(index, values, count, out);
        this.#spent(from);
      },
      gradientAt: (x, product, out) => {
        this.calls++;
        const from = this.clock.now();
        const value = map.gradientAt(x, product, out);
        this.#spent(from);
        return value;
      },
    };
  }

  /** Adds the time since `from` to that of the gradients. */
  #spent(from: number): void {
    this.seconds += (this.clock.now() - from) / 1000;
    if (this.shown !== undefined) this.shown[this.worker] = this.seconds;
  }

  /** Goes on counting where another has stopped. */
  resume(round: number, seconds: number, calls: number): void {
    this.round = round;
    this.seconds = seconds;
    this.calls = calls;
    if (this.shown !== undefined) this.shown[this.worker] = seconds;
  }

  gradient(x: Vector, out: Vector): number {
    return this.#gradientOver(this.#perRound, x, out);
  }

  denseGradient(x: Vector, out: Vector): number {
    return this.#gradientOver(this.#perDenseRound, x, out);
  }

  /** Over the round's batch, or over all samples. */
  #gradientOver(batch: RoundBatch | undefined, x: Vector, out: Vector): number {
    if (batch !== undefined) return this.batchGradient(x, batch.of(this.round), out);
    this.calls++;
    const from = this.clock.now();
    const value = this.oracle.gradient(x as Float64Array, out as Float64Array);
    this.#spent(from);
    return value;
  }

  /** A fresh batch for each round, where `size` is less than all samples. */
  #drawnPerRound(purpose: 'batch' | 'batch/dense', size: number | undefined): RoundBatch | undefined {
    const { samples, worker } = this;
    if (size === undefined) return undefined;
    if (samples === undefined) throw new FlotillaError('usage', NO_SAMPLES);
    if (size >= samples) return undefined;
    return new RoundBatch(samples, size, (round) => this.random.stream(this.rng, purpose, round, worker));
  }

  remember(vector: Vector): Remembered {
    const { uplink, round, worker } = this;
    if (uplink === undefined)
      throw new FlotillaError('internal', 'something was to be remembered before the run has begun');
    return uplink.remember(vector, round, worker);
  }

  track(start: Vector): TrackedPoint {
    return TrackedPoint.from(start, this);
  }

  batchGradient(x: Vector, batch: Int32Array, out: Vector): number {
    const from = this.clock.now();
    const value = this.oracle.batchGradient?.(x as Float64Array, batch, out as Float64Array);
    this.#spent(from);
    if (value === undefined) throw new FlotillaError('usage', 'this problem has no mini-batch gradients');
    this.calls += batch.length / (this.samples ?? batch.length);
    return value;
  }

  drawBatch(size: number, how: 'subset' | 'independent'): Int32Array {
    const { samples } = this;
    if (samples === undefined) throw new FlotillaError('usage', NO_SAMPLES);
    const rng = this.random.stream(this.rng, 'batch', this.round, this.worker);
    if (how === 'subset') {
      this.#sampler ??= new SubsetSampler(samples);
      const count = Math.min(size, samples);
      this.#sampler.draw(rng, samples, count);
      return this.#sampler.index.subarray(0, count);
    }
    if (this.#batch.length !== size) this.#batch = new Int32Array(size);
    for (let k = 0; k < size; k++) this.#batch[k] = rng.below(samples);
    return this.#batch;
  }
}
