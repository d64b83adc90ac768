import { describe, expect, test } from 'vitest';
import { KeyedRandom, Rng } from '../dist/index.js';
import { truncatedNormal } from '../dist/truncated-normal.js';

const N = 200_000;

/** N draws of one seed. */
function draws(sigma: number, bound: number): number[] {
  const rng = new KeyedRandom('truncated').stream(new Rng(), 'problem', 0, 0);
  return Array.from({ length: N }, () => truncatedNormal(rng, sigma, bound));
}

describe('N(0, σ²) given that it lies in [−bound, bound]', () => {
  // with a = bound/σ: variance σ² (1 − 2a φ(a)/(2Φ(a) − 1)), fourth moment by quadrature
  test.each([
    { sigma: 1, bound: 3, variance: 0.97334, fourth: 2.68 },
    { sigma: 1, bound: 1, variance: 0.29112, fourth: 0.1645 },
    { sigma: 2, bound: 1, variance: 0.32236, fourth: 0.19064 },
    { sigma: 1e6, bound: 1, variance: 1 / 3, fourth: 1 / 5 },
  ])(
    'σ = $sigma, bound $bound: the moments of the truncated distribution, and nothing heaped at its ends',
    ({ sigma, bound, variance, fourth }) => {
      const x = draws(sigma, bound);
      const moment = (k: number) => x.reduce((sum, v) => sum + v ** k, 0) / N;
      const near = 4 * Math.sqrt((fourth - variance ** 2) / N);
      expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(variance / N));
      expect(Math.abs(moment(2) - variance)).toBeLessThan(near);
      expect(x.every((v) => Math.abs(v) <= bound)).toBe(true);
      expect(x.filter((v) => Math.abs(v) === bound).length).toBeLessThan(2);
      const positive = x.filter((v) => v > 0).length;
      expect(Math.abs(positive - N / 2)).toBeLessThan(4 * Math.sqrt(N / 4));
    },
  );

  test('σ = 0 is 0, and draws within the bound are those of the normal distribution', () => {
    const random = new KeyedRandom('1');
    expect(truncatedNormal(random.stream(new Rng(), 'problem', 0, 0), 0, 1)).toBe(0);
    const [a, b] = [0, 0].map(() => random.stream(new Rng(), 'problem', 0, 0));
    for (let k = 0; k < 50; k++) expect(truncatedNormal(a as Rng, 0.01, 1)).toBe(0.01 * (b as Rng).normal());
  });
});
