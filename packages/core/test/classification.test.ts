import { describe, expect, test } from 'vitest';
import { readLibsvm } from '../dist/data/libsvm.js';
import { split } from '../dist/data/split.js';
import { Kernels } from '../dist/kernels/kernels.js';
import { problems } from '../dist/problem/index.js';
import { KeyedRandom } from '../dist/random.js';
import { Spec } from '../dist/spec.js';
import { fixture, reference } from './reference-data.js';

const off = (value: number, expected: number) => Math.abs(value / expected - 1);

describe('gradient descent, γ = 1/L, contiguous split, against a program of its own', () => {
  test.each(reference.gradientDescent)('$problem on $file, n = $workers', async (expected) => {
    const { file, workers, steps, targets } = expected;
    const data = await readLibsvm(fixture(file), file);
    expect(data.samples).toBe(expected.samples);
    const random = new KeyedRandom('reference');
    const shards = split('contiguous', data, workers, random);
    const input = { workers, random, data, shards, instance: undefined };
    const problem = problems[expected.problem].create(Spec.parse('problem', expected.problem), input);
    expect(problem.dimension).toBe(expected.dimension);
    const L = problem.smoothness?.f as number;
    expect(off(L, expected.smoothness.f)).toBeLessThan(1e-14);
    expect(off(problem.smoothness?.rms as number, expected.smoothness.rms)).toBeLessThan(1e-14);

    const kernels = new Kernels();
    const oracles = Array.from({ length: workers }, (_, i) => problem.oracle(i, kernels));
    oracles.forEach(({ smoothness }, i) => {
      expect(off(smoothness as number, expected.smoothness.perWorker[i]), `L of worker ${i}`).toBeLessThan(1e-14);
    });
    const [x, out, gradient] = [1, 2, 3].map(() => new Float64Array(problem.dimension));
    const losses: number[] = [];
    const norms: number[] = [];
    for (let step = 0; step <= steps; step++) {
      gradient.fill(0);
      let loss = 0;
      for (const oracle of oracles) {
        loss += oracle.gradient(x, out) / workers;
        for (let j = 0; j < x.length; j++) gradient[j] += out[j] / workers;
      }
      losses.push(loss);
      norms.push(gradient.reduce((sum, g) => sum + g * g, 0));
      for (let j = 0; j < x.length; j++) x[j] -= gradient[j] / L;
    }
    for (const [k, step] of [0, steps].entries()) {
      expect(off(losses[step], expected.loss[k]), `f in step ${step}`).toBeLessThan(1e-10);
      expect(off(norms[step], expected.gradNormSq[k]), `‖∇f‖² in step ${step}`).toBeLessThan(1e-10);
    }
    expect(targets.map((target) => norms.findIndex((norm) => norm <= target))).toEqual(expected.rounds);
  });
});
