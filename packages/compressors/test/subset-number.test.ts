import { describe, expect, test } from 'vitest';
import { binomial, numberOfSubset, subsetOfNumber } from '../dist/subset-number.js';

/** C(n, k) by its product. */
function product(n: number, k: number): bigint {
  let value = 1n;
  for (let i = 0; i < k; i++) value = (value * BigInt(n - i)) / BigInt(i + 1);
  return value;
}

describe('the combinatorial number system', () => {
  test('all subsets of up to 8 coordinates, counted in the order of their numbers', () => {
    for (let length = 1; length <= 8; length++) {
      for (let count = 0; count <= length; count++) {
        const all = Array.from({ length: 2 ** length }, (_, bits) =>
          Array.from({ length }, (_, c) => c).filter((c) => (bits >> c) & 1),
        ).filter((subset) => subset.length === count);
        // colexicographic: the subset with the larger largest element comes later, which is the order of the bits
        expect(binomial(length, count)).toBe(BigInt(all.length));
        for (const [k, subset] of all.entries()) {
          expect(numberOfSubset(Int32Array.from(subset), count, length)).toBe(BigInt(k));
          const index = new Int32Array(count);
          subsetOfNumber(BigInt(k), count, length, index);
          expect([...index]).toEqual(subset);
        }
      }
    }
  });

  test.each([
    [300, 30],
    [300, 64],
    [300, 65],
    [300, 299],
    [1000, 31],
    [1000, 500],
  ])('of %i coordinates %i, at both ends and between: Σ C(c_k, k)', (length, count) => {
    expect(binomial(length, count)).toBe(product(length, count));
    const spread = Array.from({ length: count }, (_, k) => Math.floor((k * length) / count));
    const low = Array.from({ length: count }, (_, k) => k);
    const high = low.map((k) => k + length - count);
    for (const subset of [low, spread, high]) {
      const number = subset.reduce((sum, c, k) => sum + (c <= k ? 0n : product(c, k + 1)), 0n);
      expect(numberOfSubset(Int32Array.from(subset), count, length)).toBe(number);
      const index = new Int32Array(count);
      subsetOfNumber(number, count, length, index);
      expect([...index]).toEqual(subset);
    }
    expect(numberOfSubset(Int32Array.from(high), count, length)).toBe(product(length, count) - 1n);
  });
});
