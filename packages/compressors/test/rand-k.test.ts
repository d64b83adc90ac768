import { KeyedRandom } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import { createCompressor, MessageKey } from '../dist/index.js';
import { DIMENSIONS, describeCompressor, SAMPLED } from '../dist/testing/describe-compressor.js';
import { chiSquare, chiSquareLimit, gaussian, Moments, meanLimit } from '../dist/testing/statistics.js';
import { KEPT, plainBytes, worthSampling } from './specs.js';
import { Supports } from './support.js';

for (const [k, kept] of Object.entries(KEPT)) {
  const fits = (d: number) => Number.isNaN(Number(k)) || (d >= Number(k) && (d <= 7 || !between(Number(k), 2, 6)));
  const options = {
    dimensions: DIMENSIONS.filter(fits),
    payloadBytes: plainBytes,
    coordinates: kept,
    extremal: () => 1,
  };
  describeCompressor(`rand-k:k=${k}`, {
    ...options,
    theory: (d, n) => {
      const omega = d / kept(d, n) - 1;
      return { omega, theta: omega / n, density: kept(d, n) };
    },
    sampled: SAMPLED.filter((c) => fits(c.dimension) && worthSampling(k, c)),
  });
  if (between(Number(k), 2, 6) || Number(k) >= 100) continue;
  describeCompressor(`same-rand-k:k=${k}`, {
    ...options,
    theory: (d, n) => {
      const omega = d / kept(d, n) - 1;
      return { omega, theta: omega, density: kept(d, n) };
    },
    // one operator is that of rand-k, sampled above
    sampled: SAMPLED.filter((c) => c.dimension === 112 && fits(112) && k !== '100%' && worthSampling(k, c)),
  });
}

describeCompressor('rand-k:k=60%+rand-k:k=50%', {
  payloadBytes: plainBytes,
  theory: (d, n) => {
    const density = kept60then50(d);
    return { omega: d / density - 1, theta: (d / density - 1) / n, density };
  },
  coordinates: kept60then50,
  extremal: () => 1,
});

function kept60then50(d: number): number {
  return Math.max(1, Math.floor(Math.max(1, Math.floor((3 * d) / 5)) / 2));
}

test.each([1, 2, 3, 7, 112])('d = %i: a kept coordinate is x_j times d/K, the others are zero, for every K', (d) => {
  const x = gaussian(d);
  const key = new MessageKey(new KeyedRandom('rand-k'), 'uplink', 2).at(0, 1);
  for (let k = 1; k <= d; k++) {
    for (const wire of ['f32', 'f64'] as const) {
      const compressor = createCompressor(`rand-k:k=${k}`, { dimension: d, workers: 2, wire });
      const out = new Uint8Array(compressor.maxBytes);
      compressor.decode(out, 0, compressor.encode(x, key, out, 0), key);
      const vector = new Float64Array(d);
      compressor.copyTo(vector);
      const full = x.map((v) => (wire === 'f32' ? Math.fround((d / k) * v) : (d / k) * v));
      expect(vector.every((v, j) => v === 0 || v === full[j])).toBe(true);
      expect(vector.filter((v) => v !== 0).length).toBe(k);
    }
  }
});

