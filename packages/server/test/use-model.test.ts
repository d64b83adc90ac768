import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { evaluate, predict, train } from '../dist/index.js';
import { rowsOf } from './in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-use-model-'));
afterAll(() => rmSync(folder, { recursive: true }));
let made = 0;
const fresh = () => join(folder, `run-${made++}`);

const MUSHROOMS = fileURLToPath(new URL('../../core/test/fixtures/mushrooms-508.libsvm', import.meta.url));
const quadratic = { method: 'gd', problem: 'quadratic:d=7', workers: 2, transport: 'loopback' } as const;
const logistic = { method: 'gd', problem: 'logistic', data: MUSHROOMS, workers: 3, transport: 'loopback' } as const;

describe('a model on other data', () => {
  test('on the training data it has the f and the metrics of its run', async () => {
    const { model, loss, metrics } = await train({ ...logistic, workers: 1, rounds: 5 }).result;
    const found = await evaluate(model, { data: MUSHROOMS });
    expect(found.loss).toBe(loss);
    expect(found.accuracy).toBe(metrics?.accuracy);
  });

  test('validation is the same as evaluating afterwards, and changes nothing of the run', async () => {
    const half = join(folder, 'half.libsvm');
    const lines = readFileSync(MUSHROOMS, 'utf8').trim().split('\n');
    writeFileSync(half, `${lines.slice(0, 200).join('\n')}\n`);
    const without = await train({ ...logistic, rounds: 5 }).result;
    const run = train({ ...logistic, rounds: 5, evalEvery: 2, validation: half });
    const rows = await rowsOf(run);
    const { validation, model, xHash } = await run.result;
    expect(xHash).toBe(without.xHash);
    expect(without.validation).toBeNull();
    expect(rows.map((row) => row.round)).toEqual([0, 2, 4, 5]);
    expect(rows[0]?.validation?.loss).toBeCloseTo(Math.log(2), 12);
    expect(rows.at(-1)?.validation).toEqual(validation);
    expect(await evaluate(model, { data: half })).toEqual(validation);
    expect(validation?.loss).not.toBe(rows.at(-1)?.loss);
  });

  test('it predicts a row a sample, and its accuracy is that of the predictions', async () => {
    const { model, metrics } = await train({ ...logistic, workers: 1, rounds: 20 }).result;
    const { label, probability } = await predict(model, { data: MUSHROOMS });
    const given = readFileSync(MUSHROOMS, 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number.parseInt(line, 10));
    const right = given.filter((value, s) => label?.[s] === value).length;
    expect(label).toHaveLength(given.length);
    expect(right / given.length).toBeCloseTo(metrics?.accuracy as number, 12);
    expect(metrics?.accuracy).toBeGreaterThan(0.7);
    expect([...(probability ?? [])].every((p, s) => p > 0.5 === (label?.[s] === 2))).toBe(true);
  });

  test('the rows of a table are predicted in its order, whatever its usual split', async () => {
    const table = join(folder, 'table.csv');
    const rows = Array.from({ length: 40 }, (_, s) => [s % 3, (s * 7) % 5, s % 2]);
    writeFileSync(table, `a,b,label\n${rows.map((row) => row.join(',')).join('\n')}\n`);
    const { model } = await train({ ...logistic, data: table, rounds: 3 }).result;
    const { probability } = await predict(model, { data: table });
    const [bias = 0, a = 0, b = 0] = model.x;
    const expected = rows.map(([x = 0, y = 0]) => 1 / (1 + Math.exp(-(bias + a * x + b * y))));
    expect([...(probability ?? [])].map((p) => p.toFixed(12))).toEqual(expected.map((p) => p.toFixed(12)));
    expect(new Set(expected.map((p) => p.toFixed(6))).size).toBeGreaterThan(5);
  });

  test('files are read as the run has read its own, unless something else is asked for', async () => {
    const rows = Array.from({ length: 40 }, (_, s) => [s % 3, s % 2, (s * 7) % 5]);
    const write = (name: string, lines: string[]) => {
      const path = join(folder, name);
      writeFileSync(path, `${lines.join('\n')}\n`);
      return path;
    };
    const table = write('sorts.csv', ['a,sort,b', ...rows.map((row) => row.join(','))]);
    const unlabelled = write('unlabelled.csv', ['a,b', ...rows.map(([a, , b]) => `${a},${b}`)]);
    const sparse = write(
      'sorts.libsvm',
      rows.map(([a, y, b]) => `${y} 0:${a} 1:${b}`),
    );
    const out = fresh();
    const options = { ...logistic, data: table, labelColumn: 'sort', split: 'contiguous', workers: 1, rounds: 3 };
    const { model, loss, metrics } = await train({ ...options, out }).result;
    expect(model.metadata.labelColumn).toBe('sort');
    for (const saved of [model, out]) {
      expect(await evaluate(saved, { data: table })).toEqual({ loss, ...metrics });
      expect(await predict(saved, { data: unlabelled })).toEqual(await predict(saved, { data: table }));
    }
    await expect(evaluate(model, { data: table, labelColumn: 'b' })).rejects.toMatchObject({
      message: 'data set sorts.csv has the label 2; the model knows 0 and 1',
    });
    // what does not concern a file is not asked of it
    const other = await evaluate(model, { data: sparse, indexBase: 0 });
    expect(other.loss).toBeCloseTo(loss, 12);
    const fromZero = await train({ ...logistic, data: sparse, indexBase: 0, workers: 1, rounds: 3 }).result;
    expect((await evaluate(fromZero.model, { data: sparse })).loss).toBe(fromZero.loss);
    await expect(evaluate(fromZero.model, { data: sparse, indexBase: 1 })).rejects.toMatchObject({ code: 'usage' });
    const forged = { ...model, metadata: { ...model.metadata, header: 'perhaps' } };
    await expect(evaluate(forged, { data: table })).rejects.toMatchObject({ code: 'usage' });
  });

  test('data that do not fit are refused in one line', async () => {
    const { model } = await train({ ...logistic, rounds: 1 }).result;
    const wide = join(folder, 'wide.libsvm');
    writeFileSync(wide, '1 113:1\n2 1:1\n');
    await expect(evaluate(model, { data: wide })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/wide\.libsvm has 113 features[^\n]* 112 are expected$/),
    });
    const third = join(folder, 'third.libsvm');
    writeFileSync(third, '1 1:1\n3 2:1\n');
    await expect(evaluate(model, { data: third })).rejects.toMatchObject({
      message: 'data set third.libsvm has the label 3; the model knows 1 and 2',
    });
    const { model: other } = await train({ ...quadratic, rounds: 1 }).result;
    await expect(evaluate(other, { data: MUSHROOMS })).rejects.toMatchObject({ code: 'usage' });
    expect(() => train({ ...quadratic, validation: MUSHROOMS })).toThrow('quadratic has no data to validate on');
  });

  test('samples are predicted whatever their labels are, such as the 0 that stands for none', async () => {
    const { model } = await train({ ...logistic, rounds: 3 }).result;
    const zeros = join(folder, 'zeros.libsvm');
    writeFileSync(zeros, readFileSync(MUSHROOMS, 'utf8').replaceAll(/^[12] /gm, '0 '));
    expect(await predict(model, { data: zeros })).toEqual(await predict(model, { data: MUSHROOMS }));
    await expect(evaluate(model, { data: zeros })).rejects.toMatchObject({ code: 'usage' });
  });

  test('facts that no problem has made are refused', async () => {
    const { model } = await train({ ...logistic, rounds: 1 }).result;
    const facts = JSON.parse(model.metadata.facts ?? '');
    const withFacts = (text: string) => ({ ...model, metadata: { ...model.metadata, facts: text } });
    for (const wrong of [{ lambda: -1 }, { lambda: 'x' }, { features: '112' }, { features: -1 }, { odd: 1 }]) {
      const changed = withFacts(JSON.stringify({ ...facts, ...wrong }));
      await expect(evaluate(changed, { data: MUSHROOMS }), JSON.stringify(wrong)).rejects.toMatchObject({
        code: 'usage',
      });
    }
    const infinite = withFacts(JSON.stringify(facts).replace(/"lambda":[^,]*/, '"lambda":1e999'));
    await expect(evaluate(infinite, { data: MUSHROOMS })).rejects.toThrow('are not a JSON object of numbers');
  });

  test('arguments that are none are refused in one line', async () => {
    const { model } = await train({ ...logistic, rounds: 1 }).result;
    const use = evaluate as (model: unknown, options?: unknown) => Promise<unknown>;
    for (const wrong of [
      undefined,
      null,
      {},
      '',
      JSON.parse(JSON.stringify(model)),
      { ...model, metadata: { problem: 5 } },
    ]) {
      await expect(use(wrong, { data: MUSHROOMS })).rejects.toThrow('the model must be what a run has returned');
    }
    await expect(use(model)).rejects.toMatchObject({ code: 'usage', message: 'options must be an object with data' });
    await expect(use(model, { data: MUSHROOMS, signal: {} })).rejects.toThrow('signal must be an AbortSignal');
  });

  test('any number of them share a signal', async () => {
    const { model } = await train({ ...logistic, rounds: 1 }).result;
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 12 }, () => evaluate(model, { data: MUSHROOMS, signal })));
    process.off('warning', warn);
    expect(warnings).toEqual([]);
  });

  test('an abort ends it', async () => {
    const { model } = await train({ ...logistic, rounds: 1 }).result;
    const abort = new AbortController();
    const evaluated = evaluate(model, { data: MUSHROOMS, signal: abort.signal });
    abort.abort();
    await expect(evaluated).rejects.toMatchObject({ code: 'aborted' });
  });
});
