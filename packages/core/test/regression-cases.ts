import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { Kernels, KeyedRandom, problems, Spec } from '../dist/index.js';
import { loadData } from '../dist/internal.js';
import { initialPoint } from '../dist/problem/initial-point.js';
import { fixture } from './reference-data.js';

/** See fixtures/regression.py. */
export interface Case {
  readonly problem: 'least-squares' | 'softmax';
  readonly file?: string;
  readonly images?: string;
  readonly labels?: string;
  readonly workers: number;
  readonly bias: boolean;
  readonly lambda?: number;
  readonly timesL?: number;
}

export interface Answer {
  readonly lambda: number;
  /** f_i, ‖∇f_i‖ and ∇f. */
  readonly f: readonly number[];
  readonly norms: readonly number[];
  readonly gradient: readonly number[];
  readonly metric: number;
  readonly smoothness: Readonly<Record<string, number | readonly number[]>>;
}

export const cases: readonly Case[] = JSON.parse(readFileSync(fixture('regression-cases.json'), 'utf8'));
export const recorded: readonly Answer[] = JSON.parse(readFileSync(fixture('regression.json'), 'utf8'));

/** What the program says. */
export function ask(list: readonly Case[]): readonly Answer[] {
  const run = spawnSync('python3', [fixture('regression.py')], {
    input: JSON.stringify(list),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

/** Whether python3 has NumPy; says so when it has not. */
export function haveNumPy(): boolean {
  const present = spawnSync('python3', ['-c', 'import numpy']).status === 0;
  if (!present) console.warn('skipped: the comparison with a program of NumPy, which python3 does not have');
  return present;
}

/** Holds the problem of a case to an answer: f_i, gradients, the metric, constants. */
export async function compare(of: Case, answer: Answer) {
  const { problem: name, workers, bias, lambda, timesL } = of;
  const text = `${name}:bias=${bias},lambda=${timesL === undefined ? lambda : `${timesL}*L`}`;
  const family = problems[name];
  const random = new KeyedRandom('regression');
  const data = of.file === undefined ? of.images : fixture(of.file);
  const input = { data, split: 'contiguous', workers, random };
  const { shared } = await loadData(family, Spec.parse('problem', text), input);
  const problem = family.create(Spec.parse('problem', text), { ...shared, workers, random });
  const near = (found: number, expected: number, tolerance: number, what: string) =>
    expect(Math.abs(found - expected), `${what}: ${found}, expected ${expected}`).toBeLessThan(
      tolerance * Math.max(Math.abs(expected), 1e-9),
    );

  near(problem.facts?.lambda as number, answer.lambda, 1e-13, 'λ');
  const kernels = new Kernels();
  const x = initialPoint('reference', problem, random);
  const out = new Float64Array(x.length);
  const gradient = new Float64Array(x.length);
  const metric = new Float64Array(1);
  let value = 0;
  for (let i = 0; i < workers; i++) {
    const oracle = problem.oracle(i, kernels);
    near(oracle.gradient(x, out), answer.f[i], 1e-11, `f_${i}`);
    near(Math.hypot(...out), answer.norms[i], 1e-11, `the norm of the gradient of f_${i}`);
    for (let j = 0; j < x.length; j++) gradient[j] += out[j] / workers;
    oracle.metrics?.(x, metric);
    value += metric[0] / workers;
  }
  near(value, answer.metric, 1e-11, 'the metric');
  expect(gradient.length).toBe(answer.gradient.length);
  const size = Math.hypot(...answer.gradient);
  expect(Math.hypot(...gradient.map((g, j) => g - answer.gradient[j]))).toBeLessThan(1e-11 * size);

  const { smoothness } = problem;
  expect(smoothness?.estimated?.includes('f') ?? false).toBe(name === 'softmax');
  for (const [constant, expected] of Object.entries(answer.smoothness)) {
    const found = [smoothness?.[constant as 'f' | 'perWorker'] ?? 0].flat();
    for (const [i, known] of [expected].flat().entries()) {
      if (name === 'least-squares' || constant !== 'perWorker') near(found[i], known, 1e-10, `${constant}[${i}]`);
      else {
        expect(found[i]).toBeGreaterThanOrEqual(known * (1 - 1e-13));
        expect(found[i]).toBeLessThan(known * 1.001 + 1e-12);
      }
    }
  }
}