describe('supports are uniform', () => {
  const subsets = [2, 3, 7].flatMap((d) => Array.from({ length: d }, (_, k) => [d, k + 1]));

  test.each(subsets)('every subset of d = %i with K = %i is equally likely', (d, k) => {
    const supports = new Supports(`rand-k:k=${k}`, d, 3);
    const trials = 20_000;
    const counts = new Map<string, number>();
    for (let t = 0; t < trials; t++) {
      const subset = supports.of(t, t % 3).join();
      counts.set(subset, (counts.get(subset) ?? 0) + 1);
    }
    const cells = binomial(d, k);
    expect(counts.size).toBe(cells);
    if (cells > 1) expect(chiSquare(counts.values(), trials / cells)).toBeLessThan(chiSquareLimit(cells - 1));
  });

  test.each([
    ['rand-k:k=10', 112, 10, 'round'],
    ['rand-k:k=10', 112, 10, 'worker'],
    ['rand-k:k=1', 300, 1, 'round'],
    ['rand-k:k=150', 300, 150, 'round'],
    ['rand-k:k=299', 300, 299, 'worker'],
    ['same-rand-k:k=10', 112, 10, 'round'],
    ['rand-k:k=40+rand-k:k=10', 112, 10, 'round'],
    ['rand-k:k=40+rand-k:k=10', 112, 10, 'worker'],
  ])('%s: of d = %i coordinates, K = %i, all are kept equally often over every %s', (spec, d, k, over) => {
    const supports = new Supports(spec, d, 20_000);
    const trials = 20_000;
    const counts = new Float64Array(d);
    for (let t = 0; t < trials; t++) {
      for (const j of over === 'round' ? supports.of(t, 5) : supports.of(5, t)) counts[j]++;
    }
    // inclusions are negatively correlated: their covariance is p(1 − p) d/(d − 1) (I − 11ᵀ/d)
    const p = k / d;
    const statistic = (chiSquare(counts, trials * p) * (d - 1)) / (d * (1 - p));
    expect(statistic).toBeLessThan(chiSquareLimit(d - 1));
    // too even is not random either
    expect(statistic).toBeGreaterThan((d - 1) * (1 - 5 * Math.sqrt(2 / (d - 1))));
  });

  test.each(['rand-k:k=6', 'same-rand-k:k=6', 'rand-k:k=12+rand-k:k=6'])(
    '%s: pairs of d = 20 are kept together equally often',
    (spec) => {
      const [d, k, trials] = [20, 6, 40_000];
      const supports = new Supports(spec, d, 3);
      const counts = new Float64Array(d * d);
      for (let t = 0; t < trials; t++) {
        const kept = supports.of(t, t % 3);
        for (let a = 0; a < k; a++) for (let b = a + 1; b < k; b++) counts[kept[a] * d + kept[b]]++;
      }
      const p = (k * (k - 1)) / (d * (d - 1));
      const pairs = (d * (d - 1)) / 2;
      for (let a = 0; a < d; a++) {
        for (let b = a + 1; b < d; b++) {
          const rate = counts[a * d + b] / trials;
          expect(Math.abs(rate - p), `${a}, ${b}`).toBeLessThan(meanLimit(p * (1 - p), 1, trials, pairs));
        }
      }
    },
  );
});

describe('supports of different workers', () => {
  const [d, k, trials] = [60, 15, 10_000];
  /** Mean size of the intersection of two workers' supports; K²/d when they are independent. */
  const overlap = (spec: string, a: [number, number], b: [number, number]) => {
    const supports = new Supports(spec, d, 4);
    let sum = 0;
    for (let t = 0; t < trials; t++) {
      const first = new Set(supports.of(t + a[0], a[1]));
      sum += supports.of(t + b[0], b[1]).filter((j) => first.has(j)).length;
    }
    return sum / trials;
  };
  const independent = (k * k) / d;
  // hypergeometric
  const variance = (k * (k / d) * (1 - k / d) * (d - k)) / (d - 1);

  test.each([
    ['rand-k:k=15', 'two workers of a round', [0, 0], [0, 1]],
    ['rand-k:k=15', 'far workers of a round', [0, 0], [0, 3]],
    ['rand-k:k=15', 'two rounds of a worker', [0, 2], [1, 2]],
    ['rand-k:k=15', 'a worker and the next in the next round', [0, 1], [1, 2]],
    ['same-rand-k:k=15', 'two rounds', [0, 2], [1, 2]],
    ['rand-k:k=30+rand-k:k=15', 'two workers of a round', [0, 0], [0, 1]],
  ] as [string, string, [number, number], [number, number]][])('%s: %s are independent', (spec, _what, a, b) => {
    expect(Math.abs(overlap(spec, a, b) - independent)).toBeLessThan(meanLimit(variance, k, trials));
  });

  test('same-rand-k: the same for every worker, and another in every round', () => {
    const supports = new Supports('same-rand-k:k=15', d, 150);
    const rounds = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const first = supports.of(round, 0);
      for (let worker = 1; worker < 150; worker++) expect(supports.of(round, worker)).toEqual(first);
      rounds.add(first.join());
    }
    expect(rounds.size).toBe(50);
  });

  test('rand-k: all different among 150 workers', () => {
    const supports = new Supports('rand-k:k=15', d, 150);
    const seen = new Set(Array.from({ length: 150 }, (_, worker) => supports.of(7, worker).join()));
    expect(seen.size).toBe(150);
  });
});

