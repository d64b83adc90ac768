import { describe, expect, test } from 'vitest';
import { compressors, createCompressor } from '../dist/index.js';

const make = (spec: string, dimension = 7, workers = 2) => createCompressor(spec, { dimension, workers, wire: 'f32' });
const kept = (spec: string, dimension: number, workers = 2) => make(spec, dimension, workers).constants.density;

describe('a spec that cannot be used is a UsageError that names what is wrong', () => {
  test.each([
    // unknown names
    ['no-such', 'no-such'],
    ['top-kk:k=3', 'top-kk'],
    ['constructor', 'constructor'],
    ['Rand-K:k=3', 'Rand-K'],
    ['', '""'],
    ['rand-k:k=3+', '""'],
    ['+natural', '""'],
    ['perm-k+no-such', 'no-such'],
    // K
    ['rand-k', 'k='],
    ['same-rand-k', 'k='],
    ['rand-k:k=0', 'k=0'],
    ['rand-k:k=8', 'k=8'],
    ['same-rand-k:k=8', 'k=8'],
    ['rand-k:k=-1', 'k=-1'],
    ['rand-k:k=1.5', 'k=1.5'],
    ['rand-k:k=abc', 'k=abc'],
    ['rand-k:k=NaN', 'k=NaN'],
    ['rand-k:k=Infinity', 'k=Infinity'],
    ['rand-k:k=1e400', 'k=1e400'],
    ['rand-k:k=0%', 'k=0%'],
    ['rand-k:k=-1%', 'k=-1%'],
    ['rand-k:k=100.5%', 'k=100.5%'],
    ['rand-k:k=1.2.3%', 'k=1.2.3%'],
    ['rand-k:k=%', 'k=%'],
    ['rand-k:k=n/d', 'k=n/d'],
    // more than the stage before keeps
    ['rand-k:k=3+rand-k:k=4', 'k=4'],
    ['perm-k+rand-k:k=5', 'k=5'],
    // grammar and parameters
    ['rand-k:', 'rand-k:'],
    ['rand-k:k', '"k"'],
    ['rand-k:k=', 'k='],
    ['rand-k:k=3,k=3', 'k twice'],
    ['rand-k:k=3,levels=2', 'levels'],
    ['rand-k:K=3', 'K=3'],
    ['perm-k:k=3', 'no parameter k'],
    ['identity:k=3', 'no parameter k'],
    ['natural:p=2', 'no parameter p'],
    ['qsgd', 'levels='],
    ['qsgd:levels=0', 'levels=0'],
    ['qsgd:levels=1.5', 'levels=1.5'],
    ['qsgd:levels=4194305', 'levels=4194305'],
    ['natural-dithering:levels=1001', 'levels=1001'],
    ['natural-dithering:levels=3,p=0.5', 'p=0.5'],
    ['natural-dithering:levels=3,p=Infinity', 'p=Infinity'],
    ['natural-dithering:levels=3,p=x', 'p=x'],
    ['bernoulli', 'p='],
    ['bernoulli:p=0', 'p=0'],
    ['bernoulli:p=1.1', 'p=1.1'],
    ['core', 'm='],
    ['core:m=0', 'm=0'],
    // one inside another
    ['scaled', 'parentheses'],
    ['scaled(', 'parentheses'],
    ['scaled)', 'parentheses'],
    ['scaled()', '""'],
    ['scaled(no-such)', 'no-such'],
    ['scaled(top-k:k=2)', 'is biased'],
    ['scaled(rand-k:k=9)', 'k=9'],
    ['natural(rand-k:k=3)', 'no other one in parentheses'],
    ['scaled(rand-k:k=3)+natural', 'cannot be a part'],
    ['perm-k+scaled(natural)', 'cannot be a part'],
    ['core:m=2+natural', 'cannot be a part'],
    // rounding comes last
    ['qsgd:levels=2+natural', 'natural cannot follow'],
    ['natural+rand-k:k=3', 'rand-k:k=3 cannot follow'],
    ['natural+perm-k', 'perm-k cannot follow'],
    ['natural+natural', 'natural cannot follow'],
    ['rand-k:k=3+natural+identity', 'identity cannot follow'],
  ])('%s', (spec, named) => {
    let thrown: unknown;
    try {
      make(spec);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: 'UsageError', code: 'usage', message: expect.stringContaining(named) });
  });

  test('an unknown name is answered with the known ones, an unusable K with what is allowed', () => {
    for (const name of Object.keys(compressors)) expect(() => make('no-such')).toThrow(name);
    expect(() => make('rand-k:k=8')).toThrow('1 to 7');
    expect(() => make('rand-k')).toThrow('1 to 7');
  });
});

