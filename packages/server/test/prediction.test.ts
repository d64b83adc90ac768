import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { methods } from '@flotilla/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain, parseOptions, type TrainOptions } from '../dist/index.js';
import { openInProcess } from './in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-bound-'));
afterAll(() => rmSync(folder, { recursive: true }));
const instance = join(folder, 'instance.json');
// X = ½ and f(x) = ½ 2 X x² − 4x = ½x² − 4x: L_f = 1, min f = f(4) = −8; at x⁰ = 0 f = 0 and ‖∇f‖² = 16
beforeAll(() => writeFileSync(instance, JSON.stringify({ n: 2, d: 1, c: [1, 3], b: [4] })));
const parabola = { problem: 'heterogeneous-quadratic', data: instance, workers: 2 } as const;

/** Twelve samples of two features. */
const memory = {
  x: Float64Array.from({ length: 24 }, (_, k) => Math.sin(3 * k)),
  shape: [12, 2],
  y: Float64Array.from({ length: 12 }, (_, k) => (k % 3 === 0 ? 1 : -1)),
} as const;

const of = async (options: TrainOptions) => (await explain(parseOptions(options))).prediction;

describe('by hand', () => {
  // T = 2 · 8/(1 · 0.16), frames of 8 + 4 bytes
  test.each([{ target: 0.16 }, { targetRelative: 0.01 }, { target: 0.01, targetRelative: 0.01 }])(
    'gradient descent has γ = 1 and takes 100 rounds: %o',
    async (target) => {
      expect(await of({ ...parabola, method: 'gd', ...target })).toMatchObject({
        target: expect.closeTo(0.16, 12),
        loss: 0,
        lowerBound: -8,
        delta: 8,
        bound: { rounds: 100, uplinkBytes: 1200, downlinkBytes: 1200 },
        reason: undefined,
      });
    },
  );

  test('half the step takes twice the rounds', async () => {
    const found = await of({ ...parabola, method: 'gd', target: 0.16, stepSize: 'theory*0.5' });
    expect(found?.bound?.rounds).toBe(200);
  });

  // L_i = ½, 3/2: γ = min{1/√1.25, 1/2} with p = 1; ln(2 · 8/0.16)/ln 2 = 6.64; an initial gradient up, a bare header down
  test('MARINA under PŁ, nothing compressed: 7 rounds', async () => {
    const found = await of({ ...parabola, method: 'marina:mu=1', uplink: 'identity', target: 0.16 });
    expect(found?.bound).toMatchObject({ rounds: 7, uplinkBytes: 8 * 12, downlinkBytes: 7 * 12 + 8 });
  });
});

