import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { FlotillaError } from '@flotilla/core';
import { afterAll, describe, expect, test } from 'vitest';
import { AbortedError, type Meters, type Metrics, type Reporter, type TrainOptions, train } from '../dist/index.js';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-reporter-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let runs = 0;
const newFolder = () => join(folder, `run-${runs++}`);

const quick = {
  problem: 'heterogeneous-quadratic:d=50',
  method: 'marina',
  uplink: 'rand-k:k=5',
  workers: 4,
  threads: 2,
  rounds: 40,
} satisfies TrainOptions;

/** Keeps every call, as its method's name and what it was given. */
function recorder(name?: string) {
  const calls: [method: string, given: unknown][] = [];
  const keep = (method: string) => (given: unknown) => void calls.push([method, given]);
  const methods = Object.fromEntries(
    ['begin', 'phase', 'row', 'progress', 'event', 'end'].map((method) => [method, keep(method)]),
  );
  const given = <T>(method: string) => calls.filter(([called]) => called === method).map(([, value]) => value as T);
  return { name, ...methods, calls, given };
}

const failureOf = (result: Promise<unknown>): Promise<FlotillaError> =>
  result.then(
    () => expect.unreachable('the run has ended as if nothing had happened'),
    (error) => error,
  );

describe('a run tells its reporters', () => {
  test('what it is, its phases and rows as its readers get them, its checkpoints, and its result last', async () => {
    const out = newFolder();
    const reporter = recorder();
    const run = train({ ...quick, out, checkpointEvery: 16, reporters: [reporter] });
    const rows: Metrics[] = [];
    for await (const row of run) rows.push(row);
    const result = await run.result;

    const order = reporter.calls.map(([method]) => method);
    expect(order.indexOf('begin')).toBeLessThan(order.indexOf('row'));
    expect(order.indexOf('end')).toBe(order.length - 1);
    expect(reporter.given('phase')).toEqual(['starting', 'loading', 'building', 'evaluating', 'training']);
    expect(reporter.given('row')).toEqual(rows);
    expect(rows.map(({ round }) => round)).toEqual([0, 10, 20, 30, 40]);
    expect(reporter.given('end')).toEqual([result]);
    const taken = reporter.given('event').filter((event) => (event as { type: string }).type === 'checkpoint');
    const at = (round: number) => ({
      type: 'checkpoint',
      round,
      path: join(out, 'checkpoint', `round-${round}.ckpt`),
      message: `checkpoint of round ${round}`,
    });
    expect(taken).toEqual([0, 16, 32, 40].map(at));

    const [about] = reporter.given<Record<string, unknown>>('begin');
    const { stepSize, dimension, threads, parameters } = result;
    expect(about).toMatchObject({ method: 'marina', workers: 4, dimension: 50, round: 0, resumed: 0, folder: out });
    expect(about).toMatchObject({ stepSize, dimension, threads, parameters });
    expect(about.options).toMatchObject({ ...quick, evalEvery: 10 });
  });

  test('in the order in which they are given', async () => {
    const order: string[] = [];
    const reporters = ['a', 'b'].map((name) => ({ name, row: ({ round }: Metrics) => void order.push(name + round) }));
    await train({ ...quick, rounds: 10, reporters }).result;
    expect(order).toEqual(['a0', 'b0', 'a10', 'b10']);
  });

  test('its meters, to those who want them', async () => {
    const seen: Meters[] = [];
    const reporters = [recorder(), { meters: (meters: Meters) => void seen.push(meters) }];
    const { uplink, rounds } = await train({ ...quick, reporters }).result;
    const last = seen.at(-1) as Meters;
    expect(last.round).toBe(rounds);
    expect(last.uplink.dense + last.uplink.compressed).toBe(uplink.frameBytes);
  });

  test('that workers were started again', async () => {
    const reporter = recorder();
    const parameters = { marker: join(folder, 'marker'), how: 'throw', calls: 30, times: 1 };
    const problem = { module: new URL('./problems/tripping.js', import.meta.url), parameters };
    await train({ problem, workers: 2, rounds: 40, evalEvery: 10, uplink: 'rand-k:k=6', reporters: [reporter] }).result;
    expect(reporter.given('event')).toContainEqual({
      type: 'restart',
      restarts: 1,
      round: expect.any(Number),
      message: expect.stringContaining('the workers are started again, and the run goes on after round'),
    });
    expect(reporter.given<Metrics>('row').map(({ round }) => round)).toEqual([0, 10, 20, 30, 40]);
  });

  test('where it goes on from; one that had ended has only an end', async () => {
    const out = newFolder();
    const first = await train({ ...quick, out }).result;
    const again = recorder();
    await train({ resume: out, reporters: [again] }).result;
    expect(again.calls.map(([method]) => method)).toEqual(['end']);
    expect(again.given('end')).toMatchObject([{ xHash: first.xHash }]);

    const longer = recorder();
    await train({ resume: out, rounds: 60, reporters: [longer] }).result;
    expect(longer.given('begin')).toMatchObject([{ round: 40, resumed: 1, options: { rounds: 60 } }]);
    expect(longer.given<Metrics>('row').map(({ round }) => round)).toEqual([40, 50, 60]);
  });
});

