import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KeyedRandom, methods, problems, Spec } from '@flotilla/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Kernels } from '../../core/dist/kernels/kernels.js';
import { entries } from '../dist/bench/methods-table/cases.js';
import type { CaseResult, Reached } from '../dist/bench/methods-table/measure.js';
import { search, type Trial } from '../dist/bench/methods-table/search.js';
import { leaders } from '../dist/bench/methods-table/words.js';

test('every method there is has a row with its own compressors', () => {
  const own = entries().filter(({ variant }) => !variant);
  expect(own.map(({ method }) => method)).toEqual(Object.keys(methods));
  for (const { uplink, downlink } of own) expect([uplink, downlink]).toEqual([undefined, undefined]);
  expect(new Set(entries(['m3']).map(({ method }) => method))).toEqual(new Set(['m3']));
});

describe('the search for a step size', () => {
  /** Runs that need 1000 / 2^power rounds of 100 bytes up to the largest stable power, and never arrive above it. */
  async function found(stable: number, at = (power: number) => 1000 / 2 ** power) {
    const asked: [power: number, rounds: number][] = [];
    const attempt = async (power: number, rounds: number): Promise<Trial> => {
      asked.push([power, rounds]);
      const needed = Math.ceil(at(power));
      if (power > stable) return { cost: null, distance: Number.POSITIVE_INFINITY };
      if (needed > rounds) return { cost: null, distance: needed / rounds };
      return { cost: { bytes: 100 * needed, rounds: needed }, distance: 1 };
    };
    return { tried: await search(attempt, 2000), asked };
  }

  test('goes up by eights and then by twos, and gives up what takes half as long again', async () => {
    const { tried, asked } = await found(5);
    // 0: 1000 rounds; 3: 125; 6 diverges; then 4: 63, 5: 32 (6 is known)
    expect(tried).toEqual([
      { power: 5, cost: { bytes: 3200, rounds: 32 } },
      { power: 4, cost: { bytes: 6300, rounds: 63 } },
      { power: 3, cost: { bytes: 12_500, rounds: 125 } },
      { power: 0, cost: { bytes: 100_000, rounds: 1000 } },
    ]);
    expect(asked).toEqual([
      [0, 2000],
      // the first look: a fifth of the rounds
      [3, 400],
      [6, 198],
      [4, 198],
      [5, 105],
    ]);
  });

  test('a base that is far too small, or too large, does not end it', async () => {
    // 0, 3 and 6 need more than they are given; 9 arrives first
    const small = await found(10, (power) => 100_000 / 2 ** power);
    expect(small.tried[0]).toEqual({ power: 10, cost: { bytes: 9800, rounds: 98 } });
    // nothing upwards arrives; −3 neither, −6 does, and −4 is the largest that is stable
    const large = await found(-4, (power) => 3 / 2 ** power);
    expect(large.tried[0]).toEqual({ power: -4, cost: { bytes: 4800, rounds: 48 } });
    expect((await found(-99)).tried).toEqual([]);
  });

  test('the first look must not be the last: with all rounds a slow method may arrive', async () => {
    // the best needs 1500 of 2000 rounds, more than a first look has: the one that came closest gets them
    const { tried, asked } = await found(9, (power) => 1500 * 2 ** Math.abs(9 - power));
    expect(tried).toEqual([{ power: 9, cost: { bytes: 150_000, rounds: 1500 } }]);
    expect(asked.slice(-3)).toEqual([
      [9, 2000],
      [10, 2000],
      [8, 2000],
    ]);
    // and where it is not among those, the way goes on from it
    expect((await found(10, (power) => 1500 * 2 ** Math.abs(10 - power))).tried[0]?.power).toBe(10);
  });

  test('bytes decide, and rounds where they are equal', async () => {
    const costs: Record<number, Trial['cost']> = {
      0: { bytes: 50, rounds: 9 },
      1: { bytes: 50, rounds: 8 },
      2: { bytes: 51, rounds: 1 },
    };
    const tried = await search(
      async (power) => ({ cost: costs[power] ?? null, distance: Number.POSITIVE_INFINITY }),
      100,
    );
    expect(tried.map(({ power }) => power)).toEqual([1, 0, 2]);
  });
});

