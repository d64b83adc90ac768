import { KeyedRandom, Rng } from '@flotilla/core';

// Seeds are fixed, so every statistical test gives the same answer each time. The limits are nevertheless those of a test
// that may be reseeded: an unharmed compressor exceeds one with probability FAILURE.

const FAILURE = 1e-6;

/**
 * Bernstein's inequality: the mean of `trials` independent values with this variance and range is further than this from
 * its expectation with probability at most FAILURE, for `comparisons` such means together (Bonferroni). About six standard
 * errors; the second term covers rare large values, where the normal approximation is too optimistic.
 */
export function meanLimit(variance: number, range: number, trials: number, comparisons = 1): number {
  const l = Math.log((2 * comparisons) / FAILURE);
  return Math.sqrt((2 * variance * l) / trials) + (2 * range * l) / (3 * trials);
}

/** Trials after which {@link meanLimit} is about `limit`, for values of this variance. */
export function trialsFor(limit: number, variance: number, comparisons = 1): number {
  return Math.ceil((2 * variance * Math.log((2 * comparisons) / FAILURE)) / limit ** 2);
}

/** Upper quantile of the chi-square distribution (Wilson–Hilferty), five standard deviations out. */
export function chiSquareLimit(degrees: number): number {
  const v = 2 / (9 * degrees);
  return degrees * (1 - v + 5 * Math.sqrt(v)) ** 3;
}

/** Pearson's statistic of counts that are all expected to be equal. */
export function chiSquare(counts: Iterable<number>, expected: number): number {
  let sum = 0;
  for (const count of counts) sum += (count - expected) ** 2 / expected;
  return sum;
}

/** Mean, variance and range of a sequence of values. */
export class Moments {
  count = 0;
  #origin = 0;
  #sum = 0;
  #squares = 0;
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    // sums are taken about the first value, so that a constant sequence has variance 0
    if (this.count++ === 0) this.#origin = value;
    const centred = value - this.#origin;
    this.#sum += centred;
    this.#squares += centred * centred;
    if (value < this.#low) this.#low = value;
    if (value > this.#high) this.#high = value;
  }

  get mean(): number {
    return this.#origin + this.#sum / this.count;
  }

  get variance(): number {
    return Math.max(0, this.#squares - this.#sum ** 2 / this.count) / (this.count - 1);
  }

  get range(): number {
    return this.#high - this.#low;
  }

  /** How far the mean may be from its expectation. */
  limit(comparisons = 1): number {
    return meanLimit(this.variance, this.range, this.count, comparisons);
  }
}

const random = new KeyedRandom('statistics');

const drawn = new Map<number, Float64Array>();

/** Independent standard normal values, always the same ones of one dimension. */
export function gaussian(dimension: number): Float64Array {
  let values = drawn.get(dimension);
  if (values === undefined) {
    const rng = random.stream(new Rng(), 'init', dimension, 0);
    values = new Float64Array(dimension).map(() => rng.normal());
    drawn.set(dimension, values);
  }
  return values.slice();
}

/** Random signs and magnitudes uniform in [1, 2): no coordinate drowns the others, so few trials reveal a bias. */
export function balanced(dimension: number): Float64Array {
  const rng = random.stream(new Rng(), 'init', dimension, 1);
  return new Float64Array(dimension).map(() => (rng.below(2) === 0 ? -1 : 1) * (1 + rng.uniform()));
}

/** Random signs and magnitudes `magnitude` times 1, 2 or 4. */
export function scaledPowers(dimension: number, magnitude: number): Float64Array {
  const rng = random.stream(new Rng(), 'init', dimension, 2);
  return new Float64Array(dimension).map(() => (rng.below(2) === 0 ? -1 : 1) * magnitude * 2 ** rng.below(3));
}
