import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRuntime } from '@flotilla/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture } from '../../core/test/reference-data.js';
import { agreement } from '../dist/experiment/agreement.js';
import { Sweep } from '../dist/experiment/sweep.js';
import { tune } from '../dist/experiment/tune.js';
import { figures } from '../dist/reproduce/registry.js';
import { runFigure } from '../dist/reproduce/run-figure.js';

let folder = '';
let sweep: Sweep;
const said: string[] = [];
const log = (line: string) => said.push(line);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-reproduce-'));
  sweep = new Sweep({ cache: join(folder, 'cache'), runtime: systemRuntime });
});
afterAll(async () => {
  await sweep.close();
  rmSync(folder, { recursive: true });
});

test('agreement: three standard errors and two per cent, no more', () => {
  const reference = { mean: 100, sd: 0, runs: 1 };
  const verdict = (values: number[], more = {}, grid?: { every: number; step: number }) =>
    agreement(values, { ...reference, ...more }, grid).verdict;
  expect(verdict([102, 102])).toBe('reproduced');
  expect(verdict([102.1, 102.1])).toBe('not reproduced');
  // sd 2, two runs: 3 · 2/√2 = 4.24 and 2
  expect(verdict([104.2, 107.03])).toBe('reproduced');
  expect(verdict([106, 108.83])).toBe('not reproduced');
  // both sides: 3 · √(3²/2 + 3²/1) = 11.02 and 2
  expect(verdict([106, 108.83], { knownSd: 3 })).toBe('reproduced');
  expect(verdict([112, 114.1], { knownSd: 3 })).toBe('not reproduced');
  // a spread that the reference does not give is taken to be ours: 3 · √(2²/2 + 2²/1) = 7.35 and 2
  expect(verdict([107.5, 110.33], { sd: undefined })).toBe('reproduced');
  expect(verdict([108.5, 111.33], { sd: undefined })).toBe('not reproduced');
  expect(verdict([])).toBe('not reproduced');
});

test('agreement: what allows more than a fifth of the reference confirms nothing, and may still refute', () => {
  // 3 · 6 = 18 and 2: a fifth exactly
  expect(agreement([100], { mean: 100, sd: 6, runs: 1 })).toEqual({
    verdict: 'reproduced',
    text: '100 (1 run), reference 100 ± 6 (1 run); allowed difference 20, 20 %',
  });
  const wide = { mean: 100, sd: 43, runs: 1 };
  expect(agreement([100], wide).verdict).toBe('not decided');
  expect(agreement([100], wide).text).toMatch(/allowed difference 131, 130 %: too wide to confirm anything$/);
  expect(agreement([230], wide).verdict).toBe('not decided');
  expect(agreement([232], wide).verdict).toBe('not reproduced');
});

test('agreement: values on a grid say so, and are allowed what it hides', () => {
  const reference = { mean: 100, sd: 0, runs: 1 };
  const grid = { every: 10, step: 9 };
  expect(agreement([110, 110], reference, grid)).toEqual({
    verdict: 'reproduced',
    text: '110 (2 runs, grid of 10 rounds), reference 100 ± 0 (1 run); allowed difference 11, 11 %',
  });
  expect(agreement([112, 112], reference, grid).verdict).toBe('not reproduced');
});

test('tuning finds the power of two with the fewest rounds, up from theory and down from a base that diverges', async () => {
  const trial = {
    options: {
      method: 'gd',
      problem: 'heterogeneous-quadratic:d=40,la2=0,lb2=2',
      workers: 2,
      transport: 'loopback',
      evalEvery: 1,
      targetRelative: 0.05,
    },
    seeds: ['0'],
    targets: [{ value: 0.05, relative: true }],
    rounds: 2000,
  };
  // L = 1: γ = 2 leaves the component of the largest eigenvalue as it is and shrinks the others; γ = 4 diverges
  const [up, down, theory] = await Promise.all([
    tune(sweep, { ...trial, base: 1 / 64 }, 0),
    tune(sweep, { ...trial, base: 8 }, 0),
    tune(sweep, trial, 0),
  ]);
  expect([up.factor / 64, down.factor * 8, theory.factor]).toEqual([2, 2, 2]);
  const rounds = [up, down, theory].map(({ records }) => records[0].hits[0]?.round);
  expect(new Set(rounds).size).toBe(1);
  expect(rounds[0]).toBeGreaterThan(1);
});

const dataFolder = fixture('.');

describe('figures agree with independent programs', () => {
  test('MARINA-P 1: the fixed instance', async () => {
    const options = { dataFolder, only: ['fixed'], log };
    const { claims, panels } = await runFigure(figures['marina-p-1'], { quick: true, seeds: 3 }, sweep, options);
    const references = claims.filter(({ claim }) => claim.includes('fixed instance'));
    expect(references.length).toBe(5);
    for (const { claim, verdict, numbers } of references) expect(verdict, `${claim}: ${numbers}`).toBe('reproduced');
    const gd = panels[0].curves.find(({ curve }) => curve.label === 'GD');
    expect(gd?.outcome.records[0].hits.map((hit) => hit?.round)).toEqual([12, 517]);
  });
});