describe('who wins', () => {
  const names = (needs: Record<string, number[]>, margin = 0.05) =>
    leaders(
      Object.entries(needs).map(([name, values]) => ({ name, values })),
      margin,
    ).map(({ name }) => name);

  test('whoever needs less in the mean by the margin, and with every seed', () => {
    expect(names({ a: [10, 20], b: [9, 18], c: [30, 30] })).toEqual(['b']);
    // c is a quarter above in the mean, but below with the second seed
    expect(names({ b: [9, 18], c: [20, 14] })).toEqual(['b', 'c']);
    // 4 % behind with every seed
    expect(names({ b: [100, 200], c: [104, 208] })).toEqual(['b', 'c']);
    expect(names({ b: [100, 200], c: [106, 212] })).toEqual(['b']);
    expect(names({ b: [100, 200], c: [106, 212] }, 0.2)).toEqual(['b', 'c']);
    expect(names({ b: [], c: [3] })).toEqual(['c']);
    expect(names({})).toEqual([]);
  });
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-methods-table-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function bench(args: string) {
  const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
  return new Promise<{ code: number | string; stdout: string; stderr: string }>((resolve) => {
    const words = [main, 'bench', 'methods-table', ...args.split(' ')];
    execFile(process.execPath, words, { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? 1), stdout, stderr }),
    );
  });
}

test.each([
  ['--problems mushroom', /unknown problem "mushroom"; known: mushrooms, quadratic, mnist/],
  ['--images 7', /--images must be all, or a whole number from 100 to 60000, not "7"/],
  ['--methods sgd', /unknown method "sgd"/],
])('bad usage: %s', async (args, message) => {
  const { code, stderr } = await bench(args);
  expect(code).toBe(2);
  expect(stderr.trim().split('\n').length).toBe(1);
  expect(stderr).toMatch(message);
});

