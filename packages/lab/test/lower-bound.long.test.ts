import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRuntime } from '@flotilla/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sweep } from '../dist/experiment/sweep.js';
import { studies } from '../dist/reproduce/registry.js';
import { type Line, type Measured, meanRounds, slope } from '../dist/reproduce/zero-chain.js';

let folder = '';
let sweep: Sweep;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-lower-bound-'));
  sweep = new Sweep({ cache: join(folder, 'cache'), runtime: systemRuntime });
});
afterAll(async () => {
  await sweep.close();
  rmSync(folder, { recursive: true });
});

/** 1 + (T − 1)/q at ω + 1 = 1, 2, 5, 10, 25, 50, rounded. */
const BOUND = [50, 66, 137, 259, 626, 1238];
const BOUND_EF21_P = [50, 99, 246, 491, 1226, 2451];

/** Rounds of another independent program at ω + 1 = 2, 5, 10, 25, 50, means over eight seeds; T = 50, n = 4 (control 16). */
const TABLE: Readonly<Record<string, readonly number[]>> = {
  'MARINA-P RandK, n = 4': [69, 159, 288, 786, 1614],
  'MARINA-P SameRandK, n = 4': [64, 129, 249, 587, 1207],
  'MARINA-P PermK, n = ω + 1': [72, 168, 318, 780, 1618],
  'EF21-P RandK/(ω + 1), n = 4': [97, 232, 470, 1167, 2356],
  'equal f_i: MARINA-P PermK, n = ω + 1': [50, 50, 50, 50, 50],
  'equal f_i: MARINA-P RandK, n = 16': [50, 52, 58, 98, 169],
};
/** Its slopes of RandK in ω + 1. */
const BY_WORKERS = { 2: 32.7, 4: 32.4, 8: 31, 16: 30.6 };
const BY_LENGTH = { 20: 11.1, 50: 32.4, 100: 64.3, 200: 127.5 };

test('rounds over ω + 1, n and T: the claims of the page, and another program’s table within noise', async () => {
  const result = await studies['lower-bound'].run({ quick: false, seeds: 20 }, sweep, () => undefined);
  for (const { claim, verdict, numbers } of result.claims) expect(verdict, `${claim}: ${numbers}`).toBe('reproduced');

  const { dealt, controls, byN, byT } = result.measured as Record<string, readonly Line[]>;
  for (const { setting, points } of dealt) {
    const expected = setting.method === 'ef21-p' ? BOUND_EF21_P : BOUND;
    expect(points.map(({ bound }: Measured) => Math.round(bound))).toEqual(expected);
  }
  for (const { setting, points } of [...dealt, ...controls]) {
    for (const [k, point] of points.filter(({ omega }: Measured) => omega > 1).entries()) {
      const mean = meanRounds(point);
      const variance = point.rounds.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (point.rounds.length - 1);
      const allowed = 3 * Math.sqrt(variance * (1 / point.rounds.length + 1 / 8)) + 0.5;
      const expected = (TABLE[setting.label] as readonly number[])[k] as number;
      expect(Math.abs(mean - expected), `${setting.label}, ω + 1 = ${point.omega}: ${mean}`).toBeLessThanOrEqual(
        allowed,
      );
    }
  }
  // eight seeds leave a slope open by some 8 %, ours by 5 %
  const near = (line: Line, expected: number) =>
    expect(Math.abs(slope(line, meanRounds) / expected - 1)).toBeLessThan(0.2);
  for (const [k, expected] of Object.values(BY_WORKERS).entries()) near(byN[k] as Line, expected);
  for (const [k, expected] of Object.values(BY_LENGTH).entries()) near(byT[k] as Line, expected);
}, 3_600_000);