test('supports depend on seed, direction, round and worker, each alone', () => {
  for (const spec of ['rand-k:k=10', 'rand-k:k=40+rand-k:k=10']) {
    const at = (seed: string, direction: 'uplink' | 'downlink', round: number, worker: number) =>
      new Supports(spec, 112, 8, seed, direction).of(round, worker).join();
    const base = at('1', 'uplink', 3, 4);
    expect(at('1', 'uplink', 3, 4)).toBe(base);
    const others = [
      at('2', 'uplink', 3, 4),
      at('1', 'downlink', 3, 4),
      at('1', 'uplink', 4, 4),
      at('1', 'uplink', 3, 3),
      at('1', 'uplink', 4, 3),
      at('1', 'uplink', 2 ** 31, 4),
    ];
    expect(new Set([base, ...others]).size).toBe(7);
  }
});

// A later stage chooses positions in the list that the stage before made. When all workers choose the same positions of
// lists in which a coordinate's position tells something of the coordinate, the messages are no longer independent.
test.each([
  'rand-k:k=30+rand-k:k=5',
  'rand-k:k=30+same-rand-k:k=5',
  'rand-k:k=30+perm-k',
  'same-rand-k:k=30+rand-k:k=5',
  'same-rand-k:k=30+same-rand-k:k=5',
  'same-rand-k:k=30+perm-k',
  'perm-k+rand-k:k=5',
  'perm-k+same-rand-k:k=5',
])("%s: the mean of the workers' vectors is within θ, of opposite ones within A", (spec) => {
  const [d, n] = [60, 6];
  const compressor = createCompressor(spec, { dimension: d, workers: n, wire: 'f64' });
  const key = new MessageKey(new KeyedRandom('theta'), 'uplink', n);
  const out = new Uint8Array(compressor.maxBytes);
  const error = new Moments();
  const cancelled = new Moments();
  for (let round = 0; round < 10_000; round++) {
    const mean = new Float64Array(d);
    const opposite = new Float64Array(d);
    for (let worker = 0; worker < n; worker++) {
      key.at(round, worker);
      compressor.decode(out, 0, compressor.encode(new Float64Array(d).fill(1), key, out, 0), key);
      compressor.addTo(mean, 1 / n);
      compressor.addTo(opposite, (worker % 2 === 0 ? 1 : -1) / n);
    }
    error.add(mean.reduce((sum, v) => sum + (v - 1) ** 2, 0) / d);
    cancelled.add(opposite.reduce((sum, v) => sum + v * v, 0) / d);
  }
  const { A = Number.NaN } = compressor.constants;
  expect(cancelled.mean).toBeLessThanOrEqual(A + cancelled.limit() + 1e-12);
  expect(error.mean).toBeLessThanOrEqual(compressor.constants.theta + error.limit() + 1e-12);
});

function binomial(n: number, k: number): number {
  let c = 1;
  for (let i = 1; i <= k; i++) c = (c * (n - k + i)) / i;
  return Math.round(c);
}

function between(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}
