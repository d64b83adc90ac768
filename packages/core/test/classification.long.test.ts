import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseLibsvm } from '../dist/data/libsvm.js';
import { readDataFile } from '../dist/data/read-file.js';
import { split } from '../dist/data/split.js';
import { Kernels } from '../dist/kernels/kernels.js';
import { problems } from '../dist/problem/index.js';
import { KeyedRandom } from '../dist/random.js';
import { Spec } from '../dist/spec.js';
import { haveWholeSets, wholeSets } from './reference-data.js';

/** What gradient descent with γ = 1/L gives, by a program of its own: plain loops over rows of text, nothing shared. */
function byHand(
  text: string,
  workers: number,
  kind: 'nonconvex-logistic' | 'logistic',
  lambdaOverL: number,
  steps: number,
) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const size = Math.floor(lines.length / workers);
  const rows = lines.slice(0, size * workers).map((line) => {
    const [label, ...entries] = line.trim().split(/\s+/);
    return { label: Number(label), entries: entries.map((entry) => entry.split(':').map(Number)) };
  });
  const positive = Math.max(...lines.map((line) => Number(line.trim().split(/\s+/)[0])));
  const d = 1 + lines.reduce((most, line) => Math.max(most, Number(/(\d+):\S*\s*$/.exec(line)?.[1] ?? 0)), 0);
  const curvature = kind === 'logistic' ? 0.25 : 0.15405;
  const steepest = Math.max(...rows.map(({ entries }) => entries.reduce((sum, [, v]) => sum + v * v, 1)));
  const lambda = lambdaOverL * curvature * steepest;
  // L_i of each worker, then their mean
  let L = 0;
  for (let i = 0; i < workers; i++) {
    const shard = rows.slice(i * size, (i + 1) * size);
    L += Math.max(...shard.map(({ entries }) => curvature * entries.reduce((sum, [, v]) => sum + v * v, 1))) / workers;
  }
  L += lambda;

  const x = new Array<number>(d).fill(0);
  const evaluate = () => {
    let f = 0;
    const gradient = new Array<number>(d).fill(0);
    for (const { label, entries } of rows) {
      const y = label === positive ? 1 : -1;
      let t = x[0];
      for (const [j, v] of entries) t += v * x[j];
      const sigma = 1 / (1 + Math.exp(-y * t));
      // (1 − σ)² has the derivative −2(1 − σ) σ(1 − σ); log(1 + e^{−t}) = −log σ has −(1 − σ)
      f += kind === 'logistic' ? -Math.log(sigma) : (1 - sigma) ** 2;
      const slope = kind === 'logistic' ? -(1 - sigma) : -2 * (1 - sigma) * sigma * (1 - sigma);
      gradient[0] += y * slope;
      for (const [j, v] of entries) gradient[j] += y * slope * v;
    }
    f /= rows.length;
    let norm = 0;
    for (let j = 0; j < d; j++) {
      gradient[j] = gradient[j] / rows.length + lambda * x[j];
      f += (lambda / 2) * x[j] * x[j];
      norm += gradient[j] * gradient[j];
    }
    return { f, norm, gradient };
  };
  const first = evaluate();
  for (let k = 0; k < steps; k++) {
    const { gradient } = evaluate();
    for (let j = 0; j < d; j++) x[j] -= gradient[j] / L;
  }
  const last = evaluate();
  return { L, values: [first.f, first.norm, last.f, last.norm] };
}

describe.skipIf(!haveWholeSets())('gradient descent, γ = 1/L, contiguous split, against a program of its own', () => {
  test.each([
    ['mushrooms', 'nonconvex-logistic', 1e-6, 20],
    ['phishing', 'nonconvex-logistic', 1e-6, 5],
    ['phishing', 'logistic', 1e-3, 5],
    ['a9a', 'nonconvex-logistic', 1e-6, 5],
    ['a9a', 'logistic', 1e-3, 20],
  ] as const)('%s, %s', async (name, kind, lambdaOverL, workers) => {
    const steps = 15;
    const path = join(wholeSets, `${name}.xz`);
    const bytes = await readDataFile(path);
    const hand = byHand(bytes.toString('latin1'), workers, kind, lambdaOverL, steps);

    const data = await parseLibsvm(bytes, path, name);
    const random = new KeyedRandom('reference');
    const shards = split('contiguous', data, workers, random);
    const input = { workers, random, data, shards, instance: undefined };
    const problem = problems[kind].create(Spec.parse('problem', kind), input);
    const L = problem.smoothness?.f as number;
    expect(Math.abs(L / hand.L - 1)).toBeLessThan(1e-14);

    const kernels = new Kernels();
    const oracles = Array.from({ length: workers }, (_, i) => problem.oracle(i, kernels));
    const [x, out, gradient] = [1, 2, 3].map(() => new Float64Array(problem.dimension));
    const evaluate = () => {
      gradient.fill(0);
      let value = 0;
      for (const oracle of oracles) {
        value += oracle.gradient(x, out) / workers;
        for (let j = 0; j < x.length; j++) gradient[j] += out[j] / workers;
      }
      return [value, gradient.reduce((sum, g) => sum + g * g, 0)];
    };
    const values = evaluate();
    for (let k = 0; k < steps; k++) {
      evaluate();
      for (let j = 0; j < x.length; j++) x[j] -= gradient[j] / L;
    }
    values.push(...evaluate());
    values.forEach((v, k) => {
      expect(Math.abs(v / hand.values[k] - 1), `${values} by hand ${hand.values}`).toBeLessThan(1e-11);
    });
    expect(values[2]).toBeLessThan(values[0]);
  });
});
