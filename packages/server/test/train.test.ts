import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AbortedError, type Metrics, type TrainOptions, train } from '../dist/index.js';
import { rowsOf } from './in-process.js';

const quick: TrainOptions = {
  problem: 'heterogeneous-quadratic:d=50',
  workers: 4,
  threads: 2,
  stepSize: 0.3,
  rounds: 30,
};

describe('train', () => {
  test('is an async iterable of metrics and a promise of the summary', async () => {
    const run = train({ ...quick, evalEvery: 10 });
    const rows: Metrics[] = [];
    for await (const row of run) rows.push(row);
    const summary = await run.result;
    expect(rows.map((row) => row.round)).toEqual([0, 10, 20, 30]);
    expect(rows.at(-1)?.loss).toBe(summary.loss);
    expect(rows.at(-1)?.uplink).toEqual(summary.uplink);
    expect(rows[0].loss).toBeGreaterThan(summary.loss);
    expect(summary).toMatchObject({
      workers: 4,
      threads: 2,
      dimension: 50,
      rounds: 30,
      stopReason: 'rounds',
      data: null,
    });
    expect(summary.wallSeconds).toBeGreaterThan(0);
    expect(summary.secondsToFirstRound).toBeGreaterThan(0);
  });

  test('rows wait for a reader that comes late', async () => {
    const run = train(quick);
    await run.result;
    expect((await rowsOf(run)).map((row) => row.round)).toEqual([0, 10, 20, 30]);
  });

  test('several runs at once do not touch each other', async () => {
    const [a, b, alone] = await Promise.all([
      train(quick).result,
      train({ ...quick, seed: 'other' }).result,
      train({ ...quick, threads: 1 }).result,
    ]);
    expect(a.xHash).toBe(alone.xHash);
    expect(b.xHash).not.toBe(a.xHash);
  });

  test('an abort ends the run after a whole round; the error holds the summary', async () => {
    const controller = new AbortController();
    const run = train({ ...quick, rounds: 1e9, evalEvery: 1000, signal: controller.signal });
    for await (const row of run) {
      if (row.round >= 1000) break;
    }
    controller.abort();
    const error = await run.result.catch((thrown) => thrown);
    expect(error).toBeInstanceOf(AbortedError);
    expect(error).toMatchObject({ code: 'aborted', summary: { stopReason: 'aborted' } });
    expect(error.summary.rounds).toBeGreaterThanOrEqual(1000);
  });

  test('a signal that has fired already', async () => {
    const signal = AbortSignal.abort('too late');
    const error = await train({ ...quick, rounds: 1e9, signal }).result.catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'aborted', summary: undefined, cause: 'too late' });
    expect(error.message).toBe('the run was aborted before its first round');
  });

  test("the logger is the caller's own, here pino; nobody else prints", async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: 'debug' }, { write: (line) => lines.push(JSON.parse(line)) });
    const { xHash } = await train({ ...quick, logger: logger.child({ job: 7 }) }).result;
    expect(lines.map(({ msg, job }) => [msg, job])).toEqual([
      ['run starts', 7],
      ['run ends', 7],
    ]);
    expect(lines[1]).toMatchObject({ xHash });
    await train({ ...quick, uplink: 'rand-k:k=51', logger }).result.catch(() => {});
    expect(lines.at(-1)).toMatchObject({ level: 50, code: 'usage', msg: expect.stringContaining('k=51') });
  });

  test('every reader of a run gets every row and its failure', async () => {
    const run = train(quick);
    const [one, other] = await Promise.all([rowsOf(run), rowsOf(run)]);
    expect(other).toEqual(one);
    expect(await rowsOf(run)).toEqual(one);
    const failing = train({ ...quick, uplink: 'rand-k:k=51' });
    for (let k = 0; k < 2; k++) await expect(rowsOf(failing)).rejects.toMatchObject({ code: 'usage' });
  });

  test('a callback that throws ends the run, not the process', async () => {
    const onProgress = () => {
      throw new Error('no room for progress');
    };
    const error = await train({ ...quick, rounds: 1e9, evalEvery: 1e9, onProgress }).result.catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'internal', message: 'a callback threw: no room for progress' });
    expect(error.cause).toMatchObject({ message: 'no room for progress' });
    const later = train({
      ...quick,
      rounds: 1e9,
      evalEvery: 1e9,
      onPhase: async () => {
        throw new Error('too late');
      },
    });
    await expect(later.result).rejects.toMatchObject({ code: 'internal', message: 'a callback threw: too late' });
  });

  test('options that are wrong on their face throw at once; the others reject', async () => {
    expect(() => train({ workers: 0 })).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => train({ wokers: 3 } as TrainOptions)).toThrow('unknown option wokers');
    expect(() => train({ ...quick, method: 'sgd' })).toThrow('unknown method "sgd"');
    expect(() => train({ workerTimeout: Number.NaN })).toThrow('workerTimeout');
    expect(() => train(null as unknown as TrainOptions)).toThrow('options must be an object');
    expect(() => train({ signal: {} as AbortSignal })).toThrow('signal must be an AbortSignal');
    expect(() => train({ logger: {} as never })).toThrow('logger must have a method debug');
    await expect(rowsOf(train({ ...quick, uplink: 'rand-k:k=51' }))).rejects.toMatchObject({ code: 'usage' });
  });

  test('a step size that diverges: who and when', async () => {
    const run = train({ ...quick, wire: 'f64', stepSize: 1e3, rounds: 1e6 });
    await expect(run.result).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringMatching(/^diverged in round \d+ at (the server|worker \d+): .*smaller step size$/),
    });
  });
});

