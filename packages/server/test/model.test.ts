import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { evaluate, type Model, parseOptions, predict, readModel, type TrainOptions, train } from '../dist/index.js';
import { Training } from '../dist/training.js';
import { rowsOf } from './in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-model-'));
afterAll(() => rmSync(folder, { recursive: true }));
let made = 0;
const fresh = () => join(folder, `run-${made++}`);

const MUSHROOMS = fileURLToPath(new URL('../../core/test/fixtures/mushrooms-508.libsvm', import.meta.url));
const quadratic = { method: 'gd', problem: 'quadratic:d=7', workers: 2, transport: 'loopback' } as const;
const logistic = { method: 'gd', problem: 'logistic', data: MUSHROOMS, workers: 3, transport: 'loopback' } as const;

/** The entries of a model's tensors. */
const tensorsOf = ({ tensors }: Model) =>
  Object.entries(tensors).map(([name, { shape, values }]) => [name, shape, values.length]);

describe('a training has a model', () => {
  let training: Training | undefined;
  afterEach(() => training?.close());

  async function trained(options: TrainOptions) {
    training = await Training.open(parseOptions({ transport: 'loopback', workers: 2, stepSize: 0.01, ...options }));
    for (let k = 0; k < 2; k++) await training.round();
    return { model: training.model(), training };
  }

  test("the autoencoder's is its decoder and its encoder, views of x in the order of flattening", async () => {
    const { model, training } = await trained({ method: 'gd' });
    expect(model.x).toEqual(training.iterate());
    expect(tensorsOf(model)).toEqual([
      ['D', [784, 16], 12544],
      ['E', [16, 784], 12544],
    ]);
    const { D, E } = model.tensors;
    expect([D?.values.buffer, E?.values.buffer]).toEqual([model.x.buffer, model.x.buffer]);
    expect(D?.values).toEqual(model.x.slice(0, 12544));
    expect(E?.values).toEqual(model.x.slice(12544));
  });

  test('a problem that names no tensors has one, x', async () => {
    const { model } = await trained(quadratic);
    expect(tensorsOf(model)).toEqual([['x', [7], 7]]);
    expect(model.tensors.x?.values).toEqual(model.x);
  });

  test('it is a copy: rounds to come leave it as it is', async () => {
    const { model, training } = await trained(quadratic);
    const before = model.x.slice();
    await training.round();
    expect(model.x).toEqual(before);
    expect(training.model().x).not.toEqual(before);
  });
});

