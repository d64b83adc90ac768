import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyedRandom, Rng } from '@flotilla/core';
import { afterAll, describe, expect, test } from 'vitest';
import { explain, parseOptions, type TrainOptions, train } from '../dist/index.js';
import { openInProcess } from './in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-measured-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** 80 samples of 6 features, contiguous shards of different scale, labels ±1. */
function samples() {
  const rng = new KeyedRandom('measured').stream(new Rng(), 'init', 0, 0);
  const [N, q, n] = [80, 6, 4];
  const rows = Array.from({ length: N }, (_, s) => Array.from({ length: q }, () => (1 + s / N) * rng.normal()));
  const labels = Array.from({ length: N }, () => (rng.uniform() < 0.5 ? -1 : 1));
  const data = { x: Float64Array.from(rows.flat()), shape: [N, q] as const, y: Float64Array.from(labels) };
  return { n, rows, labels, data, worker: rows.map((_, s) => Math.floor((s * n) / N)) };
}

const logistic = (): TrainOptions => {
  const { n, data } = samples();
  return { problem: 'logistic:lambda=0.01', data, split: 'contiguous', workers: n, transport: 'loopback' };
};

describe('measured constants', () => {
  test('of logistic regression, beside a program of NumPy', async (context) => {
    if (spawnSync('python3', ['-c', 'import numpy']).status !== 0)
      return context.skip('python3 with NumPy is not here');
    const { n, rows, labels, worker } = samples();
    const input = JSON.stringify({ n, lambda: 0.01, rows, labels, worker });
    const run = spawnSync('python3', [new URL('measured.py', import.meta.url).pathname], { input, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    const expected = JSON.parse(run.stdout) as Record<string, number>;
    const { measured } = await explain(parseOptions({ ...logistic(), method: 'gd' }), { measure: true });
    for (const [name, value] of Object.entries(expected)) {
      const found = measured?.[name as 'f'] as number;
      expect(Math.abs(found / value - 1), `${name} is ${found}, NumPy has ${value}`).toBeLessThan(2e-3);
    }
  });

  test('of quadratics are the exact ones, on threads as on one thread, bit for bit', async () => {
    const options = {
      problem: 'heterogeneous-quadratic:d=40,la2=5,lb2=100',
      workers: 5,
      method: 'marina-p',
      stepSize: 'measured*0.5',
    };
    const here = await openInProcess({ ...options });
    const there = await openInProcess({ ...options, transport: 'threads', threads: 2 });
    const { measured, smoothness, stepSize } = here;
    for (const name of ['f', 'rms', 'max', 'LA', 'LB'] as const) {
      const [found, exact] = [measured?.[name] as number, smoothness?.[name] as number];
      expect(Math.abs(found / exact - 1), name).toBeLessThan(2e-3);
    }
    const byTheory = await openInProcess({ ...options, stepSize: 'theory*0.5' });
    expect(stepSize / byTheory.stepSize).toBeCloseTo(1, 3);
    expect(there.stepSize).toBe(stepSize);
    expect(there.measured).toEqual(measured);
    // they are counted nowhere
    expect(here.ledger.total('uplink').messages).toBe(0);
    expect((await here.spent()).gradientCalls).toBe(0);
  });

  test('--explain without it measures nothing', async () => {
    const explained = await explain(parseOptions({ ...logistic(), method: 'gd' }));
    expect(explained).not.toHaveProperty('measured');
    expect(explained.stepSize).not.toHaveProperty('measured');
  });
});

describe('stepSize: measured', () => {
  test('a run says what it measured, and its config repeats it bit for bit', async () => {
    const out = join(folder, 'run');
    const options = { ...logistic(), method: 'marina', uplink: 'perm-k', rounds: 20, stepSize: 'measured*2' };
    const first = await train({ ...options, out }).result;
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).stepSize).toBe('measured*2');
    // MARINA's formula reads no L_A: it costs the most, and was left out
    expect(Object.keys(first.measured ?? {})).toEqual(['f', 'rms', 'max', 'LPlusMinus']);
    const { f = 0, rms = 0, LPlusMinus = 0 } = first.measured ?? {};
    // n = 4, PermK: A = B = 1 on d = 7 ≥ n; p = ζ/d, (1 − p)/p as --explain has it
    const { p = 0 } = first.parameters;
    const { uplink } = await explain(parseOptions(options));
    const variance = ((1 - p) / p) * ((uplink.A - uplink.B) * rms ** 2 + uplink.B * LPlusMinus ** 2);
    expect(first.stepSize).toBeCloseTo(2 / (f + Math.sqrt(variance)), 12);
    expect(LPlusMinus).toBeLessThan(rms);
    const again = await train({ ...options, transport: 'threads', threads: 2 }).result;
    expect([again.stepSize, again.xHash]).toEqual([first.stepSize, first.xHash]);
  });

  test('answers where theory has no constant', async () => {
    const quartic = { problem: 'autoencoder', data: { x: samples().data.x, shape: [80, 6] as const }, workers: 2 };
    const few = { ...quartic, transport: 'loopback' as const, method: 'gd', rounds: 5 };
    await expect(train({ ...few, stepSize: 'theory' }).result).rejects.toThrow(
      'stepSize theory needs a smoothness constant and this problem has none; give a number, or measured',
    );
    const { stepSize, measured } = await train({ ...few, stepSize: 'measured' }).result;
    expect(stepSize).toBe(1 / (measured?.f ?? 0));
  });

  test.each([
    ['mesured', 'not "mesured"; did you mean measured?'],
    ['measured*0', 'not "measured*0"'],
    ['measured*-1', 'not "measured*-1"'],
    ['measured*x', 'not "measured*x"'],
    ['measured*', 'not "measured*"'],
    ['measured2', 'not "measured2"'],
  ])('%s is refused', (stepSize, end) => {
    expect(() => parseOptions({ stepSize }) && train({ stepSize })).toThrow(
      `stepSize must be a number > 0, theory, theory*FACTOR, measured or measured*FACTOR, ${end}`,
    );
  });

  test('is refused where theory has no formula, before anything is measured', async () => {
    const { result } = train({
      ...logistic(),
      method: 'pp-marina',
      uplink: 'same-rand-k:k=1',
      stepSize: 'measured',
      rounds: 1,
    });
    await expect(result).rejects.toThrow('theory does not cover this run of method pp-marina');
  });
});

test('MARINA’s step with PermK on least squares is that of the exact L_±', async () => {
  const { data, n } = samples();
  const options: TrainOptions = {
    problem: 'least-squares',
    data,
    split: 'contiguous',
    workers: n,
    transport: 'loopback',
  };
  const { smoothness, stepSize, uplink, parameters } = await explain(
    parseOptions({ ...options, method: 'marina', uplink: 'perm-k' }),
  );
  const { f = 0, rms = 0, LPlusMinus = 0, estimated = [] } = smoothness ?? {};
  expect(estimated).not.toContain('LPlusMinus');
  expect(LPlusMinus).toBeGreaterThan(0);
  expect(LPlusMinus).toBeLessThan(rms);
  const p = parameters.find(({ name }) => name === 'p')?.value as number;
  const variance = ((1 - p) / p) * ((uplink.A - uplink.B) * rms ** 2 + uplink.B * LPlusMinus ** 2);
  expect(stepSize.value).toBeCloseTo(1 / (f + Math.sqrt(variance)), 12);
});
