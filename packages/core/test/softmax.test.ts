import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Facts, Kernels, KeyedRandom, problems, Spec } from '../dist/index.js';
import { loadData } from '../dist/internal.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-softmax-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const random = new KeyedRandom('softmax');

async function make(data: string, spec = 'softmax', facts?: Facts) {
  const parsed = () => Spec.parse('problem', spec);
  const { shared } = await loadData(problems.softmax, parsed(), {
    data,
    split: 'contiguous',
    workers: 1,
    random,
    facts,
  });
  return problems.softmax.create(parsed(), { ...shared, workers: 1, random, facts });
}

// features 1 and 2 say which; labels in no order
const three = write('three.txt', '7 1:1\n-2 2:1\n0.5 1:1 2:1\n7 1:2\n');

test('classes are the labels in ascending order; W comes before b', async () => {
  const { facts, tensors, dimension } = await make(three, 'softmax:lambda=0.1');
  expect(facts).toEqual({ features: 2, lambda: 0.1, labels: [-2, 0.5, 7] });
  expect(tensors).toEqual([
    { name: 'W', shape: [3, 2] },
    { name: 'b', shape: [3] },
  ]);
  expect(dimension).toBe(9);
});

describe('predictions', () => {
  test('are the label of the largest score, and how probable it is', async () => {
    const oracle = (await make(three)).oracle(0, new Kernels());
    // scores of −2, 0.5 and 7: a₂, 1.5, 2 a₁
    const x = Float64Array.of(0, 1, 0, 0, 2, 0, 0, 1.5, 0);
    const { label, probability } = oracle.predict?.(x) ?? {};
    expect(Array.from(label)).toEqual([7, 0.5, 7, 7]);
    const expected = Math.exp(2) / (Math.exp(2) + Math.exp(1.5) + 1);
    expect(probability[0]).toBeCloseTo(expected, 14);
    const out = new Float64Array(1);
    oracle.metrics?.(x, out);
    expect(out[0]).toBe(0.5);
  });

  test('of equal scores are the lowest label', async () => {
    const oracle = (await make(three)).oracle(0, new Kernels());
    const { label, probability } = oracle.predict?.(new Float64Array(9)) ?? {};
    expect(Array.from(label)).toEqual([-2, -2, -2, -2]);
    expect(probability[0]).toBeCloseTo(1 / 3, 15);
  });

  test('need no labels', async () => {
    const facts: Facts = { features: 2, lambda: 0, labels: [3, 4] };
    const images = write('plain-images-idx3-ubyte', Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 255, 0, 0, 255));
    const oracle = (await make(images, 'softmax:bias=false', facts)).oracle(0, new Kernels());
    const x = Float64Array.of(0, 1, 1, 0);
    expect(Array.from(oracle.predict?.(x).label as Float64Array)).toEqual([4, 3]);
    expect(() => oracle.gradient(x, new Float64Array(4))).toThrow('these samples have no labels');
    await expect(make(images)).rejects.toThrow('has no labels');
  });
});

test('scores of any size give a value and a gradient', async () => {
  const oracle = (await make(three, 'softmax:lambda=0')).oracle(0, new Kernels());
  const x = Float64Array.of(3e5, -1e6, 2e6, 1e6, -1e6, 0, 0, 0, 0);
  const out = new Float64Array(9);
  // the largest score lies above that of the label by so much
  expect(oracle.gradient(x, out)).toBe((3e6 + 2e6 + 0 + 6e6) / 4);
  expect(out.every(Number.isFinite)).toBe(true);
});

test('more classes than scores fit into a block', async () => {
  const N = 300;
  const file = write('many.txt', Array.from({ length: N }, (_, s) => `${s} ${1 + (s % 50)}:1\n`).join(''));
  const problem = await make(file, 'softmax:lambda=0');
  const oracle = problem.oracle(0, new Kernels());
  const x = new Float64Array(problem.dimension);
  const out = new Float64Array(problem.dimension);
  expect(oracle.gradient(x, out)).toBeCloseTo(Math.log(N), 13);
  const all = Int32Array.from({ length: N }, (_, s) => N - 1 - s);
  const batch = new Float64Array(problem.dimension);
  expect(oracle.batchGradient?.(x, all, batch)).toBeCloseTo(Math.log(N), 13);
  expect(Math.hypot(...batch.map((v, j) => v - out[j]))).toBeLessThan(1e-15);
});

describe('refused in one line', () => {
  const numbered = (count: number) => Array.from({ length: count }, (_, s) => `${s} 1:1\n`).join('');
  test.each([
    ['one label alone', '5 1:1\n5 2:1\n', 'softmax', 'has the label 5 alone; softmax needs 2 or more'],
    ['numbers as labels', numbered(10_001), 'softmax', 'has more than 10000 distinct labels'],
    ['too many weights', `${numbered(10_000)}1 2000000:1\n`, 'softmax', 'softmax takes at most 100000000 weights'],
    ['a negative λ', '1 1:1\n2 2:1\n', 'softmax:lambda=-1', 'lambda must be a number ≥ 0'],
  ])('%s', async (name, content, spec, message) => {
    await expect(make(write(`${name}.txt`, content), spec)).rejects.toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
    );
  });

  test('a label that the model does not know', async () => {
    const { facts } = await make(three);
    const other = await make(write('other.txt', '7 1:1\n8 2:1\n'), 'softmax', facts);
    const oracle = other.oracle(0, new Kernels());
    const x = new Float64Array(other.dimension);
    expect(() => oracle.gradient(x, x.slice())).toThrow('has the label 8; the model knows -2, 0.5, 7');
    // it need not be known to be predicted
    expect(oracle.predict?.(x).label).toEqual(Float64Array.of(-2, -2));
  });

  test('facts of another kind of model', async () => {
    await expect(make(three, 'softmax', { features: 2, lambda: 0 })).rejects.toThrow('have its labels');
    await expect(make(three, 'softmax', { features: 2, labels: [1, 2] })).rejects.toThrow('have lambda, a number ≥ 0');
    const wrong = { features: 2, labels: [1, 2], lambda: -1 };
    await expect(make(three, 'softmax', wrong)).rejects.toThrow('have lambda, a number ≥ 0, not -1');
    await expect(make(three, 'softmax', { ...wrong, labels: [2, 1], lambda: 0 })).rejects.toThrow('that ascend');
  });
});
