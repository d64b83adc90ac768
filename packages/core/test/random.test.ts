import { describe, expect, test } from 'vitest';
import { exactLog, standardNormalQuantile } from '../dist/gaussian.js';
import { KeyedRandom, Rng } from '../dist/random.js';

const stream = (seed: string, round = 0, worker = 0, purpose: 'coins' | 'init' = 'coins') =>
  new KeyedRandom(seed).stream(new Rng(), purpose, round, worker);
const words = (rng: Rng, count: number) => Array.from({ length: count }, () => rng.next());

test('a stream is a function of seed, purpose, round and worker', () => {
  const first = words(stream('0', 3, 5), 8);
  expect(words(stream('0', 3, 5), 8)).toEqual(first);
  for (const other of [stream('1', 3, 5), stream('0', 4, 5), stream('0', 3, 6), stream('0', 3, 5, 'init')]) {
    expect(words(other, 8)).not.toEqual(first);
  }
});

test('the words of a stream are fixed: both ends of a link must agree across versions', () => {
  expect(words(stream('golden', 1, 2), 4)).toEqual([207818683, 3865501388, 4071862716, 4068203584]);
});

test('neighbouring streams are not correlated', () => {
  // first word of 4,096 streams that differ in round or worker by one: each bit is set half of the time
  const ones = new Float64Array(32);
  const random = new KeyedRandom('bits');
  const rng = new Rng();
  const streams = 4096;
  for (let k = 0; k < streams; k++) {
    const word = random.stream(rng, 'coins', k >> 6, k & 63).next();
    for (let bit = 0; bit < 32; bit++) ones[bit] += (word >>> bit) & 1;
  }
  for (const count of ones) expect(Math.abs(count - streams / 2)).toBeLessThan(4.5 * Math.sqrt(streams / 4));
});

test('below is uniform on every residue', () => {
  for (const bound of [1, 2, 3, 7, 10, 1000, 0x200000 - 1, 3 * 2 ** 29]) {
    // large bounds by their hundredths
    const cells = Math.min(bound, 100);
    const counts = new Float64Array(cells);
    const rng = stream(`below ${bound}`);
    const draws = 1000 * cells;
    const strange: number[] = [];
    for (let k = 0; k < draws; k++) {
      const drawn = rng.below(bound);
      if (!(drawn >= 0 && drawn < bound && Number.isInteger(drawn))) strange.push(drawn);
      counts[Math.floor((drawn * cells) / bound)]++;
    }
    expect(strange).toEqual([]);
    const chiSquare = counts.reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0);
    // mean cells − 1, variance 2 (cells − 1)
    expect(chiSquare).toBeLessThan(cells - 1 + 5 * Math.sqrt(2 * (cells - 1)) + 1e-9);
  }
});

test('every order of four items is equally likely', () => {
  const counts = new Map<string, number>();
  const rng = stream('orders');
  const draws = 24_000;
  for (let k = 0; k < draws; k++) {
    const items = Int32Array.of(0, 1, 2, 3);
    rng.shuffle(items);
    counts.set(items.join(), (counts.get(items.join()) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  const chiSquare = [...counts.values()].reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0);
  expect(chiSquare).toBeLessThan(23 + 5 * Math.sqrt(46));
});

test('the normal quantile has the values of the tables', () => {
  // Python 3.11, statistics.NormalDist().inv_cdf
  const known: [number, number][] = [
    [0.5, 0],
    [0.975, 1.9599639845400536],
    [0.001, -3.090232306167813],
    [1e-12, -7.034483825301131],
    [0.9, 1.2815515655446008],
  ];
  for (const [p, z] of known) expect(standardNormalQuantile(p)).toBeCloseTo(z, 12);
  for (const x of [1e-300, 1e-5, 0.3, 1, 2, 12345.678]) {
    expect(Math.abs(exactLog(x) - Math.log(x))).toBeLessThanOrEqual(1e-14 * Math.max(1, Math.abs(Math.log(x))));
  }
});

test('normal values have the moments of N(0, 1)', () => {
  const rng = stream('normal');
  const n = 200_000;
  const moment = [0, 0, 0, 0];
  for (let k = 0; k < n; k++) {
    const z = rng.normal();
    for (let m = 0; m < 4; m++) moment[m] += z ** (m + 1) / n;
  }
  expect(moment[0]).toBeCloseTo(0, 1.9);
  expect(Math.abs(moment[1] - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  expect(Math.abs(moment[2])).toBeLessThan(4 * Math.sqrt(15 / n));
  expect(Math.abs(moment[3] - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
});

describe('a coin', () => {
  /** A generator that hands out the given words, then zeros. */
  const scripted = (words: number[]) => {
    const rng = new Rng();
    rng.next = () => words.shift() ?? 0;
    return rng;
  };

  test('compares its words with every binary digit of p', () => {
    expect(scripted([0x7fffffff]).coin(0.5)).toBe(true);
    expect(scripted([0x80000000]).coin(0.5)).toBe(false);
    // p = 2⁻⁵⁰ + 2⁻⁹⁰: only the third word tells
    const p = 2 ** -50 + 2 ** -90;
    expect(scripted([0, 2 ** 14, 2 ** 6 - 1]).coin(p)).toBe(true);
    expect(scripted([0, 2 ** 14, 2 ** 6]).coin(p)).toBe(false);
    expect(scripted([0, 2 ** 14 - 1]).coin(p)).toBe(true);
    expect(scripted([0, 2 ** 14 + 1]).coin(p)).toBe(false);
    expect(scripted([]).coin(5e-324)).toBe(true);
    expect(scripted([0, 1]).coin(5e-324)).toBe(false);
  });

  test('is never true at 0 and always at 1', () => {
    for (const word of [0, 1, 0xffffffff]) {
      expect(scripted([word]).coin(0)).toBe(false);
      expect(scripted([word]).coin(1)).toBe(true);
    }
  });
});
