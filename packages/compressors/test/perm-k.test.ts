import { KeyedRandom } from '@flotilla/core';
import { describe, expect, test } from 'vitest';
import { createCompressor, MessageKey, type Wire } from '../dist/index.js';
import { DIMENSIONS, describeCompressor } from '../dist/testing/describe-compressor.js';
import { chiSquare, chiSquareLimit, gaussian, Moments, meanLimit } from '../dist/testing/statistics.js';
import { permKTheory, plainBytes } from './specs.js';
import { Supports } from './support.js';

describeCompressor('perm-k', {
  payloadBytes: plainBytes,
  theory: permKTheory,
  extremal: () => 1,
  sampled: [
    { dimension: 1, workers: 3 },
    { dimension: 2, workers: 1 },
    { dimension: 3, workers: 4 },
    { dimension: 3, workers: 16 },
    { dimension: 7, workers: 3 },
    { dimension: 7, workers: 7 },
    { dimension: 112, workers: 16 },
    { dimension: 300, workers: 7 },
    { dimension: 4096, workers: 3 },
  ],
});

const WORKERS = [1, 2, 3, 4, 7, 8, 16, 64, 100, 150, 400];
const cases = DIMENSIONS.flatMap((d) => WORKERS.map((n) => [d, n] as const));

test.each(cases)('d = %i, n = %i: supports are disjoint and cover, or cover q times', (d, n) => {
  const supports = new Supports('perm-k', d, n);
  const copies = d >= n ? 1 : Math.floor(n / d);
  for (const round of [0, 9]) {
    const owners = new Int32Array(d);
    let without = 0;
    for (let worker = 0; worker < n; worker++) {
      const kept = supports.of(round, worker);
      expect(kept.length).toBeLessThanOrEqual(Math.ceil(d / n));
      if (kept.length === 0) without++;
      for (const j of kept) owners[j]++;
    }
    expect(owners.every((count) => count === copies)).toBe(true);
    if (d % n === 0) expect(without).toBe(0);
    if (d < n) expect(without).toBe(n - copies * d);
  }
});

/** (1/n) Σ C_i(x), as a server folds it. */
function mean(x: Float64Array, n: number, wire: Wire): Float64Array {
  const compressor = createCompressor('perm-k', { dimension: x.length, workers: n, wire });
  const key = new MessageKey(new KeyedRandom('mean'), 'uplink', n);
  const out = new Uint8Array(compressor.maxBytes);
  const sum = new Float64Array(x.length);
  for (let worker = 0; worker < n; worker++) {
    key.at(4, worker);
    compressor.decode(out, 0, compressor.encode(x, key, out, 0), key);
    compressor.addTo(sum, 1 / n);
  }
  return sum;
}

describe('(1/n) Σ C_i(x) = x', () => {
  const isPower = (n: number) => Number.isInteger(Math.log2(n));
  test.each(cases)('d = %i, n = %i', (d, n) => {
    // with d < n a coordinate is the sum of q equal terms, which rounds from the third on
    const copies = d >= n ? 1 : Math.floor(n / d);
    const exact = isPower(n) && copies <= 2;
    const x = gaussian(d);
    const differs = (wire: Wire, input: Float64Array) => {
      const result = mean(input, n, wire);
      return Math.max(...input.map((v, j) => Math.abs(result[j] - v) / Math.abs(v)));
    };
    expect(differs('f64', x)).toBeLessThanOrEqual(exact ? 0 : (copies + 2) * 2 ** -53);
    // on f32 exact for f32 vectors
    expect(differs('f32', x.map(Math.fround))).toBeLessThanOrEqual(exact ? 0 : 2 ** -23);
  });
});

