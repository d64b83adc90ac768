import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Facts, Kernels, KeyedRandom, problems, Spec } from '../dist/index.js';
import { loadData } from '../dist/internal.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-least-squares-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const random = new KeyedRandom('least squares');

async function make(
  data: string,
  { spec = 'least-squares', workers = 1, facts }: { spec?: string; workers?: number; facts?: Facts } = {},
) {
  const parsed = () => Spec.parse('problem', spec);
  const family = problems['least-squares'];
  const { shared } = await loadData(family, parsed(), { data, split: 'contiguous', workers, random, facts });
  const create = (more: object = {}) => family.create(parsed(), { ...shared, workers, random, facts, ...more });
  return { shared, create };
}

/** R², the mean of the workers' values. */
function r2(problem: ReturnType<Awaited<ReturnType<typeof make>>['create']>, workers: number, x: Float64Array): number {
  const out = new Float64Array(1);
  let sum = 0;
  for (let i = 0; i < workers; i++) {
    problem.oracle(i, new Kernels()).metrics?.(x, out);
    sum += out[0];
  }
  return sum / workers;
}

// y = 2 a + 1
const line = write('line.txt', '3 1:1\n5 1:2\n7 1:3\n9 1:4\n');

describe('R²', () => {
  test('is 1 where every prediction is right, 0 for the mean, and below 0 for worse', async () => {
    const problem = (await make(line, { workers: 2 })).create();
    expect(r2(problem, 2, Float64Array.of(1, 2))).toBe(1);
    expect(r2(problem, 2, Float64Array.of(6, 0))).toBeCloseTo(0, 14);
    // misses of 3, 5, 7, 9 about a variance of 5
    expect(r2(problem, 2, Float64Array.of(0, 0))).toBeCloseTo(1 - 41 / 5, 13);
  });

  test('of held-out data is about their own mean', async () => {
    const facts = (await make(line)).create().facts as Facts;
    const held = write('held-out.txt', '21 1:10\n23 1:12\n');
    const problem = (await make(held, { facts })).create();
    expect(r2(problem, 1, Float64Array.of(22, 0))).toBeCloseTo(0, 14);
    expect(r2(problem, 1, Float64Array.of(1, 2))).toBeCloseTo(1 - 4 / 2, 13);
    expect(Array.from(problem.oracle(0, new Kernels()).predict?.(Float64Array.of(1, 2)).value ?? [])).toEqual([21, 25]);
  });

  test('where all labels are equal, is 1 for exact predictions and 0 for others', async () => {
    const problem = (await make(write('flat.txt', '4 1:1\n4 1:2\n'))).create();
    expect(r2(problem, 1, Float64Array.of(4, 0))).toBe(1);
    expect(r2(problem, 1, Float64Array.of(4, 1))).toBe(0);
  });
});

test('samples without labels: predictions, and a line for what needs them', async () => {
  const facts: Facts = { features: 3, lambda: 0 };
  const images = write(
    'plain-images-idx3-ubyte',
    Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 255, 0, 51, 0, 0, 255),
  );
  const oracle = (await make(images, { facts })).create().oracle(0, new Kernels());
  const x = Float64Array.of(0.5, 1, 2, 3);
  const value = oracle.predict?.(x).value as Float64Array;
  expect(value[0]).toBeCloseTo(0.5 + 1 + 0.6, 14);
  expect(value[1]).toBeCloseTo(0.5 + 3, 14);
  expect(() => oracle.gradient(x, new Float64Array(4))).toThrow('these samples have no labels');
  expect(() => oracle.metrics?.(x, new Float64Array(1))).toThrow('these samples have no labels');
  await expect(make(images).then(({ create }) => create())).rejects.toThrow('has no labels');
});

describe('constants', () => {
  const rows = Array.from({ length: 12 }, (_, s) => `${s % 5} 1:${1 + (s % 3)} 2:${Math.cos(s).toFixed(3)}\n`);
  const data = write('rows.txt', rows.join(''));

  test('are exact on small data', async () => {
    const { smoothness } = (await make(data, { workers: 3 })).create();
    expect(smoothness?.estimated).toBeUndefined();
    expect(smoothness?.mu).toBeGreaterThan(0);
  });

  test('that could not be had are named, and fall back on what holds for every function', async () => {
    const { create, shared } = await make(data, { spec: 'least-squares:lambda=0.5', workers: 3 });
    const spectra = (shared as { spectra: { perWorker: { value: number }[] } }).spectra;
    const exact = create().smoothness;
    const bounds = (part: object) => create({ spectra: { ...spectra, ...part } }).smoothness;
    expect(bounds({ difference: undefined })).toMatchObject({
      LA: exact?.max,
      LB: 0,
      estimated: ['LA', 'LB'],
      f: exact?.f,
    });
    const loose = spectra.perWorker.map(({ value }) => ({ value, exact: false }));
    expect(bounds({ perWorker: loose })?.estimated).toEqual(['perWorker', 'rms', 'max', 'LB']);
    const nothing = { value: 0, exact: false };
    expect(bounds({ min: nothing })).toMatchObject({ mu: 0.5, estimated: ['mu'] });
    expect(bounds({ whole: { value: 9, exact: false } })).toMatchObject({ f: 9.5, estimated: ['f'] });
  });

  test('of data that overflow are infinite, at once', async () => {
    const problem = (await make(write('huge.txt', '1 1:1.2e154\n2 1:1.3e154\n3 1:1.1e154\n'))).create();
    expect(problem.smoothness?.f).toBe(Number.POSITIVE_INFINITY);
  });

  test('are left out of a model in use', async () => {
    const problem = (await make(data, { facts: { features: 2, lambda: 0.25 } })).create();
    expect(problem.smoothness).toBeUndefined();
    expect(problem.facts).toEqual({ features: 2, lambda: 0.25 });
  });
});

test.each([
  [
    'least-squares:lambda=-1',
    'lambda=-1 is not allowed; lambda must be a number ≥ 0 or a multiple of L such as 1e-6*L',
  ],
  ['least-squares:bias=1', 'bias must be true or false'],
  ['least-squares:l=1', 'has no parameter l; it takes bias, lambda'],
])('%s is refused', async (spec, message) => {
  await expect(make(line, { spec }).then(({ create }) => create())).rejects.toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
  );
});