describe('K', () => {
  test.each([
    ['1', 7, 2, 1],
    ['7', 7, 2, 7],
    ['1%', 7, 2, 1],
    ['1%', 100, 2, 1],
    ['1%', 300, 2, 3],
    ['1%', 399, 2, 3],
    ['1%', 25088, 2, 250],
    ['0.1%', 4096, 2, 4],
    ['12.5%', 4096, 2, 512],
    ['33.4%', 300, 2, 100],
    ['7%', 100, 2, 7],
    ['100%', 300, 2, 300],
    ['100%', 1, 2, 1],
    ['99.9%', 300, 2, 299],
    ['d/n', 300, 7, 42],
    ['d/n', 300, 300, 1],
    ['d/n', 300, 1, 300],
    ['d/n', 3, 16, 1],
  ])('k=%s of d = %i with n = %i is %i', (k, dimension, workers, expected) => {
    expect(kept(`rand-k:k=${k}`, dimension, workers)).toBe(expected);
    expect(kept(`same-rand-k:k=${k}`, dimension, workers)).toBe(expected);
  });

  // 10000 · 0.57 is 5699.999999999999 in binary: a percentage that is a whole number of coordinates must not lose one
  test.each([
    ['0.57%', 10_000, 57],
    ['0.29%', 50_000, 145],
    ['1.13%', 20_000, 226],
  ])('k=%s of d = %i is exactly %i', (k, dimension, expected) => {
    expect(kept(`rand-k:k=${k}`, dimension)).toBe(expected);
  });

  test('of a later stage is taken of what the stage before keeps', () => {
    expect(kept('rand-k:k=100+rand-k:k=10%', 300)).toBe(10);
    expect(kept('rand-k:k=100+rand-k:k=d/n', 300, 7)).toBe(14);
    expect(kept('perm-k+rand-k:k=50%', 300, 3)).toBe(50);
  });
});

test('a + in parentheses belongs to what stands in them', () => {
  expect(make('scaled(rand-k:k=3+natural)').constants.alpha).toBeCloseTo(1 / ((7 / 3) * (9 / 8)), 12);
  expect(make(' scaled( scaled(identity) ) ').constants.alpha).toBe(1);
});

test('spaces around the parts of a spec do not matter', () => {
  expect(kept(' rand-k:k=3 + natural ', 7)).toBe(3);
});

test('a compressor says what it was made from, and what the papers count', () => {
  const sizes = [
    ['identity', 'f32', 32],
    ['identity', 'f64', 64],
    ['rand-k:k=3', 'f32', 32],
    ['perm-k', 'f64', 64],
    ['natural', 'f32', 9],
    ['natural', 'f64', 12],
    ['perm-k+natural', 'f32', 9],
    ['rand-k:k=3+natural', 'f64', 12],
  ] as const;
  for (const [spec, wire, bits] of sizes) {
    const compressor = createCompressor(spec, { dimension: 7, workers: 2, wire });
    expect([compressor.spec, compressor.dimension, compressor.nominalBits]).toEqual([spec, 7, bits]);
  }
});

test('only a support that is the same for all workers lets one message serve them all', () => {
  const same = (spec: string) => make(spec).same;
  expect([same('same-rand-k:k=3'), same('same-rand-k:k=3+natural'), same('identity+same-rand-k:k=3')]).toEqual([
    true,
    true,
    true,
  ]);
  expect([same('identity'), same('natural'), same('rand-k:k=3'), same('perm-k'), same('rand-k:k=3+natural')]).toEqual(
    new Array(5).fill(false),
  );
  expect([same('same-rand-k:k=5+rand-k:k=3'), same('rand-k:k=5+same-rand-k:k=3')]).toEqual([false, false]);
});