describe('the end', () => {
  test('is waited for, and so is what was not finished before', async () => {
    const done: string[] = [];
    const slow: Reporter = {
      row: async ({ round }) => {
        await setTimeout(round === 10 ? 60 : 20);
        done.push(`row ${round}`);
      },
      end: async () => {
        await setTimeout(20);
        done.push('end');
      },
    };
    await train({ ...quick, rounds: 10, reporters: [slow] }).result;
    expect([...done].sort()).toEqual(['end', 'row 0', 'row 10']);
  });

  test('is told of a run that fails, that is aborted, and that never began', async () => {
    const [failed, aborted, never] = [recorder(), recorder(), recorder()];
    const failure = await failureOf(train({ ...quick, uplink: 'rand-k:k=51', reporters: [failed] }).result);
    expect(failure).toMatchObject({ code: 'usage' });
    expect(failed.given('end')).toEqual([failure]);

    const stop = new AbortController();
    const stopAtTen: Reporter = { row: ({ round }) => (round === 10 ? stop.abort() : undefined) };
    const options = { ...quick, rounds: 1e9, signal: stop.signal, reporters: [stopAtTen, aborted] };
    const error = await failureOf(train(options).result);
    expect(error).toBeInstanceOf(AbortedError);
    expect(aborted.given('end')).toEqual([error]);
    expect((error as AbortedError).summary?.rounds).toBe(aborted.given<Metrics>('row').at(-1)?.round);

    await failureOf(train({ ...quick, signal: AbortSignal.abort(), reporters: [never] }).result);
    expect(never.calls).toMatchObject([['end', { code: 'aborted' }]]);
  });

  test('that does not come is waited for as long as grace says', async () => {
    const stuck: Reporter = { end: () => new Promise(() => {}) };
    const error = await failureOf(train({ ...quick, grace: 0.1, reporters: [stuck] }).result);
    expect(error).toMatchObject({ code: 'internal', message: 'a reporter did not end within the grace of the run' });
  });
});

describe('a reporter that throws fails its run', () => {
  const full = () => {
    throw new Error('the disk is full');
  };
  test.each<[string, Omit<Reporter, 'name'>]>([
    ['begin', { begin: full }],
    ['a row', { row: full }],
    ['a row, later', { row: async ({ round }) => (round === 0 ? full() : undefined) }],
    ['the end', { end: full }],
    ['the end, later', { end: async () => full() }],
  ])('in %s', async (_when, methods) => {
    const other = recorder();
    const run = train({ ...quick, reporters: [{ name: 'the tracker', ...methods }, other] });
    const error = await failureOf(run.result);
    expect(error).toMatchObject({ code: 'internal', message: 'the tracker threw: the disk is full' });
    expect(error.cause).toMatchObject({ message: 'the disk is full' });
    // the others hear of the end, and the model is there
    expect(other.given('end')).toHaveLength(1);
    expect((await run.model()).x).toHaveLength(50);
  });

  test('and the run goes on without it, to the same bits', async () => {
    const out = newFolder();
    const row = ({ round }: Metrics) => (round === 20 ? full() : undefined);
    const slow = { ...quick, link: 'latency=1ms', rounds: 400 };
    const error = await failureOf(train({ ...slow, out, reporters: [{ row }] }).result);
    expect(error.message).toBe('a reporter threw: the disk is full');
    const [whole, resumed] = await Promise.all([train(slow).result, train({ resume: out }).result]);
    expect(resumed).toMatchObject({ resumed: 1, rounds: 400, xHash: whole.xHash });
  });

  test('but the first reason counts', async () => {
    const run = train({ ...quick, uplink: 'rand-k:k=51', reporters: [{ end: full }] });
    expect(await failureOf(run.result)).toMatchObject({ code: 'usage' });
  });
});

test.each([
  [{}, 'reporters must be an array'],
  [[null], 'reporters[0] must be an object'],
  [[{}, { row: 1 }], 'reporters[1].row must be a function'],
])('%j are no reporters', (reporters, message) => {
  expect(() => train({ ...quick, reporters: reporters as never })).toThrow(
    expect.objectContaining({ code: 'usage', message }),
  );
});
