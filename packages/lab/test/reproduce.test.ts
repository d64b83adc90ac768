import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRuntime } from '@flotilla/core';
import type { Metrics } from '@flotilla/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixture } from '../../core/test/reference-data.js';
import { agreement } from '../dist/experiment/agreement.js';
import { Sweep } from '../dist/experiment/sweep.js';
import { tune } from '../dist/experiment/tune.js';
import type { Figure, Panel, PanelResult } from '../dist/reproduce/figure.js';
import { marinaP6 } from '../dist/reproduce/figures/marina-p-6.js';
import { fewer } from '../dist/reproduce/marina-p.js';
import { checkReference } from '../dist/reproduce/measure.js';
import { figures } from '../dist/reproduce/registry.js';
import { panelTable, runFigure } from '../dist/reproduce/run-figure.js';

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

test('tuning starts where it is told, goes either way from there, and evaluates the chosen runs finely', async () => {
  const trial = {
    options: {
      method: 'gd',
      problem: 'heterogeneous-quadratic:d=40,la2=0,lb2=2',
      workers: 2,
      transport: 'loopback',
      evalEvery: 8,
      targetRelative: 0.005,
    },
    seeds: ['0'],
    targets: [
      { value: 0.05, relative: true },
      { value: 0.005, relative: true },
    ],
    rounds: 4000,
  };
  const outcomes = await Promise.all([1 / 8, 1, 2, 64].map((from) => tune(sweep, { ...trial, from }, 1)));
  // L = 1: at γ = 2 the component of the largest eigenvalue stays, and is too large for this target
  expect(outcomes.map(({ factor }) => factor)).toEqual([1, 1, 1, 1]);
  for (const { evalEvery, records } of outcomes) {
    const [first, last] = records[0].hits.map((hit) => hit?.round ?? 0);
    // the grid that tuning saw the first target on, 2 % of it
    expect(evalEvery).toBe(Math.max(1, Math.min(8, Math.floor((8 * Math.ceil(first / 8)) / 50))));
    expect(last).toBeGreaterThan(first);
  }
});

describe('a panel', () => {
  const gd = { label: 'GD', method: 'gd', stepSize: 1, rounds: 1000, deterministic: true };
  const panel: Panel = {
    id: 'one',
    title: 'one',
    problem: 'heterogeneous-quadratic:d=40,la2=0,lb2=2',
    workers: 2,
    axis: 'downlink',
    targets: [{ value: 0.3, relative: true }],
    budget: { of: 'GD', times: 3 },
    curves: [
      { ...gd, label: 'slow', stepSize: 0.01, perRound: 40 },
      { ...gd, label: 'slow, no budget', stepSize: 0.2 },
      gd,
    ],
  };
  const figure: Figure = { ...figures['marina-p-1'], panels: () => [panel], claims: () => [] };
  const run = async (one: Panel) => {
    const options = { dataFolder: undefined, only: undefined, log };
    const { panels } = await runFigure({ ...figure, panels: () => [one] }, { quick: true, seeds: 1 }, sweep, options);
    return panels[0] as PanelResult;
  };

  test('with a budget gives up what needs more coordinates than that, and nothing else', async () => {
    const { curves } = await run(panel);
    const [slow, free, budget] = curves.map(({ outcome }) => outcome.records[0]);
    const rounds = budget.hits[0]?.round ?? 0;
    expect(rounds).toBeGreaterThan(3);
    expect(slow.hits).toEqual([null]);
    expect(slow.rows.at(-1)?.round).toBe(3 * rounds);
    expect(free.hits[0]?.round).toBeGreaterThan(3 * rounds);
  });

  test('says which rounds are on a grid, and a reference allows for it', async () => {
    const curves = [
      { ...gd, label: 'every round' },
      { ...gd, evalEvery: 7 },
    ];
    const result = await run({ ...panel, curves, budget: undefined });
    const [fine, coarse] = result.curves.map(({ outcome }) => outcome.records[0].hits[0]?.round ?? 0);
    expect(coarse).toBe(7 * Math.ceil(fine / 7));
    expect(panelTable(result).rows.map((row) => row[4])).toEqual([`${fine}`, `${coarse} (grid of 7)`]);
    const where = { id: 'one', label: 'GD', target: 0 };
    const against = (mean: number) =>
      checkReference([result], where, 'rounds', (row) => row.round, { mean, sd: 0, runs: 1 });
    // 2 % of the reference and the six rounds that were not looked at
    expect(against(Math.ceil((coarse + 6.1) / 0.98)).verdict).toBe('not reproduced');
    expect(against(coarse - 6).numbers).toContain('1 run, grid of 7 rounds');
    expect(against(coarse - 6).verdict).not.toBe('not reproduced');
    // nobody has come to the target
    const unmet = { ...result, curves: result.curves.map((curve) => ({ ...curve, outcome: missing(curve.outcome) })) };
    expect(checkReference([unmet], where, 'rounds', (row) => row.round, { mean: 1, sd: 0, runs: 1 })).toMatchObject({
      verdict: 'not decided',
      numbers: 'the target was reached by 0 of 1 seeds',
    });
    const nobody = { ...where, label: 'none' };
    expect(checkReference([result], nobody, 'rounds', (row) => row.round, { mean: 1, sd: 0, runs: 1 }).verdict).toBe(
      'not run',
    );
  });
});