describe('where there is none it says why', () => {
  const target = 1e-3;
  const samples = { problem: 'logistic', data: memory, workers: 2 } as const;
  test.each<[RegExp, TrainOptions]>([
    [/no theorem for method diana/, { ...parabola, method: 'diana' }],
    [/about γ ≤ 1, and the run's is 4/, { ...parabola, method: 'gd', stepSize: 'theory*4' }],
    [
      /Theorem 4.1 assumes/,
      { problem: 'quadratic:d=8', workers: 4, method: 'pp-marina', uplink: 'perm-k', stepSize: 0.01 },
    ],
    [/independent coins/, { ...parabola, workers: 2, method: 'marina:p=0.5', uplink: 'natural', coins: 'even' }],
    [/these parameters of method dasha/, { ...parabola, method: 'dasha:a=0.1', uplink: 'natural' }],
    [/these parameters of method vr-marina/, { ...samples, method: 'vr-marina:online=true' }],
    // f″ = 1 is μ too
    [/mu=5 is more than μ = 1, the largest that/, { ...parabola, method: 'marina:mu=5', uplink: 'natural' }],
    // λ = 1e-5 L bounds μ from below: what is more may still hold, up to L_f
    [/mu=5 is more than L_f = 0\.\d+, and no f/, { ...samples, method: 'marina:mu=5', stepSize: 0.01 }],
    [/exact gradients/, { ...samples, method: 'marina', batch: 2 }],
  ])('%s', async (reason, options) => {
    const found = await of({ ...options, target });
    expect(found?.bound).toBeUndefined();
    expect(found?.reason).toMatch(reason);
  });

  // c̄ = 2 and X = tridiag(−1, 2, −1)/4 of three rows, whose least eigenvalue is ½(1 − cos(π/4)): μ = 1 − √½, L_f = 1 + √½
  test('a μ between that of f and L_f', async () => {
    const data = join(folder, 'three.json');
    writeFileSync(data, JSON.stringify({ n: 2, d: 3, c: [1, 3], b: [4, 0, 0] }));
    const bound = async (mu: string) => {
      const options = { ...parabola, data, method: `marina:mu=${mu}`, uplink: 'natural', target } as const;
      return (await of(options)) ?? expect.fail();
    };
    expect((await bound('0.2928')).bound?.rounds).toBeGreaterThan(1);
    const found = await bound('0.2930');
    expect(found.bound).toBeUndefined();
    expect(found.reason).toMatch(/^mu=0\.293 is more than μ = 0\.292893218813, the largest that this f has$/);
  });

  test('λ is no limit of μ where the loss is curved too', async () => {
    expect((await of({ ...samples, method: 'marina:mu=0.01', target }))?.bound?.rounds).toBeGreaterThan(1);
  });

  test('a problem without a lower bound, or without a smoothness constant', async () => {
    const module = (name: string, more: string) => {
      const path = join(folder, `${name}.mjs`);
      writeFileSync(
        path,
        `export default { name: '${name}', summary: '', data: 'none', init: 'zeros', stepSize: () => '0.1', create: () => ({
          dimension: 1, ${more}
          oracle: () => ({ smoothness: ${name === 'rough' ? 'undefined' : 1}, gradient(x, out) { out[0] = x[0] - 1; return (x[0] - 1) ** 2 / 2; } }),
        }) };`,
      );
      return of({ method: 'gd', workers: 1, problem: path, target });
    };
    expect((await module('open', ''))?.reason).toMatch(/states no lower bound of f/);
    expect((await module('rough', 'lowerBound: 0,'))?.reason).toMatch(/no smoothness constant/);
    // γ = 0.1, δ⁰ = ½: 1/(0.1 · 10⁻³)
    expect((await module('closed', 'lowerBound: 0,'))?.bound?.rounds).toBe(10_000);
  });

  test('no target on ‖∇f‖², no word of it', async () => {
    expect(await of({ ...parabola, method: 'gd', targetLoss: -7 })).toBeUndefined();
  });
});

describe('runs keep to the bound', () => {
  const path = join(folder, 'four.json');
  const b = Array.from({ length: 12 }, (_, j) => Math.cos(j * j));
  // c̄ = 1, so f has the smallest eigenvalue of X
  beforeAll(() => writeFileSync(path, JSON.stringify({ n: 4, d: 12, c: [0.4, 0.8, 1.2, 1.6], b })));
  const mu = 0.5 * (1 - Math.cos(Math.PI / 13));
  const bounded = Object.values(methods).filter(({ bound, batches }) => bound !== undefined && batches !== true);
  const problem = { problem: 'heterogeneous-quadratic', data: path, workers: 4, wire: 'f64' } as const;

  /** ‖∇f‖² of x⁰ … x^rounds, the mean over four seeds. */
  async function means(options: TrainOptions, rounds: number): Promise<Float64Array> {
    const found = new Float64Array(rounds + 1);
    for (const seed of ['0', '1', '2', '3']) {
      const training = await openInProcess({ ...options, seed });
      for (let k = 0; k <= rounds; k++) {
        found[k] = (found[k] as number) + (await training.evaluate()).gradNormSq / 4;
        if (k < rounds) await training.round();
      }
    }
    return found;
  }

  // the theorems are about the mean over x⁰ … x^{T−1}, which is E‖∇f(x̂)‖² of --output uniform
  test.each(bounded.map(({ name }) => name))('%s: the mean over 150 rounds', async (method) => {
    const options: TrainOptions = { ...problem, method };
    const { stepSize, prediction } = await explain(parseOptions({ ...options, target: 1 }));
    const target = (2 * (prediction?.delta ?? Number.NaN)) / (150 * (stepSize.value ?? Number.NaN));
    expect((await of({ ...options, target }))?.bound?.rounds).toBe(150);
    const mean = (await means(options, 149)).reduce((sum, value) => sum + value / 150, 0);
    expect(mean).toBeLessThan(target);
  });

  const withMu = bounded.filter(({ description }) => description.stepSizePL !== undefined);
  test.each(withMu.map(({ name }) => name))('%s with μ: the last of the rounds that it takes', async (name) => {
    const options: TrainOptions = { ...problem, method: `${name}:mu=${mu}` };
    const { stepSize, smoothness, prediction } = await explain(parseOptions({ ...options, target: 1 }));
    // what (1 − γμ)^T leaves of 2 L_f δ⁰ after 150 rounds, rounded up
    const left = 2 * (smoothness?.f ?? Number.NaN) * (prediction?.delta ?? Number.NaN);
    const target = left * (1 - (stepSize.value ?? Number.NaN) * mu) ** 150;
    const rounds = (await of({ ...options, target }))?.bound?.rounds ?? Number.NaN;
    expect(Math.abs(rounds - 150)).toBeLessThanOrEqual(1);
    expect((await means(options, rounds)).at(-1)).toBeLessThan(target);
  });
});
