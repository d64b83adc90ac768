import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineProblem, type Precision, TrackedPoint } from '@flotilla/core';
import { afterAll, describe, expect, test } from 'vitest';
import { explain, parseOptions, type TrainOptions, train } from '../dist/index.js';
import { planRun } from '../dist/run/plan.js';
import { hosted } from '../dist/testing/in-process.js';
import { openInProcess } from './in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-precision-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const plugins = [file('plugins/every.js')];
const quadratic: TrainOptions = {
  problem: 'heterogeneous-quadratic:d=40,sigma=0.3',
  workers: 4,
  stepSize: 0.2,
  transport: 'loopback',
  precision: 'f32',
};

describe('in f32', () => {
  // dense and compressed rounds, and steps far enough for the roundings of one program to be those of another no more
  test.for([
    ['gd', 'gd', 1e-6],
    ['marina:p=0.25', 'marina', 5e-6],
  ] as const)('%s goes where a program of NumPy goes in float32', async ([method, name, tolerance], context) => {
    if (spawnSync('python3', ['-c', 'import numpy']).status !== 0)
      return context.skip('python3 with NumPy is not here');
    const c = [0.7, 1.1, 1.6, 0.4];
    const b = Array.from({ length: 30 }, (_, j) => Math.sin(j * j) + 0.3);
    const data = join(folder, 'instance.json');
    writeFileSync(data, JSON.stringify({ c, b }));
    const options: TrainOptions = {
      problem: 'heterogeneous-quadratic',
      data,
      workers: 4,
      method,
      stepSize: 0.3,
      init: 'reference',
      plugins,
      ...(name === 'marina' && { uplink: 'every:m=3', stepSize: 0.05 }),
    };
    const training = await openInProcess({ ...options, transport: 'loopback', precision: 'f32' });
    await training.start();
    const start = [...training.iterate()];
    const dense: boolean[] = [];
    const iterates: number[][] = [];
    for (let round = 1; round <= 24; round++) {
      const before = training.ledger.total('uplink').coordinates;
      await training.round();
      dense.push(training.ledger.total('uplink').coordinates - before === 4 * b.length);
      const x = training.iterate();
      expect(x).toBeInstanceOf(Float32Array);
      iterates.push([...x]);
    }
    const { stepSize } = training;
    expect(new Set(dense).size).toBe(name === 'gd' ? 1 : 2);
    const input = JSON.stringify({ method: name, c, b, start, stepSize, every: 3, dense });
    const run = spawnSync('python3', [file('precision.py')], { input, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    const expected = JSON.parse(run.stdout) as number[][];
    const wide = await openInProcess({ ...options, transport: 'loopback', wire: 'f64' });
    const size = Math.max(...expected.flat().map(Math.abs));
    let rounded = 0;
    for (const [k, x] of iterates.entries()) {
      await wide.round();
      for (const [j, v] of x.entries()) {
        expect(Math.abs(v - (expected[k]?.[j] as number)), `x_${j} of round ${k + 1}`).toBeLessThan(tolerance * size);
        rounded = Math.max(rounded, Math.abs(v - (wide.iterate()[j] as number)));
      }
    }
    // and it is no run in f64
    expect(rounded).toBeGreaterThan(1e-9 * size);
  });

  test('what server and workers keep is Float32Array', async () => {
    for (const method of ['m3', 'diana', 'rand-mcm', 'core', 'pp-marina', 'vr-diana']) {
      const problem = method === 'vr-diana' ? {} : { problem: 'heterogeneous-quadratic:d=40' };
      const samples = { problem: 'logistic', data: await table(), stepSize: 0.1 };
      const training = await openInProcess({ ...quadratic, ...(method === 'vr-diana' ? samples : problem), method });
      await training.round();
      const states = [training.server.state, ...[0, 1, 2, 3].map((worker) => hosted(training.fleet, worker))];
      const vectors: [string, unknown][] = states.flatMap((state) => Object.entries(state));
      // counters of workers, and a product that is followed
      const wide = vectors.filter(([, value]) => value instanceof Float64Array).map(([name]) => name);
      expect(new Set(wide), method).toEqual(new Set(method === 'pp-marina' ? ['drawn', 'lastRound'] : []));
      const points = vectors.filter(([, value]) => value instanceof TrackedPoint) as [string, TrackedPoint][];
      for (const [name, point] of points) expect(point.x, `${method}, ${name}`).toBeInstanceOf(Float32Array);
      expect(points.length + vectors.filter(([, value]) => value instanceof Float32Array).length).toBeGreaterThan(8);
    }
  });

  test('a run that was stopped goes on to the same x, in its own precision and in no other', async () => {
    const options: TrainOptions = { ...quadratic, method: 'm3:p=0.3', evalEvery: 5 };
    const out = join(folder, 'stopped');
    const whole = await train({ ...options, rounds: 20 }).result;
    await train({ ...options, rounds: 9, out }).result;
    expect(() => train({ resume: out, rounds: 20, precision: 'f64' })).toThrow(
      /^precision cannot be "f64" where a run goes on: it was "f32"; [^\n]+$/,
    );
    const resumed = await train({ resume: out, rounds: 20, precision: 'f32' }).result;
    expect(resumed.xHash).toBe(whole.xHash);
    expect(resumed.precision).toBe('f32');
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({ precision: 'f32' });
    // a state says it too
    const [narrow, wide] = [await openInProcess(options), await openInProcess({ ...options, precision: 'f64' })];
    await narrow.round();
    await expect(wide.restore(await narrow.snapshot())).rejects.toThrow(/another training: .*"precision":"f32"/);
  });

  test('a wire of f64 is refused', async () => {
    const asked = planRun(parseOptions({ ...quadratic, wire: 'f64' }));
    await expect(asked).rejects.toMatchObject({
      code: 'usage',
      message: 'wire f64 would carry the numbers of precision f32 in twice the bytes; leave wire out',
    });
  });

  test('--explain says it', async () => {
    expect(await explain(parseOptions({ ...quadratic, method: 'gd' }))).toHaveProperty('precision', 'f32');
    expect(await explain(parseOptions({ ...quadratic, method: 'gd', precision: 'f64' }))).not.toHaveProperty(
      'precision',
    );
  });

  test('evaluations are exact: f and ∇f in f64 at the x there is', async () => {
    const training = await openInProcess({ ...quadratic, method: 'gd' });
    await training.round();
    const init = training.iterate();
    const { loss, gradNormSq } = await training.evaluate();
    const wide = await openInProcess({ ...quadratic, method: 'gd', precision: 'f64', init });
    expect(await wide.evaluate()).toMatchObject({ loss, gradNormSq });
  });
});

/** 24 samples of 5 features, labels ±1. */
async function table() {
  const x = Float64Array.from({ length: 120 }, (_, k) => Math.cos(k * k));
  return { x, shape: [24, 5] as const, y: Array.from({ length: 24 }, (_, s) => (s % 3 === 0 ? 1 : -1)) };
}

describe('a problem of one’s own in f32', () => {
  const module = fileURLToPath(new URL('./problems/precise.js', import.meta.url));

  test('gets f64 copies where it does not say that it takes f32, and its own run’s vectors where it does', async () => {
    const of = (parameters: Readonly<Record<string, string>>): TrainOptions => ({
      problem: { module, parameters },
      workers: 3,
      method: 'marina:p=0.5',
      uplink: 'rand-k:k=2',
      stepSize: 0.1,
      rounds: 12,
      transport: 'loopback',
      precision: 'f32',
    });
    const copied = await train(of({ takes: 'f64' })).result;
    const own = await train(of({ takes: 'f32' })).result;
    // it throws for arrays of another kind; it computes the same in both
    expect(own.xHash).toBe(copied.xHash);
    expect(copied.gradNormSq).toBeLessThan(1);
    const batch = { ...of({ takes: 'f64' }), method: 'vr-marina:p=0.5,batch=2' };
    expect((await train(batch).result).xHash).toBe((await train({ ...batch, transport: 'threads' }).result).xHash);
  });

  test('that names other precisions is refused', async () => {
    const wrong = { module, parameters: { takes: 'f16' } };
    await expect(planRun(parseOptions({ problem: wrong, workers: 2, stepSize: 1 }))).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(
        /^problem \S+: precisions is \[ 'f16' \]; it must be \['f64'\] or \['f32', 'f64'\]$/,
      ),
    });
    const precisions = 'f32' as unknown as readonly Precision[];
    const define = () => defineProblem({ name: 'own', dimension: () => 1, gradient: () => 0, stepSize: 1, precisions });
    expect(define).toThrow('precisions must be an object');
  });
});
