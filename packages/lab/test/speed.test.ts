import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRuntime } from '@flotilla/core';
import { afterAll, expect, test } from 'vitest';
import type { BenchContext } from '../dist/bench/bench.js';
import { type Comparable, compared, readEarlier } from '../dist/bench/speed-compared.js';
import { gate } from '../dist/bench/speed-gate.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-speed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const context: BenchContext = {
  out: folder,
  quick: true,
  smoke: true,
  seeds: undefined,
  options: {},
  flags: new Set(),
  runtime: systemRuntime,
  log() {},
  progress() {},
};
const quadratic = { problem: 'heterogeneous-quadratic:d=5', workers: 2 };
const jobs = { alone: { ...quadratic, transport: 'loopback' }, both: { ...quadratic, threads: 'auto' } };
let files = 0;
const stored = (content: object) => {
  const path = join(folder, `gate-${files++}.json`);
  writeFileSync(path, JSON.stringify(content));
  return path;
};
const cores = availableParallelism();

test('the gate makes its file, and passes what is no slower than it says', async () => {
  const path = join(folder, 'new.json');
  await gate(context, path, jobs);
  const made = JSON.parse(readFileSync(path, 'utf8'));
  expect(made).toMatchObject({ cores, ratios: { alone: expect.any(Number), both: expect.any(Number) } });
  const slow = stored({ cores, ratios: { alone: 1e6, both: 1e6 } });
  const { tables } = await gate(context, slow, jobs);
  // measured once, since it is well within
  expect(tables[0]?.rows.map((row) => [row[0], row.at(-1)])).toEqual([
    ['alone', 1],
    ['both', 1],
  ]);
});

test('the gate names the jobs that are too slow, after it has measured them again', async () => {
  const said: string[] = [];
  const log = (line: string) => said.push(line);
  const path = stored({ cores, ratios: { alone: 1e-9, both: 1e6 } });
  await expect(gate({ ...context, log }, path, jobs)).rejects.toMatchObject({
    code: 'limit',
    message: expect.stringMatching(/^rounds take longer than 1\.5 times what .* says: alone: \d+\.\d\d times$/),
  });
  expect(said).toEqual([
    expect.stringMatching(/^alone: .* in 5 measurements$/),
    expect.stringMatching(/in 1 measurement$/),
  ]);
});

test('on another number of cores it looks at jobs on one thread alone', async () => {
  const path = stored({ cores: cores + 1, ratios: { alone: 1e6, both: 1e-9 } });
  const { tables } = await gate(context, path, jobs);
  expect(tables[0]?.rows.map(([job]) => job)).toEqual(['alone']);
});

test.each([
  ['none', 'no JSON'],
  ['{}', 'no ratios'],
  ['{"cores":2,"ratios":{"a":"b"}}', 'no ratios'],
])('a file that is no gate is refused: %s', async (content, why) => {
  const path = join(folder, `none-${files++}`);
  writeFileSync(path, content);
  await expect(gate(context, path, jobs)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining(why),
  });
});

const row = (name: string, threaded: number, itemised: number, reference?: number): Comparable['rows'][number] => ({
  name,
  workers: 2,
  dimension: 5,
  threaded: { msPerRound: threaded, spread: [0.9 * threaded, 1.2 * threaded] },
  itemised: { msPerRound: itemised },
  ...(reference === undefined ? {} : { reference }),
});

test('a comparison has the jobs of both, their ratio, what noise explains, and what the machine does', () => {
  const table = compared(
    { rows: [row('a', 2, 4, 10), row('gone', 1, 1)] },
    { rows: [row('a', 3, 2, 20), row('new', 1, 1)] },
  );
  const [threaded, alone] = table.rows.map((cells) => cells.slice(4) as number[]);
  expect(table.rows.map((cells) => cells.slice(0, 4))).toEqual([
    ['a', 2, 5, 'as given'],
    ['a', 2, 5, 'one thread'],
  ]);
  // then, now, 3/2, 2.7/2.4, 3.6/1.8, and half of 3/2 on a machine that is half as fast
  for (const [k, expected] of [2, 3, 1.5, 1.125, 2, 0.75].entries()) expect(threaded?.[k]).toBeCloseTo(expected, 12);
  expect(alone).toEqual([4, 2, 0.5, 0.5, 0.5, 0.25]);
});

test('only results of this bench are compared with', () => {
  const path = join(folder, 'results.json');
  expect(() => readEarlier(path)).toThrow(/^--compare .* must be a results\.json of bench speed: /);
  writeFileSync(path, JSON.stringify({ results: { rows: [{ name: 'a' }] } }));
  expect(() => readEarlier(path)).toThrow('no rows of jobs');
  writeFileSync(path, JSON.stringify({ results: { rows: [row('a', 1, 1)] } }));
  expect(readEarlier(path).rows).toHaveLength(1);
});
