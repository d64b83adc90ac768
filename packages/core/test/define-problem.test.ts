import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defineProblem, Kernels, KeyedRandom, type SampleData, Spec } from '../dist/index.js';
import { errorFrom, errorRecord, loadData, parseProblem } from '../dist/internal.js';
import { describeProblem } from '../dist/testing/index.js';
import centre from './centre.js';

const points = Float64Array.from({ length: 3 * 11 }, (_, k) => Math.sin(3 * k));

describeProblem('a definition with everything', {
  spec: 'centre:stretch=3',
  family: centre,
  module: new URL('./centre.js', import.meta.url).href,
  data: { points, dimension: 3 },
  offers: ['smoothness', 'samples', 'metrics', 'start', 'facts'],
  f: (x) => (1.5 / 11) * points.reduce((sum, v, k) => sum + (x[k % 3] - v) ** 2, 0),
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-define-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('samples', () => {
  const rows = defineProblem({
    name: 'rows',
    stepSize: 1,
    dense: true,
    dimension: ({ data }) => data.features,
    gradient({ data: { value, features }, rows: [first] }, x, out) {
      for (let j = 0; j < x.length; j++) out[j] = value[first * features + j];
      return 0;
    },
  });
  const sparse = defineProblem({ ...definitionOfFeatures(), dense: false });

  test('are a dense matrix without a scale where only that will do, whatever they come as', async () => {
    const file = join(folder, 'three.libsvm');
    writeFileSync(file, '1 2:5\n2 1:3 3:0.5\n');
    const input = { split: 'contiguous', workers: 2, random: new KeyedRandom('0') };
    const x = Float32Array.of(0, 5, 0, 3, 0, 0.5);
    for (const data of [file, { x, shape: [2, 3] as const }]) {
      const { shared, samples } = await loadData(rows, Spec.parse('problem', 'rows'), { ...input, data });
      // it has no batches
      expect(samples).toBeUndefined();
      const problem = rows.create(Spec.parse('problem', 'rows'), { ...input, ...(shared as SampleData) });
      expect(problem.facts).toEqual({ features: 3 });
      const out = new Float64Array(3);
      problem.oracle(1, new Kernels()).gradient(new Float64Array(3), out);
      expect(out).toEqual(Float64Array.of(3, 0, 0.5));
    }
    const { shared } = await loadData(sparse, Spec.parse('problem', 'rows'), { ...input, data: file });
    expect(shared).toMatchObject({ data: { rowStart: Int32Array.of(0, 1, 3) } });
  });

  test('a matrix that would be too large is refused before it is made', async () => {
    const wide = { rowStart: [0, 1, 1], columns: [0], values: [1], shape: [2, 2 ** 30] as const };
    const input = { data: wide, split: undefined, workers: 1, random: new KeyedRandom('0') };
    await expect(loadData(rows, Spec.parse('problem', 'rows'), input)).rejects.toMatchObject({
      code: 'usage',
      message: 'data set memory as a dense matrix has 2 × 1073741824 values; at most 536870912 fit',
    });
  });
});

function definitionOfFeatures() {
  return {
    name: 'rows',
    stepSize: 1,
    dimension: ({ data }: { data: { features: number } }) => data.features,
    gradient: () => 0,
  };
}

test('parameters: numbers in their bounds, words, flags, under the names of specs', () => {
  const seen: unknown[] = [];
  const family = defineProblem({
    name: 'seen',
    stepSize: 'theory*2',
    parameters: { lambda: { default: 0.5, min: 0, max: 1 }, innerSteps: 3, how: 'well', quick: false },
    load: () => ({}),
    dimension: ({ parameters }) => {
      seen.push(parameters);
      return 1;
    },
    gradient: () => 0,
  });
  const create = (spec: string) =>
    family.create(Spec.parse('problem', spec), { workers: 1, random: new KeyedRandom('0'), data: {} });
  create('seen');
  create('seen:lambda=1,inner-steps=-2.5,how=badly,quick=true');
  expect(seen).toEqual([
    { lambda: 0.5, innerSteps: 3, how: 'well', quick: false },
    { lambda: 1, innerSteps: -2.5, how: 'badly', quick: true },
  ]);
  expect(() => create('seen:lambda=2')).toThrow('seen: lambda=2 is not allowed; lambda must be a number in [0, 1]');
  expect(() => create('seen:quick=1')).toThrow('quick must be true or false');
  expect(() => create('seen:innerSteps=2')).toThrow('has no parameter innerSteps');
  expect(family.stepSize('gd')).toBe('theory*2');
});

describe('what names a problem', () => {
  test.each([
    ['quadratic:d=3', undefined, 'quadratic', { d: '3' }],
    [' quadratic ', undefined, 'quadratic', {}],
    ['./my.js', './my.js', 'my', {}],
    ['my.mjs:a=b,c=d.js', 'my.mjs', 'my', { a: 'b', c: 'd.js' }],
    ['/a:b/My Problem.cjs:a=1', '/a:b/My Problem.cjs', 'my-problem', { a: '1' }],
    ['C:\\my folder\\p.js:a=C:/x', 'C:\\my folder\\p.js', 'p', { a: 'C:/x' }],
    ['d:/p.ts', 'd:/p.ts', 'p', {}],
    ['file:///a/b%20c/p.js:a=1', 'file:///a/b%20c/p.js', 'p', { a: '1' }],
    ['../__.js', '../__.js', 'problem', {}],
  ])('%s', (text, module, name, parameters) => {
    const { spec, ...rest } = parseProblem(text);
    expect(rest).toEqual({ module });
    expect([spec.name, Object.fromEntries(spec.parameters)]).toEqual([name, parameters]);
  });

  test.each(['./my', '~/my', '/a/my.json', 'a/b', 'C:\\x', 'file:///x', '.', ''])('%s names none', (text) => {
    expect(() => parseProblem(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

test('an error as data: bounded, with its frames, from anything that can be thrown', () => {
  const thrown: unknown[] = [
    new RangeError('x'.repeat(1e6)),
    'text',
    undefined,
    null,
    Symbol('s'),
    Object.create(null),
    Object.assign(new Error('m'), { stack: undefined, name: 7 }),
  ];
  for (const value of thrown) {
    const record = structuredClone(errorRecord(value));
    expect(JSON.stringify(record).length).toBeLessThan(20_000);
    const error = errorFrom(record);
    expect([error.code, error.message]).toEqual(['internal', record.message]);
    if (value !== undefined) expect(error.cause).toBeInstanceOf(Error);
  }
  const { stack } = errorRecord(thrown[0]).cause ?? {};
  expect(stack).toMatch(/x\n {4}at .*define-problem\.test\.ts/);
  expect(errorFrom({ code: 'no such', message: '' }).code).toBe('internal');
});
