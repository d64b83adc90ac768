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
  expect(agreement([102, 102], reference).agrees).toBe(true);
  expect(agreement([102.1, 102.1], reference).agrees).toBe(false);
  // sd 2, two runs: 3 · 2/√2 = 4.24 and 2
  expect(agreement([104.2, 107.03], reference).agrees).toBe(true);
  expect(agreement([106, 108.83], reference).agrees).toBe(false);
  expect(agreement([106, 108.83], { ...reference, knownSd: 3 }).agrees).toBe(true);
  expect(agreement([], reference).agrees).toBe(false);
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
