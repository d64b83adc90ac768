import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedRuntime } from '@flotilla/protocol/testing';
import { expect, test } from 'vitest';
import { train } from '../dist/index.js';
import { openInProcess, rowsOf } from './in-process.js';

const job = {
  problem: 'heterogeneous-quadratic:d=500',
  method: 'm3',
  workers: 6,
  rounds: 8,
  stepSize: 0.01,
  evalEvery: 4,
} as const;

const link = 'up=50kbit..100kbit,down=100kbit,latency=30ms';

test.each([
  ['gd', link],
  ['m3', link],
  ['gd', 'up=20kbit..1mbit,down=50kbit/300kbit,latency=1ms..100ms,duplex=half'],
  ['marina:p=0.4', 'up=100kbit,latency=2ms'],
])('paced and modelled links agree: %s over %s', async (method, link) => {
  // in simulated time nothing takes any but the links: what is modelled is what happens
  const slow = { ...job, method, link, linkModel: link };
  const training = await openInProcess(slow, new SimulatedRuntime());
  for (let round = 1; round <= 12; round++) {
    await training.round();
    expect(training.seconds).toBeGreaterThan(0.004 * round);
    expect(training.linkModel?.seconds[0]).toBeCloseTo(training.seconds, 9);
  }
});

test('on threads a paced run takes what the model says, and what the machine takes', async () => {
  const { wallSeconds, modelSeconds } = await train({ ...job, method: 'gd', rounds: 4, link, linkModel: link }).result;
  expect(modelSeconds).toBeGreaterThan(4 * 0.06);
  expect(wallSeconds).toBeGreaterThan((modelSeconds as number) - 0.001);
});

test('the round clock knows what the links take at least', async () => {
  const slow = { ...job, method: 'gd', rounds: 3, link: 'up=200kbit,down=400kbit,latency=10ms' };
  const { wallSeconds, uplink, downlink, link: told } = await train(slow).result;
  expect(told).toBe(slow.link);
  // every worker's link carries as much, and they run side by side
  const bits = (8 * uplink.frameBytes) / 6 / 200e3 + (8 * downlink.frameBytes) / 6 / 400e3;
  expect(uplink.frameBytes).toBe(3 * 6 * (8 + 4 * 500));
  expect(wallSeconds).toBeGreaterThan(bits + 3 * 0.02 - 0.001);
});

test('links change no number of a run but its clocks', async () => {
  const plain = await train(job).result;
  const paced = await train({ ...job, link: 'up=1gbit,down=1gbit,latency=100us' }).result;
  const modelled = await train({ ...job, linkModel: link }).result;
  for (const other of [paced, modelled]) {
    const { loss, xHash, uplink, downlink, rounds } = other;
    expect({ loss, xHash, uplink, downlink, rounds }).toEqual({
      loss: plain.loss,
      xHash: plain.xHash,
      uplink: plain.uplink,
      downlink: plain.downlink,
      rounds: plain.rounds,
    });
  }
  expect(plain).toMatchObject({ link: null, linkModel: null, modelSeconds: null });
  expect(paced).toMatchObject({ linkModel: null, modelSeconds: null });
  expect(modelled).toMatchObject({ link: null, linkModel: link, modelSeconds: expect.any(Number) });
});

test('a model with both works given is arithmetic alone', async () => {
  const linkModel = 'up=80kbit,down=160kbit,latency=5ms,compute=7ms,server=3ms';
  const options = { ...job, method: 'gd', rounds: 10, evalEvery: 1, linkModel };
  const run = train(options);
  const rows = await rowsOf(run);
  const { modelSeconds } = await run.result;
  const frame = 8 * (8 + 4 * 500);
  for (const row of rows) {
    const round = 0.003 + frame / 160e3 + 0.005 + 0.007 + frame / 80e3 + 0.005;
    expect(row.modelSeconds).toBeCloseTo(row.round * round, 9);
  }
  expect(modelSeconds).toBe(rows.at(-1)?.modelSeconds);
  expect(await train({ ...options, transport: 'loopback' }).result).toMatchObject({ modelSeconds });
});

test('a thousand workers over links of all speeds, without waiting', async () => {
  const linkModel = 'up=10kbit..1mbit,down=9x100kbit/1bit,latency=1ms..1s,compute=1ms,server=1ms';
  const options = { ...job, workers: 1000, rounds: 2, evalEvery: 2, linkModel };
  const { modelSeconds, xHash } = await train(options).result;
  // a header at one bit a second takes more than a minute, and every round has one for a tenth of the workers
  expect(modelSeconds).toBeGreaterThan(2 * 64);
  // the same whatever the machine does, and whoever hosts the workers
  expect(await train({ ...options, threads: 3 }).result).toMatchObject({ modelSeconds, xHash });
});

test('links are in the configuration, and the clock in the rows', async () => {
  const out = join(mkdtempSync(join(tmpdir(), 'flotilla-')), 'run');
  try {
    const { modelSeconds } = await train({ ...job, linkModel: link, link: 'latency=1ms', out }).result;
    const read = (name: string) => readFileSync(join(out, name), 'utf8');
    expect(JSON.parse(read('config.json'))).toMatchObject({ link: 'latency=1ms', linkModel: link });
    expect(JSON.parse(read('summary.json'))).toMatchObject({ link: 'latency=1ms', linkModel: link, modelSeconds });
    const rows = read('metrics.jsonl')
      .trim()
      .split('\n')
      .map((row) => JSON.parse(row));
    expect(rows.map((row) => row.round)).toEqual([0, 4, 8]);
    expect(rows[0].modelSeconds).toBe(0);
    expect(rows[2].modelSeconds).toBe(modelSeconds);
  } finally {
    rmSync(join(out, '..'), { recursive: true });
  }
});

test.each([
  [{ link: 'up=fast' }, 'link "up=fast": up cannot be fast'],
  [{ linkModel: 'up=1mbit,compute=fast' }, 'compute cannot be fast'],
])('%o is refused before anything starts', (options, reason) => {
  expect(() => train({ ...job, ...options })).toThrow(reason);
});

test('a list for more workers than there are is refused', async () => {
  const refused = { code: 'usage', message: expect.stringContaining('lists 7 workers in up; there are 6') };
  await expect(train({ ...job, link: 'up=7x1mbit' }).result).rejects.toMatchObject(refused);
  await expect(train({ ...job, linkModel: 'up=7x1mbit' }).result).rejects.toMatchObject(refused);
});
