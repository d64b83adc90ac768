import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeyedRandom, type ProblemFamily, problems, Spec, type UsualData } from '../dist/index.js';
import { checkData, checkInit, loadData } from '../dist/internal.js';
import { initialPoint } from '../dist/problem/initial-point.js';

let folder = '';
let samples = '';
let instance = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-problem-data-'));
  samples = join(folder, 'seven.txt');
  writeFileSync(samples, '1 1:1\n2 2:1\n1 1:2\n2 1:1 2:1\n1 2:3\n2 1:4\n1 1:5\n');
  instance = join(folder, 'two.json');
  writeFileSync(instance, '{"c": [1, 2], "b": [3]}');
});
afterAll(() => rmSync(folder, { recursive: true }));

const load = (family: ProblemFamily, data?: string, split?: string, workers = 2) =>
  loadData(family, Spec.parse('problem', family.name), {
    data,
    split,
    workers,
    random: new KeyedRandom('0'),
  });
const none: ProblemFamily = {
  name: 'plain',
  summary: '',
  data: 'none',
  init: 'zeros',
  stepSize: () => '1',
  create: () => ({ dimension: 1, oracle: () => ({ smoothness: 1, gradient: () => 0 }) }),
};

describe('what cannot be had is refused before anything is read', () => {
  test.each([
    ['autoencoder', { data: 'nothing-here' }, 'unknown data set "nothing-here"; known: mnist, '],
    ['logistic', { data: 'nothing-here', split: 'label' }, 'unknown data set "nothing-here"'],
    ['nonconvex-logistic', { split: 'random' }, 'unknown split "random"; known: contiguous, '],
    ['logistic', { data: 'w8a', split: 'dirichlet:alpha=0' }, 'alpha must be a number in [0.001, 1000000]'],
    ['quadratic', { data: 'mnist' }, 'data "mnist" must be left out: problem quadratic takes no data'],
    ['lower-bound', { split: 'random' }, 'unknown split "random"'],
    ['heterogeneous-quadratic', { split: 'random' }, 'unknown split "random"'],
  ])('%s %o', (name, asked, message) => {
    const request = { data: undefined, split: undefined, ...asked };
    expect(() => checkData(problems[name], request)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
    );
  });

  test('what can be had passes, whether it is there or not', () => {
    for (const name of ['autoencoder', 'logistic']) {
      checkData(problems[name], { data: undefined, split: undefined });
      checkData(problems[name], { data: 'duke', split: 'dirichlet' });
    }
    checkData(problems['heterogeneous-quadratic'], { data: 'nothing-here', split: undefined });
    checkData(problems.quadratic, { data: undefined, split: 'label' });
  });

  test('a family that loads for itself says for itself what it refuses', () => {
    const own: ProblemFamily = { ...none, load: async () => ({ shared: {} }) };
    checkData(own, { data: 'anything', split: 'of any kind' });
    const refuses: ProblemFamily = {
      ...own,
      checkData({ data }) {
        throw new Error(`no ${data}`);
      },
    };
    expect(() => checkData(refuses, { data: 'cake', split: undefined })).toThrow('no cake');
  });
});

describe('what loading gives', () => {
  test('samples: the data set, its usual split, and the most samples of a worker', async () => {
    const { shared, ...rest } = await load(problems.logistic, samples);
    expect(rest).toEqual({ source: samples, split: 'contiguous', samples: 3 });
    expect(shared).toMatchObject({ data: { name: 'seven.txt', samples: 7 }, shards: { samples: 6 } });
    expect(await load(problems.logistic, samples, 'label', 3)).toMatchObject({ split: 'label', samples: 3 });
    await expect(load(problems.logistic, samples, undefined, 8)).rejects.toThrow('8 workers cannot share 7 samples');
  });

  test('mnist when nothing is asked for', async () => {
    const { source, split, samples: m } = await load(problems.autoencoder, undefined, undefined, 7);
    expect({ source, split, m }).toEqual({ source: 'mnist', split: 'shuffled', m: 8572 });
  });

  test('an instance, or nothing', async () => {
    const family = problems['heterogeneous-quadratic'];
    expect(await load(family, instance)).toEqual({
      shared: { instance: { c: [1, 2], b: [3] } },
      source: instance,
      split: undefined,
    });
    expect(await load(family)).toEqual({ shared: { instance: undefined } });
    await expect(load(family, 'nothing-here')).rejects.toMatchObject({ code: 'usage' });
  });

  test('a signal ends a download', async () => {
    const signal = AbortSignal.abort(new Error('no more'));
    const input = { data: 'duke', split: undefined, workers: 2, random: new KeyedRandom('0'), signal };
    process.env.FLOTILLA_DATA = folder;
    try {
      await expect(loadData(problems.logistic, Spec.parse('problem', 'logistic'), input)).rejects.toThrow('no more');
    } finally {
      delete process.env.FLOTILLA_DATA;
    }
  });

  test('a family without `load` gets what its kind of data means, the rest undefined', async () => {
    const plain: UsualData = { data: undefined, shards: undefined, instance: undefined };
    expect(await load(none, undefined, 'label')).toEqual({ shared: plain, split: 'label' });
    const ofSamples = await load({ ...none, data: 'samples' }, samples);
    expect(ofSamples).toMatchObject({ source: samples, split: 'contiguous', samples: 3 });
    const { data, shards } = (await load(problems.logistic, samples)).shared as UsualData;
    expect(ofSamples.shared).toEqual({ ...plain, data, shards });
    expect(await load({ ...none, data: 'instance' }, instance)).toEqual({
      shared: { ...plain, instance: { c: [1, 2], b: [3] } },
      source: instance,
      split: undefined,
    });
  });
});

describe('the starting point `problem`', () => {
  const random = new KeyedRandom('0');
  const withStart = { dimension: 2, start: () => Float64Array.of(4, 5) };

  test('is known where the problem has one, and nowhere else', () => {
    checkInit('problem');
    checkInit('problem', withStart);
    expect([...initialPoint('problem', withStart, random)]).toEqual([4, 5]);
    expect([...initialPoint('zeros', withStart, random)]).toEqual([0, 0]);
    const message = 'init "problem" is not known; allowed: reference, zeros or normal:SCALE (for example normal:0.01)';
    expect(() => checkInit('problem', {})).toThrow(message);
    expect(() => initialPoint('problem', { dimension: 2 }, random)).toThrow(message);
  });

  test('of a wrong length is a defect of the problem', () => {
    expect(() => initialPoint('problem', { ...withStart, dimension: 3 }, random)).toThrow('2 coordinates, not 3');
  });
});