describe('a run gives its model', () => {
  test('the result has it, and nobody who sends the result as JSON sends the model', async () => {
    const result = await train({ ...quadratic, rounds: 3 }).result;
    expect(result.model.x).toHaveLength(7);
    expect(result.model.metadata).toMatchObject({ problem: 'quadratic:d=7', rounds: '3', xHash: result.xHash });
    expect(Object.keys(result)).not.toContain('model');
    expect(JSON.parse(JSON.stringify(result))).not.toHaveProperty('model');
    expect({ ...result }).not.toHaveProperty('model');
  });

  test('while it goes on, at the end of a round, without stopping it', async () => {
    const run = train({ ...quadratic, transport: 'threads', rounds: 100_000, timeLimit: 0.5, evalEvery: 1e6 });
    const models = [await run.model(), await run.model()];
    const { model: last, rounds } = await run.result;
    for (const { x, metadata } of models) {
      expect(x).toHaveLength(7);
      const k = Number(metadata.rounds);
      expect(k).toBeLessThanOrEqual(rounds);
      if (k > 2000) continue;
      // the same round of a run that stops there
      const { xHash } = k === 0 ? { xHash: metadata.xHash } : await train({ ...quadratic, rounds: k }).result;
      expect(metadata.xHash).toBe(xHash);
    }
    expect((await run.model()).x).toEqual(last.x);
  });

  test('one that was aborted has that of its last whole round, in its folder too', async () => {
    const out = fresh();
    const abort = new AbortController();
    const run = train({ ...quadratic, rounds: 1e9, evalEvery: 1e6, out, signal: abort.signal });
    await run.model();
    abort.abort();
    await expect(run.result).rejects.toMatchObject({ code: 'aborted' });
    const { metadata, x } = await run.model();
    expect(await readModel(out)).toEqual({ ...(await run.model()), tensors: expect.anything() });
    const again = await train({ ...quadratic, rounds: Math.max(1, Number(metadata.rounds)) }).result;
    expect(metadata.xHash).toBe(again.xHash);
    expect(x).toEqual(again.model.x);
  });

  test('one that failed has that of the last round that ended', async () => {
    const out = fresh();
    const options = { ...quadratic, stepSize: 1e90, evalEvery: 1 } as const;
    const run = train({ ...options, rounds: 100, out });
    const rows = await rowsOf(run).catch(() => undefined);
    expect(rows).toBeUndefined();
    await expect(run.result).rejects.toMatchObject({ code: 'diverged' });
    const { x, metadata } = await readModel(out);
    expect(x.every(Number.isFinite)).toBe(true);
    expect(Number(metadata.rounds)).toBeGreaterThan(0);
    const last = train({ ...options, evalEvery: 1e6, rounds: Number(metadata.rounds) });
    await last.result.catch(() => undefined);
    expect(x).toEqual((await last.model()).x);
  });

  test('one that never had an x⁰ says why', async () => {
    const run = train({ ...logistic, data: MUSHROOMS, workers: 10_000 });
    await expect(run.result).rejects.toMatchObject({ code: 'usage' });
    await expect(run.model()).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('model.safetensors', () => {
  test('is read by a program of its own: names, shapes, metadata, and x with the hash of the run', async (context) => {
    if (spawnSync('python3', ['-c', 'import numpy']).status !== 0)
      return context.skip('python3 with NumPy is not here');
    const out = fresh();
    const { xHash, model } = await train({ method: 'm3', workers: 2, rounds: 2, transport: 'loopback', out }).result;
    const script = fileURLToPath(new URL('./read_safetensors.py', import.meta.url));
    const read = JSON.parse(execFileSync('python3', [script, join(out, 'model.safetensors')], { encoding: 'utf8' }));
    expect(read).toEqual({
      tensors: { D: [784, 16], E: [16, 784] },
      sums: Object.fromEntries(['D', 'E'].map((name) => [name, expect.any(Number)])),
      metadata: { ...model.metadata },
      xHash,
    });
    for (const [name, sum] of Object.entries(read.sums as Record<string, number>)) {
      const expected = [...(model.tensors[name]?.values ?? [])].reduce((total, v) => total + v, 0);
      expect(Math.abs(sum - expected)).toBeLessThan(1e-9);
    }
  });

  test('comes back as it was', async () => {
    const out = fresh();
    const { model } = await train({ ...logistic, rounds: 3, out }).result;
    for (const path of [out, join(out, 'model.safetensors')]) {
      const read = await readModel(path);
      expect(read.x).toEqual(model.x);
      expect(tensorsOf(read)).toEqual(tensorsOf(model));
      expect({ ...read.metadata }).toEqual({ ...model.metadata });
    }
  });
});

describe('a warm start', () => {
  const rounds = { ...logistic, wire: 'f32', init: 'normal:0.1' } as const;

  test.each(['loopback', 'threads'] as const)(
    'of gradient descent is going on, bit for bit (%s)',
    async (transport) => {
      const out = fresh();
      const whole = await train({ ...rounds, transport, rounds: 20 }).result;
      const half = await train({ ...rounds, transport, rounds: 10, out }).result;
      for (const init of [half.model.x, join(out, 'model.safetensors')]) {
        const second = await train({ ...rounds, transport, rounds: 10, init }).result;
        expect(second.xHash).toBe(whole.xHash);
      }
    },
  );

  test('takes the numbers as they were when the run was asked for', async () => {
    const init = Float64Array.from({ length: 7 }, (_, j) => j);
    const run = train({ ...quadratic, rounds: 1, init });
    init.fill(0);
    const { xHash } = await run.result;
    const other = await train({ ...quadratic, rounds: 1, init: Float64Array.of(0, 1, 2, 3, 4, 5, 6) }).result;
    expect(xHash).toBe(other.xHash);
  });

  test.each([
    ['too short', new Float64Array(6), 'init has 6 numbers; the problem has d = 7 coordinates'],
    ['not a number', Float64Array.of(0, 0, Number.NaN, 0, 0, 0, 0), 'init: coordinate 2 is NaN, not a finite number'],
  ])('%s is refused in one line', async (_, init, message) => {
    await expect(train({ ...quadratic, init }).result).rejects.toMatchObject({ code: 'usage', message });
  });

  test('from a file that is not there is a mistake of whoever named it', async () => {
    for (const init of ['none.npy', 'none.safetensors']) {
      await expect(train({ ...quadratic, init: join(folder, init) }).result).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/^init ".*none\.\w+" cannot be read: no file is there$/),
      });
    }
  });

  test('from a file of other tensors is refused by their names', async () => {
    const out = fresh();
    await train({ ...logistic, rounds: 1, out }).result;
    const init = join(out, 'model.safetensors');
    await expect(train({ ...quadratic, init }).result).rejects.toMatchObject({
      code: 'usage',
      message: `init ${init} has the tensors bias [1], weights [${112}]; the problem's are x [7]`,
    });
    await expect(train({ ...quadratic, init: join(folder, 'none.safetensors') }).result).rejects.toMatchObject({
      message: expect.stringContaining('none.safetensors'),
    });
  });
});

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
