import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { type Metrics, type Model, parseOptions, readModel, type TrainOptions, train } from '../dist/index.js';
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
    const run = train({ ...quadratic, transport: 'threads', rounds: 100_000, timeLimit: 0.5, evalEvery: 100 });
    for await (const { round } of run) if (round >= 100) break;
    const models = [await run.model(), await run.model()];
    const { model: last, rounds } = await run.result;
    for (const { x, metadata } of models) {
      expect(x).toHaveLength(7);
      const k = Number(metadata.rounds);
      expect(k).toBeGreaterThanOrEqual(100);
      expect(k).toBeLessThanOrEqual(rounds);
      // the same round of a run that stops there
      const { xHash } = await train({ ...quadratic, rounds: k }).result;
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
    const options = { ...quadratic, stepSize: 1e90, evalEvery: 1, divergedFactor: 0 } as const;
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

  test('one whose gradients have grown beyond the bound has that of the last evaluated round below it', async () => {
    const out = fresh();
    // ½ x_j² in a coordinate becomes (1 − γ)² times as much in a round, 10⁴ times here: evaluated in rounds 0, 4, 8
    const options = {
      ...quadratic,
      problem: 'quadratic:d=1,sigma=0',
      stepSize: 101,
      method: 'gd',
      evalEvery: 4,
    } as const;
    const rows: Metrics[] = [];
    const run = train({ ...options, divergedFactor: 1e20, rounds: 100, out });
    await (async () => {
      for await (const row of run) rows.push(row);
    })().catch(() => undefined);
    const bound = 1e20 * Math.max(1, rows[0]?.gradNormSq ?? 0);
    const good = rows.findLast(({ gradNormSq }) => gradNormSq <= bound);
    const last = rows.at(-1);
    expect(rows.map(({ round }) => round)).toEqual([0, 4, 8]);
    expect(good?.round).toBe(4);
    expect(last?.gradNormSq).toBeGreaterThan(bound);
    await expect(run.result).rejects.toMatchObject({
      code: 'diverged',
      round: 8,
      message: expect.stringMatching(
        /^diverged in round 8 at the server: ‖∇f‖² = \d\.\d{3}e\+31 is above the bound 1\.\d{3}e\+20, and the model is that of round 4 \(method gd\); try a smaller step size$/,
      ),
    });
    const { x, metadata } = await readModel(out);
    expect(metadata.rounds).toBe('4');
    expect(x).toEqual((await train({ ...options, divergedFactor: 0, rounds: 4 }).result).model.x);
    // without a bound it goes on
    const rounds = (await train({ ...options, divergedFactor: 0, rounds: 12 }).result).rounds;
    expect(rounds).toBe(12);
  });

  test('one that never had an x⁰ says why', async () => {
    const run = train({ ...logistic, data: MUSHROOMS, workers: 10_000 });
    await expect(run.result).rejects.toMatchObject({ code: 'usage' });
    await expect(run.model()).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('model.safetensors', () => {
  test.for(['f64', 'f32'] as const)(
    '%s: is read by a program of its own: names, shapes, metadata, and x with the hash of the run',
    async (precision, context) => {
      if (spawnSync('python3', ['-c', 'import numpy']).status !== 0)
        return context.skip('python3 with NumPy is not here');
      const out = fresh();
      const { xHash, model } = await train({
        method: 'm3',
        workers: 2,
        rounds: 2,
        transport: 'loopback',
        precision,
        out,
      }).result;
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
    },
  );

  test.each(['f64', 'f32'] as const)('%s: comes back as it was', async (precision) => {
    const out = fresh();
    const { model } = await train({ ...logistic, rounds: 3, precision, out }).result;
    expect(model.x).toBeInstanceOf(precision === 'f32' ? Float32Array : Float64Array);
    expect(model.metadata.precision).toBe(precision);
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

  test.each([
    ['loopback', 'f64'],
    ['threads', 'f64'],
    ['threads', 'f32'],
  ] as const)('of gradient descent is going on, bit for bit (%s, %s)', async (transport, precision) => {
    const out = fresh();
    const options = { ...rounds, transport, precision };
    const whole = await train({ ...options, rounds: 20 }).result;
    const half = await train({ ...options, rounds: 10, out }).result;
    for (const init of [half.model.x, join(out, 'model.safetensors')]) {
      const second = await train({ ...options, rounds: 10, init }).result;
      expect(second.xHash).toBe(whole.xHash);
    }
  });

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
