import { expect, test } from 'vitest';
import { Kernels, KeyedRandom, type Problem, problems, Spec } from '../dist/index.js';

/** f at the end of many steps of gradient descent, γ = 1/L. */
function descended(problem: Problem, workers: number): number {
  const oracles = Array.from({ length: workers }, (_, worker) => problem.oracle(worker, new Kernels()));
  const { f: L = Number.NaN } = problem.smoothness ?? {};
  const [x, out] = [new Float64Array(problem.dimension), new Float64Array(problem.dimension)];
  let value = 0;
  for (let round = 0; round < 20_000; round++) {
    value = 0;
    const before = x.slice();
    for (const oracle of oracles) {
      value += oracle.gradient(before, out) / workers;
      for (let j = 0; j < x.length; j++) x[j] -= out[j] / (workers * L);
    }
  }
  return value;
}

function create(spec: string, workers: number, instance?: { c: number[]; b: number[] }): Problem {
  const { name } = Spec.parse('problem', spec);
  const data: object = instance === undefined ? {} : { instance };
  return problems[name]?.create(Spec.parse('problem', spec), {
    workers,
    random: new KeyedRandom('0'),
    ...data,
  }) as Problem;
}

test.each([
  { spec: 'quadratic:d=40,sigma=0.3', workers: 5 },
  { spec: 'heterogeneous-quadratic:d=1', workers: 3 },
  { spec: 'heterogeneous-quadratic:d=2,nu=1,sigma=0.5', workers: 4 },
  { spec: 'heterogeneous-quadratic:d=25,la2=1,lb2=9', workers: 6 },
])('the lower bound of $spec is its minimum', ({ spec, workers }) => {
  const problem = create(spec, workers);
  const { lowerBound = Number.NaN } = problem;
  expect(Math.abs(descended(problem, workers) - lowerBound)).toBeLessThan(1e-9 * Math.abs(lowerBound));
});

test('of an instance: c̄ = 2, X = ¼[[2, −1], [−1, 2]], b = (4, 0): −bᵀX⁻¹b/(2c̄) = −(16 · 8/3)/4', () => {
  // X⁻¹ = 4/3 [[2, 1], [1, 2]]
  const problem = create('heterogeneous-quadratic', 2, { c: [1, 3], b: [4, 0] });
  expect(problem.lowerBound).toBeCloseTo(-32 / 3, 12);
});

test('a quadratic without a minimum states none', () => {
  const problem = create('heterogeneous-quadratic', 2, { c: [1, -3], b: [4, 0] });
  expect(problem.lowerBound).toBeUndefined();
});
