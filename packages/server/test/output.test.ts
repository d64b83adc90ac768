import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyedRandom } from '@flotilla/core';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { parseOptions, readModel, type TrainOptions, train } from '../dist/index.js';
import { hashOf } from '../dist/model/model.js';
import { Output } from '../dist/run/output.js';
import { Training } from '../dist/training.js';
import { rowsOf } from './in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-output-'));
afterAll(() => rmSync(folder, { recursive: true }));

const open: Training[] = [];
afterEach(async () => {
  for (const training of open.splice(0)) await training.close();
});

async function start(options: TrainOptions): Promise<Training> {
  const training = await Training.open(parseOptions(options));
  open.push(training);
  return training;
}

/** Heterogeneous, so that compressed gradients stall at a floor and the last iterate is not the best. */
const quadratic = {
  method: 'dcgd',
  problem: 'heterogeneous-quadratic:d=20',
  workers: 4,
  wire: 'f64',
  transport: 'loopback',
  uplink: 'rand-k:k=5',
} as const;

/** Pearson's statistic of counts against a uniform distribution. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('uniform', () => {
  // χ² with 9, 19 degrees of freedom is larger once in 10,000 times
  test.each([
    { T: 10, most: 33.7 },
    { T: 20, most: 50.8 },
  ])('each of x⁰ … x^{$T − 1} is as likely as the others over 4,000 seeds', ({ T, most }) => {
    const counts = new Array<number>(T).fill(0);
    for (let seed = 0; seed < 4000; seed++) {
      const output = new Output('uniform', Float64Array.of(0), new KeyedRandom(`${seed}`));
      // the iterate is its own number
      for (let round = 1; round <= T; round++) output.afterRound(round, Float64Array.of(round - 1));
      expect(output.x[0]).toBe(output.round);
      (counts[output.round] as number)++;
    }
    expect(chiSquare(counts)).toBeLessThan(most);
  });

  test('the run gives back an iterate before the last one, and the summary is of it', async () => {
    const rounds = 12;
    const drawn = new Set<number>();
    for (const seed of ['0', '1', '2', '3', '4', '5']) {
      const options = { ...quadratic, seed, rounds, evalEvery: 1 };
      const training = await start(options);
      const iterates = [training.iterate()];
      for (let k = 0; k < rounds; k++) {
        await training.round();
        iterates.push(training.iterate());
      }
      const out = join(folder, `uniform-${seed}`);
      const run = train({ ...options, output: 'uniform', out });
      const summary = await run.result;
      const rows = await rowsOf(run);
      const k = summary.outputRound ?? Number.NaN;
      drawn.add(k);
      expect(k).toBeLessThan(rounds);
      expect(summary.rounds).toBe(rounds);
      expect(summary.model.x).toEqual(iterates[k]);
      expect(summary.xHash).toBe(hashOf(iterates[k] as Float64Array));
      expect(summary).toMatchObject({ output: 'uniform', loss: rows[k]?.loss, gradNormSq: rows[k]?.gradNormSq });
      expect(summary.uplink).toEqual(rows[rounds]?.uplink);
      const stored = await readModel(out);
      expect(stored.x).toEqual(iterates[k]);
      expect(stored.metadata).toMatchObject({ rounds: '12', output: 'uniform', outputRound: `${k}` });
    }
    expect(drawn.size).toBeGreaterThan(2);
  });

  test('a run without rounds gives x⁰', async () => {
    const { outputRound, rounds, model } = await train({ ...quadratic, target: 1e9, output: 'uniform' }).result;
    expect([outputRound, rounds, ...model.x]).toEqual([0, 0, ...new Array(20).fill(0)]);
  });
});

test('best is the least ‖∇f‖² of the evaluated rounds', async () => {
  // so long a step that the last of 60 rounds is far from the best, as is x⁰
  const run = train({ ...quadratic, rounds: 60, evalEvery: 3, stepSize: 1, output: 'best' });
  const summary = await run.result;
  const rows = await rowsOf(run);
  const least = rows.reduce((best, row) => (row.gradNormSq < best.gradNormSq ? row : best));
  expect([0, 60]).not.toContain(least.round);
  expect(summary.outputRound).toBe(least.round);
  expect(summary.gradNormSq).toBe(least.gradNormSq);
  expect(summary.loss).toBe(least.loss);
  expect(summary.xHash).toBe(hashOf(summary.model.x));
});

test('last is what a run gives back unless asked otherwise, and no other rule changes an iterate', async () => {
  const options = { ...quadratic, rounds: 9, evalEvery: 1 };
  const [plain, last, uniform, best] = await Promise.all(
    [{}, { output: 'last' }, { output: 'uniform' }, { output: 'best' }].map(async (output) => {
      const run = train({ ...options, ...output } as TrainOptions);
      return { summary: await run.result, rows: (await rowsOf(run)).map(({ seconds: _, ...row }) => row) };
    }),
  );
  expect(plain?.summary).not.toHaveProperty('output');
  expect(last?.summary.xHash).toBe(plain?.summary.xHash);
  expect(plain?.summary.gradNormSq).toBe(plain?.rows.at(-1)?.gradNormSq);
  expect(uniform?.rows).toEqual(plain?.rows);
  expect(best?.rows).toEqual(plain?.rows);
});

test.each(['uniform', 'best'] as const)(
  '%s: a training that goes on from a snapshot gives the same x̂',
  async (output) => {
    const options = { ...quadratic, output, stepSize: 0.5 };
    const go = async (training: Training, rounds: number) => {
      for (let k = 0; k < rounds; k++) {
        await training.round();
        await training.evaluate();
      }
      return training;
    };
    const hashes = [];
    for (const seed of ['0', '1', '2']) {
      const undisturbed = await go(await start({ ...options, seed }), 9);
      const state = await undisturbed.snapshot();
      // vectors and numbers: a copy by value is as good
      expect(Object.values(state.output ?? {}).map((value) => typeof value)).toEqual(['object', 'number', 'number']);
      await go(undisturbed, 6);
      const fresh = await start({ ...options, seed });
      await fresh.restore(structuredClone(state));
      await go(fresh, 6);
      expect(fresh.output.round).toBe(undisturbed.output.round);
      expect(fresh.model().x).toEqual(undisturbed.model().x);
      hashes.push(fresh.output.round);
      const other = await start({ ...options, seed, output: 'last' });
      await expect(other.restore(state)).rejects.toMatchObject({ code: 'protocol' });
    }
    // some of what is given back is from before the snapshot, or from after it: both had to be kept
    expect(new Set(hashes).size).toBeGreaterThan(1);
  },
);

test('what is no rule is refused in one line', () => {
  expect(() => parseOptions({ output: 'first' })).toThrow(/output must be .*last.*uniform.*best/);
});
