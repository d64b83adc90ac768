import { Rng, SubsetSampler } from '@flotilla/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** Floyd's algorithm, from its definition. */
function floyd(rng: Rng, length: number, count: number): number[] {
  const chosen = new Set<number>();
  for (let last = length - count; last < length; last++) {
    const j = rng.below(last + 1);
    chosen.add(chosen.has(j) ? last : j);
  }
  const listed = [...chosen];
  return count * 32 < length ? listed : listed.sort((a, b) => a - b);
}

const sizes = fc
  .oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 200 }) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 60_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 2 ** 21 - 2, max: 2 ** 22 }) },
  )
  .chain((length) => fc.tuple(fc.constant(length), fc.integer({ min: 0, max: Math.min(length, 5000) })));

test('subsets are those of the algorithm, one after the other, and leave the stream where it would', () => {
  fc.assert(
    fc.property(fc.array(sizes, { minLength: 1, maxLength: 6 }), fc.nat(), (drawn, seed) => {
      const [ours, reference] = [new Rng().seed(seed, 1, 2), new Rng().seed(seed, 1, 2)];
      for (const [length, count] of drawn) {
        const sampler = new SubsetSampler(count + 1);
        sampler.draw(ours, length, count);
        expect(Array.from(sampler.index.subarray(0, count))).toEqual(floyd(reference, length, count));
        expect(sampler.index[count]).toBe(0);
      }
      expect(ours.next()).toBe(reference.next());
    }),
  );
});

test('each item is as likely as any other', () => {
  const rng = new Rng().seed(5, 6, 7);
  const [length, count, draws] = [40, 7, 20_000];
  const sampler = new SubsetSampler(count);
  const seen = new Float64Array(length);
  for (let k = 0; k < draws; k++) {
    sampler.draw(rng, length, count);
    expect(new Set(sampler.index).size).toBe(count);
    for (const item of sampler.index) seen[item]++;
  }
  const p = count / length;
  const chi = seen.reduce((sum, n) => sum + (n - draws * p) ** 2 / (draws * p * (1 - p)), 0);
  // 39 degrees of freedom, as items of one draw differ; beyond this one time in 10⁶
  expect(chi * (1 - 1 / length)).toBeLessThan(92);
});