describe('--quick on quadratics: rounds, bytes and seconds that can be known', () => {
  const [workers, dimension, target] = [10, 40, 0.1];
  /** A dense frame, and one of CORE's m = min{100, d/n} numbers. */
  const [dense, projections] = [8 + 4 * dimension, 8 + 4 * 4];
  let result: CaseResult;
  let stdout = '';
  let page = '';
  beforeAll(async () => {
    const ran = await bench('--quick --seeds 2 --problems quadratic --methods gd,core,m3,vr-marina --out out');
    expect(ran.code, ran.stderr).toBe(0);
    ({ stdout } = ran);
    const out = join(folder, 'out', 'bench', 'methods-table');
    [result] = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')).results.cases;
    page = readFileSync(join(out, 'README.md'), 'utf8');
  }, 120_000);

  const row = (method: string) => {
    const found = result.measured.find(({ entry }) => entry.method === method && !entry.variant);
    expect(found).toBeDefined();
    return found as CaseResult['measured'][number];
  };

  /** Rounds of x ← x − factor/L ∇f(x) to the target, in f64, without server, frames or threads. */
  function roundsOfGd(seed: string, factor: number): number {
    const spec = Spec.parse('problem', `heterogeneous-quadratic:d=${dimension},la2=1,lb2=1000`);
    const family = problems['heterogeneous-quadratic'] as (typeof problems)[string];
    const problem = family.create(spec, { workers, random: new KeyedRandom(seed) });
    const kernels = new Kernels();
    const oracles = Array.from({ length: workers }, (_, worker) => problem.oracle(worker, kernels));
    const [x, one, all] = [0, 0, 0].map(() => new Float64Array(dimension)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    // L_f = √(L_B²/2)
    const gamma = factor / Math.sqrt(1000 / 2);
    for (let round = 0, start = Number.NaN; ; round++) {
      all.fill(0);
      for (const oracle of oracles) {
        oracle.gradient(x, one);
        for (let j = 0; j < dimension; j++) all[j] = (all[j] as number) + (one[j] as number) / workers;
      }
      const square = all.reduce((sum, value) => sum + value * value, 0);
      if (round === 0) start = square;
      if (square <= target * start) return round;
      for (let j = 0; j < dimension; j++) x[j] = (x[j] as number) - gamma * (all[j] as number);
    }
  }

  /** @param initial Answers before the first round, each to a header alone. */
  function expectFrames(run: Reached, frame: number, initial = 0): void {
    const { rounds } = run;
    const [up, down] = [frame * (rounds + initial), frame * rounds + 8 * initial];
    expect([run.uplinkBytes, run.downlinkBytes]).toEqual([up, down]);
    expect(run.answers).toBe(rounds + initial);
    const bits = 8 * (up + down);
    const expected = [bits / 1e6, bits / 1e7, bits / 1e8, bits / 1e7 + 2 * 0.01 * (rounds + initial)];
    for (const [k, seconds] of expected.entries()) expect(run.linkSeconds[k]).toBeCloseTo(seconds, 9);
  }

  test('gradient descent: its rounds, a dense frame each way and round, and what they take on each link', () => {
    const { theory, tuned } = row('gd');
    expect(theory.stepSize).toBeCloseTo(1 / Math.sqrt(500), 12);
    for (const at of [theory, tuned]) {
      expect(at?.reached.map(({ seed }) => seed)).toEqual(['0', '1']);
      for (const run of at?.reached ?? []) {
        expect(run.rounds).toBe(roundsOfGd(run.seed, 2 ** (at?.power ?? 0)));
        expectFrames(run, dense);
      }
    }
    // with seed 0 neither half nor twice its step size is cheaper
    const [first] = tuned?.reached ?? [];
    for (const step of [0.5, 2]) {
      const other = 2 ** (tuned?.power ?? 0) * step;
      if (other <= 2) expect(roundsOfGd('0', other)).toBeGreaterThanOrEqual(first?.rounds as number);
    }
  });

  test('CORE: m numbers each way', () => {
    for (const run of row('core').tuned?.reached ?? []) expectFrames(run, projections, 1);
    expect(row('core').tuned?.reached.length).toBe(2);
  });

  test('who does not arrive at theory’s step size is said not to, and where it stood', () => {
    const { theory } = row('m3');
    expect([theory.reached, theory.seeds]).toEqual([[], 1]);
    expect(theory.stood).toBeGreaterThan(1);
    expect(page).toMatch(/^\| m3 \| \S+ \| not in 2,000 \([\d.]+ × the target\) \| – \|/m);
  });

  test('the page has every row, those that do not apply, and the words', () => {
    expect(result.leftOut.map(({ entry }) => entry.method)).toEqual(['vr-marina']);
    expect(page).toContain('Left out: vr-marina (draws batches of samples, and this problem has none).');
    const dataRows = page.match(/^\| (gd|core|m3)[ |]/gm) ?? [];
    // tuned, theory, and the last table's one a method
    expect(dataRows.length).toBe(2 * result.measured.length + 3);
    const rounds = row('gd').theory.reached.map((run) => run.rounds);
    const [mean, half] = [(rounds[0] + rounds[1]) / 2, Math.abs(rounds[0] - rounds[1]) / Math.SQRT2];
    expect(page).toContain(`| gd | 0.044721 | ${mean} ± ${Number(half.toPrecision(2))} |`);
    expect(page).toContain(
      'bench methods-table --quick --seeds 2 --problems quadratic --methods gd,core,m3,vr-marina\n',
    );
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    expect(page).toMatch(/^- Fewest bytes in all: /m);
    expect(stdout).toMatch(/^bytes in all +\S/m);
  });
});
