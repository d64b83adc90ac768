import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Meters, ROUND_TIME_BOUNDS, type TrainOptions, train } from '../dist/index.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-meters-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const problem = 'heterogeneous-quadratic:d=40';
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);

async function metered(options: TrainOptions) {
  const told: Meters[] = [];
  const result = await train({
    problem,
    workers: 4,
    rounds: 200,
    evalEvery: 50,
    ...options,
    onMeters: (m) => told.push(m),
  }).result;
  return { result, told, last: told.at(-1) as Meters };
}

test.each<TrainOptions>([
  { transport: 'threads', threads: 2 },
  { transport: 'threads', threads: 'auto' },
  { transport: 'loopback' },
  { transport: 'loopback', method: 'pp-marina:sampled=2' },
  { transport: 'loopback', checksum: 'on', method: 'marina' },
])('what meters say adds up to what the run says of itself: %o', async (options) => {
  const { result, last } = await metered(options);
  expect(last).toMatchObject({ round: 200, restarts: 0, seconds: result.wallSeconds });
  const { roundTimes, roundSeconds, shares, workers } = last;
  expect(roundTimes).toHaveLength(ROUND_TIME_BOUNDS.length + 1);
  expect(sum(roundTimes)).toBe(200);
  expect(sum(Object.values(shares))).toBeCloseTo(roundSeconds, 9);
  for (const share of Object.values(shares)) expect(share).toBeGreaterThan(0);
  // the initial gradients are no round
  expect(roundSeconds).toBeLessThanOrEqual(result.wallSeconds);
  for (const link of ['uplink', 'downlink'] as const) {
    expect(last[link].dense + last[link].compressed).toBe(result[link].frameBytes);
    expect(last[link].dense).toBeGreaterThan(0);
    expect(sum(workers[`${link}Bytes`])).toBe(result[link].frameBytes);
  }
  expect(last.uplink.compressed).toBeGreaterThan(0);
  expect(sum(workers.computeSeconds)).toBeCloseTo(result.computeSeconds, 9);
  expect(workers.waitedSeconds).toHaveLength(4);
  expect(sum(workers.waitedSeconds)).toBeLessThanOrEqual(shares.waiting + 1e-9);
});

test('a run is the same run with meters and without', async () => {
  const options = { problem, workers: 4, rounds: 50, threads: 2 };
  const { xHash } = await train(options).result;
  expect((await metered(options)).result.xHash).toBe(xHash);
});

test('a worker that is slow shows where it is', async () => {
  const module = new URL('./problems/slow.js', import.meta.url);
  const parameters = { who: 2, naps: 2 };
  const { last } = await metered({
    problem: { module, parameters },
    method: 'gd',
    threads: 4,
    rounds: 10,
    evalEvery: 10,
  });
  const { computeSeconds, waitedSeconds } = last.workers;
  for (const seconds of [computeSeconds, waitedSeconds]) {
    expect(Array.from(seconds).indexOf(Math.max(...seconds))).toBe(2);
  }
  expect(computeSeconds[2]).toBeGreaterThan(0.4);
});

test('meters go on over a restart, and count it', async () => {
  const module = new URL('./problems/tripping.js', import.meta.url);
  const parameters = { marker: join(folder, 'marker'), how: 'exit', calls: 30, times: 1 };
  const { last, result } = await metered({
    problem: { module, parameters },
    threads: 2,
    rounds: 60,
    evalEvery: 10,
    checkpointEvery: 7,
  });
  expect(last.restarts).toBe(1);
  expect(result.repeated?.restarts).toBe(1);
  expect(sum(last.roundTimes)).toBeGreaterThan(60);
  expect(last.uplink.dense + last.uplink.compressed).toBe(result.uplink.frameBytes);
});

test.each([
  [{ how: 'throw', threads: 2 }, 1],
  [{ how: 'exit', threads: 4 }, 1],
  // nobody knows which of its two workers it was
  [{ how: 'exit', threads: 2 }, 0],
])('a worker that is lost is told from the others: %o', async ({ how, threads }, expected) => {
  const module = new URL('./problems/tripping.js', import.meta.url);
  const marker = join(folder, `${how}-${threads}`);
  const { last } = await metered({
    problem: { module, parameters: { marker, how, worker: 2, calls: 30, times: 1 } },
    threads,
    rounds: 60,
    evalEvery: 10,
  });
  expect(last.restarts).toBe(1);
  expect(Array.from(last.workers.losses)).toEqual([0, 0, expected, 0]);
});

test('onMeters must be a function', () => {
  expect(() => train({ onMeters: 1 as never })).toThrow('onMeters must be a function');
});
