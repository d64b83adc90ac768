import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Vector } from '@flotilla/core';
import { afterAll, expect, test } from 'vitest';
import type { TrainOptions } from '../dist/index.js';
import { iterates, relativeDistance } from './in-process.js';

// Methods that compress both ways beside a NumPy program of their definitions: `python3 both-ways.py > both-ways.json`

interface Case {
  readonly method: string;
  readonly uplink: string;
  readonly downlink: string;
  readonly stepSize: number;
  readonly rounds: readonly number[];
  /** After those rounds, where nothing is random. */
  readonly x?: readonly (readonly number[])[];
  /** Else ln ‖∇f(x)‖² over many seeds. */
  readonly mean?: readonly number[];
  readonly sd?: readonly number[];
}

const program: { instance: { c: number[]; b: number[] }; cases: Case[] } = JSON.parse(
  readFileSync(fileURLToPath(new URL('both-ways.json', import.meta.url)), 'utf8'),
);
const { instance, cases } = program;
const folder = mkdtempSync(join(tmpdir(), 'flotilla-'));
const data = join(folder, 'instance.json');
writeFileSync(data, JSON.stringify(instance));
afterAll(() => rmSync(folder, { recursive: true }));

const SEEDS = 100;

/** ln ‖∇f(x)‖², f(x) = c̄/2 xᵀXx − bᵀx with X = tridiag(−1, 2, −1)/4. */
function lnGradNormSq(x: Vector): number {
  const scale = instance.c.reduce((sum, c) => sum + c, 0) / instance.c.length / 4;
  let square = 0;
  for (const [j, v] of x.entries()) {
    square += (scale * (2 * v - (x[j - 1] ?? 0) - (x[j + 1] ?? 0)) - instance.b[j]) ** 2;
  }
  return Math.log(square);
}

const optionsOf = ({ method, uplink, downlink, stepSize }: Case): TrainOptions => {
  return { problem: 'heterogeneous-quadratic', data, workers: 6, wire: 'f64', method, uplink, downlink, stepSize };
};
const lastOf = ({ rounds }: Case) => rounds[rounds.length - 1];

test.each(cases.filter(({ x }) => x !== undefined))('$method, $uplink both ways: the same iterates', async (one) => {
  const own = await iterates(optionsOf(one), lastOf(one));
  const at = one.rounds.map((k) => own[k - 1]);
  expect(relativeDistance(at, one.x?.map((row) => Float64Array.from(row)) ?? [])).toBeLessThan(1e-12);
});

test.each(cases.filter(({ mean }) => mean !== undefined))(
  `$method, $uplink up, $downlink down: ${SEEDS} seeds within 3 standard errors of thousands`,
  async (one) => {
    const { rounds, mean = [], sd = [] } = one;
    const sums = rounds.map(() => 0);
    for (let seed = 0; seed < SEEDS; seed++) {
      const own = await iterates({ ...optionsOf(one), seed: `${seed}` }, lastOf(one));
      for (const [k, round] of rounds.entries()) sums[k] += lnGradNormSq(own[round - 1]);
    }
    for (const [k, round] of rounds.entries()) {
      const standardErrors = Math.abs(sums[k] / SEEDS - mean[k]) / (sd[k] / Math.sqrt(SEEDS));
      expect(standardErrors, `round ${round}`).toBeLessThan(3);
    }
  },
);