/** The same runs, if none had come to a target. */
const missing = <T extends { records: readonly { hits: readonly unknown[] }[] }>(outcome: T): T => ({
  ...outcome,
  records: outcome.records.map((record) => ({ ...record, hits: record.hits.map(() => null) })),
});

test('fewer: what did not reach the target has a lower bound, which decides on one side', () => {
  const exact = (coordinates: number) => ({ each: [coordinates], coordinates, exact: true });
  const bound = (coordinates: number) => ({ each: [coordinates], coordinates, exact: false });
  expect(fewer(exact(3), exact(4))).toBe('reproduced');
  expect(fewer(exact(5), exact(4))).toBe('not reproduced');
  expect(fewer(exact(3), bound(4))).toBe('reproduced');
  expect(fewer(exact(5), bound(4))).toBe('not decided');
  expect(fewer(bound(3), exact(4))).toBe('not decided');
  expect(fewer(bound(5), exact(4))).toBe('not reproduced');
  expect(fewer(bound(3), bound(4))).toBe('not decided');
  expect(fewer(undefined, exact(4))).toBe('not run');
});

test('PermK’s lead over L_A²: decided by runs that came to the target, and by none that did not', () => {
  const verdict = (panels: readonly PanelResult[]) => marinaP6.claims(panels).at(-1)?.verdict;
  /** The panels of L_A² = 0 and 100, with the coordinates that SameRandK needed there, PermK one; null: it did not get there. */
  const panels = (homogeneous: number | null, heterogeneous: number | null): PanelResult[] => {
    const link = (each: number) => ({ coordinates: 900 * each });
    const row = (each: number) => ({ uplink: link(300), downlink: link(each) }) as Metrics;
    const curveOf = (label: string, needed: number | null) => {
      const hit = needed === null ? null : row(needed);
      return { curve: { label }, outcome: { records: [{ rows: [row(needed ?? 7)], hits: [hit, hit] }] } };
    };
    return marinaP6.panels({ quick: false, seeds: 1 }).flatMap((panel) => {
      const needed = panel.id.endsWith('la0-lb100') ? homogeneous : heterogeneous;
      if (!/la(0|100)-lb100$/.test(panel.id)) return [];
      const curves = [curveOf('MARINA-P PermK', 1), curveOf('MARINA-P SameRandK', needed)];
      return [{ panel, curves } as unknown as PanelResult];
    });
  };
  expect(verdict(panels(30, 20))).toBe('reproduced');
  expect(verdict(panels(20, 30))).toBe('not reproduced');
  expect(verdict(panels(30, null))).toBe('not decided');
  expect(verdict(panels(30, 20).slice(1))).toBe('not run');
  expect(verdict([])).toBe('not run');
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