describe('stop rules', () => {
  const rule = async (options: TrainOptions) => train({ ...quick, rounds: 100_000, evalEvery: 1, ...options }).result;

  test('target, target-relative and target-loss end at the first evaluation that meets them', async () => {
    const all = await rowsOf(train({ ...quick, evalEvery: 1, rounds: 60 }));
    const target = await rule({ target: all[20].gradNormSq });
    expect(target).toMatchObject({
      stopReason: 'target',
      rounds: all.findIndex((row) => row.gradNormSq <= all[20].gradNormSq),
    });
    const relative = await rule({ targetRelative: 0.3 });
    const first = all.findIndex((row) => row.gradNormSq <= 0.3 * all[0].gradNormSq);
    expect(relative).toMatchObject({ stopReason: 'target-relative', rounds: first });
    const loss = await rule({ targetLoss: all[30].loss });
    expect(loss).toMatchObject({ stopReason: 'target-loss', rounds: all.findIndex((row) => row.loss <= all[30].loss) });
  });

  test('max-bytes ends between evaluations; the last round is evaluated', async () => {
    const bytes = await rule({ maxBytes: 20_000, evalEvery: 1000 });
    expect(bytes.stopReason).toBe('max-bytes');
    const total = bytes.uplink.frameBytes + bytes.downlink.frameBytes;
    expect(total).toBeGreaterThanOrEqual(20_000);
    expect(total - 20_000).toBeLessThan(2 * 4 * (8 + 4 * 50));
  });

  test('a target that x⁰ meets needs no round', async () => {
    expect(await rule({ target: 1e9 })).toMatchObject({ rounds: 0, stopReason: 'target' });
  });
});

describe('the run folder', () => {
  let parent = '';
  beforeAll(() => {
    parent = mkdtempSync(join(tmpdir(), 'flotilla-run-'));
  });
  afterAll(() => rmSync(parent, { recursive: true }));
  const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8');
  const rows = (folder: string) =>
    read(folder, 'metrics.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  test('holds the configuration, a row per evaluated round, and the summary', async () => {
    const out = join(parent, 'a', 'b');
    const summary = await train({ ...quick, out }).result;
    expect(JSON.parse(read(out, 'summary.json'))).toEqual(summary);
    expect(rows(out).map((row) => row.round)).toEqual([0, 10, 20, 30]);
    const config = JSON.parse(read(out, 'config.json'));
    expect(config).toMatchObject({
      method: 'm3',
      uplink: 'rand-k:k=d/n',
      downlink: 'perm-k',
      seed: '0',
      init: 'zeros',
    });
    // the configuration is enough to repeat the run
    const { out: _out, data: _data, split: _split, ...again } = config;
    expect((await train(again).result).xHash).toBe(summary.xHash);
  });

  test('keeps what was written when a run fails', async () => {
    const out = join(parent, 'diverges');
    await expect(
      train({ ...quick, wire: 'f64', stepSize: 1e3, rounds: 1e6, evalEvery: 1, out }).result,
    ).rejects.toThrow('diverged');
    expect(rows(out).length).toBeGreaterThan(3);
    expect(() => read(out, 'summary.json')).toThrow();
  });

  test('is never written over', async () => {
    const out = join(parent, 'twice');
    await train({ ...quick, out }).result;
    const before = read(out, 'metrics.jsonl');
    await expect(train({ ...quick, out }).result).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('holds a run already'),
    });
    expect(read(out, 'metrics.jsonl')).toBe(before);
  });
});

test('1,000 workers on 2 threads', async () => {
  const summary = await train({ problem: 'nonconvex-logistic', method: 'marina', workers: 1000, threads: 2, rounds: 5 })
    .result;
  expect(summary.uplink.messages).toBe(6000);
  expect(summary.loss).toBeLessThan(0.25);
});