describe('the permutation is uniform', () => {
  test.each([
    [4, 2, 6],
    [6, 3, 90],
    [3, 3, 6],
    // two of six slots are padding
    [4, 3, 54],
    [2, 4, 6],
    [2, 5, 30],
    [3, 4, 24],
  ])('d = %i, n = %i: every way to deal, weighted by its slots, is equally likely', (d, n, ways) => {
    const supports = new Supports('perm-k', d, n);
    const trials = 20_000;
    const counts = new Map<string, number>();
    const dealt: string[][] = [];
    for (let t = 0; t < trials; t++) {
      const hands = Array.from({ length: n }, (_, worker) => supports.of(t, worker).join());
      const way = hands.join('|');
      if (!counts.has(way)) dealt.push(hands);
      counts.set(way, (counts.get(way) ?? 0) + 1);
    }
    expect(counts.size).toBe(ways);
    // coordinates may lie in any slots of their owner: s!/(s − c)! orders of c coordinates among s slots
    const share = Math.max(1, Math.ceil(d / n));
    const weight = (hand: string) => {
      const c = hand === '' ? 0 : hand.split(',').length;
      let orders = 1;
      for (let i = 0; i < c; i++) orders *= share - i;
      return orders;
    };
    // with d < n workers, not slots, are permuted: all ways weigh the same
    const weights = dealt.map((hands) => (d < n ? 1 : hands.reduce((w, hand) => w * weight(hand), 1)));
    const total = weights.reduce((sum, w) => sum + w, 0);
    let statistic = 0;
    [...counts.values()].forEach((count, i) => {
      const expected = (trials * weights[i]) / total;
      statistic += (count - expected) ** 2 / expected;
    });
    expect(statistic).toBeLessThan(chiSquareLimit(ways - 1));
  });

  test.each([
    [112, 16],
    [100, 7],
    [5, 23],
  ])('d = %i, n = %i: every worker gets every coordinate equally often', (d, n) => {
    const supports = new Supports('perm-k', d, n);
    const trials = 6_000;
    const counts = new Float64Array(n * d);
    for (let t = 0; t < trials; t++) {
      for (let worker = 0; worker < n; worker++) for (const j of supports.of(t, worker)) counts[worker * d + j]++;
    }
    const p = (d >= n ? 1 : Math.floor(n / d)) / n;
    const limit = meanLimit(p * (1 - p), 1, trials, n * d);
    counts.forEach((count, i) => {
      expect(Math.abs(count / trials - p), `cell ${i}`).toBeLessThan(limit);
    });
    // pooled, against small systematic unevenness
    expect(chiSquare(counts, trials * p)).toBeLessThan(chiSquareLimit(n * d) / 0.8);
  });
});

test('one permutation for all workers of a round; another for another round, seed or direction', () => {
  const deal = (seed: string, direction: 'uplink' | 'downlink', round: number) => {
    const supports = new Supports('perm-k', 112, 5, seed, direction);
    // in falling order: the round's permutation does not depend on who asks first
    return Array.from({ length: 5 }, (_, i) => supports.of(round, 4 - i).join()).reverse();
  };
  const base = deal('1', 'uplink', 3);
  for (let worker = 0; worker < 5; worker++) {
    expect(new Supports('perm-k', 112, 5, '1').of(3, worker).join()).toBe(base[worker]);
  }
  const deals = [base, deal('2', 'uplink', 3), deal('1', 'downlink', 3), deal('1', 'uplink', 4)];
  for (let worker = 0; worker < 5; worker++) expect(new Set(deals.map((hands) => hands[worker])).size).toBe(4);
});

test.each([
  [4, 2],
  [7, 3],
  [3, 3],
  [2, 5],
  [3, 16],
])('d = %i, n = %i: the mean of any vectors is off by exactly A of their variance', (d, n) => {
  const compressor = createCompressor('perm-k', { dimension: d, workers: n, wire: 'f64' });
  const { A, B } = compressor.constants;
  expect(B).toBe(A);
  const key = new MessageKey(new KeyedRandom('spread'), 'uplink', n);
  const out = new Uint8Array(compressor.maxBytes);
  const vectors = Array.from({ length: n }, (_, i) => gaussian(d).map((v, j) => v + i * j));
  const mean = new Float64Array(d);
  for (const v of vectors) for (let j = 0; j < d; j++) mean[j] += v[j] / n;
  const variance = vectors.reduce((sum, v) => sum + v.reduce((s, a, j) => s + (a - mean[j]) ** 2, 0), 0) / n;
  const error = new Moments();
  for (let round = 0; round < 20_000; round++) {
    const off = mean.map((v) => -v);
    for (const [worker, vector] of vectors.entries()) {
      compressor.decode(out, 0, compressor.encode(vector, key.at(round, worker), out, 0), key);
      compressor.addTo(off, 1 / n);
    }
    error.add(off.reduce((sum, v) => sum + v * v, 0) / variance);
  }
  expect(Math.abs(error.mean - (A ?? Number.NaN))).toBeLessThanOrEqual(error.limit() + 1e-12);
  expect(error.limit()).toBeLessThan(0.1 * (A ?? 0));
});
