import { expect, test } from 'vitest';
import { rootMeanSquare, type Smoothness, smoothnessFrom } from '../problem/problem.js';
import { eigenvalues, hessian, norm, steepestQuotient } from './curvature.js';
import type { MadeProblem, ProblemSuiteOptions } from './suite-options.js';

/** Holds the smoothness constants of a problem to what its gradients do. Part of `describeProblem`. */
export function describeConstants(made: () => MadeProblem, options: ProblemSuiteOptions): void {
  const { workers = 4, scale = 0.5, slack = 1e-9, sharpness = 0.05 } = options;
  const atMost = (L: number) => L * (1 + slack);

  /** The constants that a run has, and ∇f. */
  const parts = () => {
    const { problem, oracles } = made();
    const perWorker = oracles.map((oracle) => oracle.smoothness as number);
    const perSample = oracles.map((oracle) => oracle.sampleSmoothness);
    const known = (list: readonly (number | undefined)[]): list is readonly number[] => !list.includes(undefined);
    const smoothness = problem.smoothness ?? smoothnessFrom(perWorker, known(perSample) ? perSample : undefined);
    const part = new Float64Array(problem.dimension);
    /** Writes ∇f(x) and returns f(x). */
    const gradient = (x: Float64Array, out: Float64Array) => {
      out.fill(0);
      return oracles.reduce((sum, oracle) => {
        const value = oracle.gradient(x, part);
        for (let j = 0; j < out.length; j++) out[j] += part[j] / workers;
        return sum + value / workers;
      }, 0);
    };
    return { smoothness, perSample, gradient };
  };
  /** The steepest quotient at a few points. */
  const steepest = (gradient: (x: Float64Array, out: Float64Array) => unknown, points = 20) => {
    const { point, rng } = made();
    return Math.max(...Array.from({ length: points }, () => steepestQuotient(gradient, point(), 1e-3 * scale, rng)));
  };
  const holds = (L: number, found: number, name: string) => {
    expect(found, name).toBeLessThanOrEqual(atMost(L));
    expect(found, `${name}: found, of what is stated`).toBeGreaterThan(sharpness * L);
  };

  test('the constants agree with one another', () => {
    const { smoothness, perSample } = parts();
    const { perWorker, rms, max, sampleRms, estimated = [] } = smoothness;
    const close = (value: number, expected: number) => expect(Math.abs(value / expected - 1)).toBeLessThan(1e-12);
    expect(perWorker.length).toBe(workers);
    for (const [worker, oracle] of made().oracles.entries()) close(perWorker[worker], oracle.smoothness as number);
    close(rms, rootMeanSquare(perWorker));
    close(max, Math.max(...perWorker));
    if (sampleRms !== undefined) close(sampleRms, rootMeanSquare(perSample as readonly number[]));
    for (const name of estimated) expect(Object.keys(smoothness)).toContain(name);
  });

  test('L and L_i bound the change of ∇f and ∇f_i', () => {
    const { smoothness, gradient } = parts();
    holds(smoothness.f, steepest(gradient), 'L');
    for (const [worker, oracle] of made().oracles.entries()) {
      holds(
        smoothness.perWorker[worker],
        steepest((x, out) => oracle.gradient(x, out)),
        `L_${worker}`,
      );
    }
  });

  test('max L_ij bounds the change of the gradient of every sample', () => {
    for (const [worker, oracle] of made().oracles.entries()) {
      const L = oracle.sampleSmoothness;
      if (L === undefined) return expect(oracle.samples, 'a sum without constants of its samples').toBeUndefined();
      const batches = Array.from({ length: oracle.samples as number }, (_, j) => Int32Array.of(j));
      const found = batches.map((batch) => steepest((x, out) => oracle.batchGradient?.(x, batch, out), 5));
      holds(L, Math.max(...found), `max_j L_${worker}j`);
    }
  });

  test('L_A and L_B bound the change of the mean of gradients at different points (MARINA-P, Assumption 4.2)', () => {
    const { smoothness } = parts();
    const { problem, oracles, point } = made();
    const d = problem.dimension;
    const [a, b] = [new Float64Array(d), new Float64Array(d)];
    for (let trial = 0; trial < 60; trial++) {
      const x = point();
      const common = point();
      // one step for all, a step of one alone, a step for each
      const steps = oracles.map((_, i) =>
        trial % 3 === 0 ? common : trial % 3 === 1 ? (i === trial % workers ? common : new Float64Array(d)) : point(),
      );
      const change = new Float64Array(d);
      const mean = new Float64Array(d);
      let squares = 0;
      for (const [i, oracle] of oracles.entries()) {
        oracle.gradient(x, a);
        oracle.gradient(
          x.map((v, j) => v + steps[i][j]),
          b,
        );
        for (let j = 0; j < d; j++) {
          change[j] += (b[j] - a[j]) / workers;
          mean[j] += steps[i][j] / workers;
        }
        squares += norm(steps[i]) ** 2 / workers;
      }
      const { LA, LB } = smoothness;
      expect(norm(change) ** 2).toBeLessThanOrEqual(atMost(LA ** 2 * squares + LB ** 2 * norm(mean) ** 2));
    }
  });

  test('L_± bounds the spread of the changes of gradients (Szlendak, Tyurin, Richtárik 2021), and is at most L_rms', () => {
    const { LPlusMinus, rms } = parts().smoothness;
    if (LPlusMinus === undefined) return;
    expect(LPlusMinus).toBeLessThanOrEqual(rms);
    const { problem, oracles, point } = made();
    const d = problem.dimension;
    for (let trial = 0; trial < 30; trial++) {
      const [x, step] = [point(), point()];
      const y = x.map((v, j) => v + step[j]);
      const mean = new Float64Array(d);
      let squares = 0;
      for (const oracle of oracles) {
        const [a, b] = [new Float64Array(d), new Float64Array(d)];
        oracle.gradient(x, a);
        oracle.gradient(y, b);
        for (let j = 0; j < d; j++) mean[j] += (b[j] - a[j]) / workers;
        squares += norm(b.map((v, j) => v - a[j])) ** 2 / workers;
      }
      const spread = squares - norm(mean) ** 2;
      expect(spread).toBeLessThanOrEqual(LPlusMinus ** 2 * norm(step) ** 2 + slack * squares);
    }
  });

  test('‖∇f(x)‖² ≥ 2μ(f(x) − f(y)), where μ is known', () => {
    const { smoothness, gradient } = parts();
    const { mu, f } = smoothness;
    if (mu === undefined) return expect(options.quadratic, 'a quadratic without μ').not.toBe(true);
    expect(mu).toBeGreaterThan(0);
    const { problem, point } = made();
    const out = new Float64Array(problem.dimension);
    for (let trial = 0; trial < 10; trial++) {
      const x = point();
      const value = gradient(x, out);
      const squares = norm(out) ** 2;
      // down towards the minimum, which nobody knows
      const y = x.slice();
      let lowest = value;
      for (let step = 0; step < 200; step++) {
        lowest = Math.min(lowest, gradient(y, out));
        for (let j = 0; j < y.length; j++) y[j] -= out[j] / f;
      }
      expect(lowest, 'gradient descent with 1/L descends').toBeLessThan(value);
      expect(squares).toBeGreaterThanOrEqual(2 * mu * (value - lowest) * (1 - slack));
    }
  });

  if (options.quadratic === true)
    test('of a quadratic: what is not called estimated is exact', () => {
      const { smoothness, gradient } = parts();
      const { problem, oracles } = made();
      const d = problem.dimension;
      const whole = hessian(gradient, d);
      const own = oracles.map((oracle) => hessian((x, out) => oracle.gradient(x, out), d));
      const length = (columns: readonly Float64Array[]) => Math.max(...eigenvalues(columns).map(Math.abs));
      const minus = (a: readonly Float64Array[], b: readonly Float64Array[]) =>
        a.map((column, k) => column.map((v, j) => v - b[k][j]));
      const lengths = own.map(length);
      const differences = own.map((columns) => minus(columns, whole));
      // (1/n) Σ (H_i − H)²
      const variance = whole.map((_, k) =>
        Float64Array.from(whole, (_, j) =>
          differences.reduce(
            (sum, columns) => sum + columns[k].reduce((s, v, i) => s + v * columns[j][i], 0) / workers,
            0,
          ),
        ),
      );
      const found: Omit<Smoothness, 'estimated' | 'sampleRms'> = {
        f: length(whole),
        perWorker: lengths,
        rms: rootMeanSquare(lengths),
        max: Math.max(...lengths),
        // MARINA-P, Theorem 4.9
        LA: Math.SQRT2 * Math.max(...differences.map(length)),
        LB: (Math.SQRT2 * lengths.reduce((sum, L) => sum + L, 0)) / workers,
        LPlusMinus: Math.sqrt(Math.max(0, ...eigenvalues(variance))),
        trace: whole.reduce((sum, column, j) => sum + column[j], 0),
        mu: Math.min(...eigenvalues(whole)),
      };
      const exact = (Object.keys(found) as (keyof typeof found)[]).filter(
        (name) =>
          !smoothness.estimated?.includes(name) && (name !== 'LPlusMinus' || smoothness.LPlusMinus !== undefined),
      );
      expect(exact.length, 'constants that are exact').toBeGreaterThan(0);
      for (const name of exact) {
        const [stated, expected] = [[smoothness[name] ?? Number.NaN].flat(), [found[name] as number].flat()];
        stated.forEach((v, i) => {
          expect(Math.abs(v - expected[i]), `${name} is ${v}, found ${expected[i]}`).toBeLessThan(1e-9 * found.max);
        });
      }
      // a Hessian that is the same everywhere
      const [x, out, origin] = [made().point(), new Float64Array(d), new Float64Array(d)];
      gradient(x, out);
      gradient(new Float64Array(d), origin);
      const affine = origin.map((v, j) => v + whole.reduce((sum, column, k) => sum + column[j] * x[k], 0));
      expect(norm(out.map((v, j) => v - affine[j]))).toBeLessThan(1e-12 * norm(affine));
    });
}
