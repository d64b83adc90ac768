import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SimulatedRuntime } from '@flotilla/protocol/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { Ending } from '../dist/ending.js';
import { type AbortedError, type Run, type TrainOptions, train } from '../dist/index.js';
import { Grace } from '../dist/run/grace.js';
import { lossOfServer } from './loss-of-server.js';

// What loops is really a loop, in really a thread: nothing but its termination ends it.

const folder = mkdtempSync(join(tmpdir(), 'flotilla-ending-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let runs = 0;

/** A run that is told to end when its code has come to its loop. */
async function looping(
  where: string,
  { end = (_run: Run, stop: AbortController) => stop.abort('enough'), wasm = false, ...options }: Looping = {},
) {
  const at = join(folder, `${runs++}`);
  const marker = `${at}-marker`;
  const stop = new AbortController();
  const run = train({
    problem: {
      module: new URL('./problems/looping.js', import.meta.url),
      parameters: { marker, where, wasm },
    },
    workers: 3,
    threads: 2,
    rounds: 1e6,
    evalEvery: 5,
    checkpointEvery: 4,
    grace: 0.3,
    out: at,
    signal: stop.signal,
    ...options,
  });
  const rows: number[] = [];
  const reading = (async () => {
    for await (const { round } of run) rows.push(round);
  })().catch(() => undefined);
  process.env.LOOPING_MARKER = marker;
  while (!existsSync(marker)) await setTimeout(10);
  end(run, stop);
  const error: AbortedError = await run.result.then(
    () => expect.unreachable('the run has ended as if nothing had happened'),
    (thrown: AbortedError) => thrown,
  );
  await reading;
  const read = (name: string) => JSON.parse(readFileSync(join(at, name), 'utf8'));
  return { at, error, rows, read };
}
type Looping = TrainOptions & { end?: (run: Run, stop: AbortController) => void; wasm?: boolean };

describe('code that never comes back is terminated when its run is told to end', () => {
  test.each([
    ['a gradient on a thread', {}],
    ['a gradient on the server’s thread', { transport: 'loopback' }],
    ['a gradient on one of both', { threads: 'auto' }],
    ['WebAssembly in a gradient', { wasm: true }],
    ['WebAssembly on the server’s thread', { wasm: true, transport: 'loopback' }],
  ] as const)('%s', async (_what, options) => {
    const { error, rows, read, at } = await looping('gradient', options);
    expect(error).toMatchObject({ name: 'AbortedError', code: 'aborted', cause: 'enough' });
    const last = rows.at(-1) as number;
    expect(last).toBeGreaterThanOrEqual(10);
    expect(error.message).toBe(
      `the run was aborted in the middle of a round; the last evaluated one was round ${last}`,
    );
    expect(error.summary).toMatchObject({ rounds: last, stopReason: 'aborted', workers: 3, dimension: 30 });
    expect(error.summary).not.toHaveProperty('xHash');
    // what was written stays, whole
    expect(read('summary.json')).toEqual(error.summary);
    expect(read('config.json')).toMatchObject({ workers: 3 });
    expect(readdirSync(join(at, 'checkpoint')).filter((name) => name.endsWith('.ckpt'))).toHaveLength(2);
  });

  test('a method’s plan, of which the last checkpoint is gone on from', async () => {
    const plugin = fileURLToPath(new URL('./plugins/looping.js', import.meta.url));
    const options: TrainOptions = {
      method: 'looping',
      plugins: [plugin],
      problem: 'heterogeneous-quadratic:d=20',
      stepSize: 0.1,
    };
    const { at, error, rows } = await looping('', options);
    expect(error.message).toContain('the last evaluated one was round 15');
    expect(rows).toEqual([0, 5, 10, 15]);
    const { xHash } = await train({ resume: at, trust: true, rounds: 19 }).result;
    const { out: _, ...same } = { ...options, workers: 3, rounds: 19, out: '' };
    expect(xHash).toBe((await train({ ...same, method: 'dcgd' }).result).xHash);
  });

  test.each([
    ['what reads the data', 'load', {}],
    ['a promise that is never kept', 'promise', {}],
    ['what makes a worker’s function', 'prepare', {}],
    ['what makes it on the server’s thread', 'prepare', { transport: 'loopback' }],
  ] as const)('%s, before there is a round', async (_what, where, options) => {
    const { error } = await looping(where, options);
    expect(error).toMatchObject({ code: 'aborted', summary: undefined, cause: 'enough' });
    expect(error.message).toMatch(/^the run was aborted before its first round/);
  });

  test('a callback that throws ends a run with a loop, too', async () => {
    const { error } = await looping('load', {
      end: () => {},
      onPhase(phase) {
        if (phase === 'loading') throw new Error('not today');
      },
    });
    expect(error).toMatchObject({ code: 'internal', message: 'a callback threw: not today' });
  });
});

test('a server’s thread that is lost is known, and its run can go on', async () => {
  process.env.LOOPING_END = 'exit';
  expect(await lossOfServer(folder)).toMatchObject({
    code: 'internal',
    message: expect.stringMatching(/^the server thread ended: /),
  });
});

describe('terminate', () => {
  test('ends a run in the middle of a round, however long its grace', async () => {
    const { error, read } = await looping('gradient', { grace: 1e6, end: (run) => run.terminate() });
    expect(error).toMatchObject({ code: 'aborted', summary: { stopReason: 'aborted' } });
    expect(read('summary.json')).toEqual(error.summary);
  });

  test('after the signal, on the server’s own thread', async () => {
    const end = (run: Run, stop: AbortController) => {
      stop.abort('first');
      run.terminate();
    };
    const { error } = await looping('gradient', { grace: 1e6, transport: 'loopback', end });
    expect(error).toMatchObject({ code: 'aborted', cause: 'first' });
  });

  test('called with the run, before its thread is there', async () => {
    const run = train({ problem: 'heterogeneous-quadratic:d=20', rounds: 1e9 });
    run.terminate();
    await expect(run.result).rejects.toMatchObject({ code: 'aborted', summary: undefined });
  });

  test('of a run that has ended does nothing', async () => {
    const run = train({ problem: 'heterogeneous-quadratic:d=20', rounds: 3, workers: 2 });
    const { xHash } = await run.result;
    run.terminate();
    expect((await run.result).xHash).toBe(xHash);
  });
});

test('a run that is slow, but gets on, is not terminated: each sign of life gives it its grace again', async () => {
  const runtime = new SimulatedRuntime();
  let signs = 0;
  const grace = new Grace(1000, runtime, () => signs++);
  grace.sign();
  runtime.block(5000);
  expect([grace.isOver, signs]).toEqual([false, 0]);
  grace.begin();
  for (let k = 0; k < 10; k++) {
    runtime.block(900);
    grace.check();
    grace.sign();
    // being told again changes nothing
    grace.begin();
  }
  expect(signs).toBe(10);
  runtime.block(999);
  grace.check();
  runtime.block(1);
  expect(() => grace.check()).toThrow('the run was aborted in the middle of a round');
});

test('whoever waits for a thread gives it its grace after each sign of life, and a second more', async () => {
  const runtime = new SimulatedRuntime();
  const ending = new Ending(2000, runtime);
  const sent: string[] = [];
  ending.open((message) => sent.push(message));
  let over: number | undefined;
  void ending.overdue.then(() => {
    over = runtime.now();
  });
  ending.abort();
  ending.abort();
  expect(sent).toEqual(['abort']);
  for (let k = 0; k < 5; k++) {
    await runtime.sleep(1900);
    ending.sign();
  }
  expect(over).toBeUndefined();
  await runtime.sleep(20_000);
  expect(over).toBeGreaterThanOrEqual(5 * 1900 + 3000 - 50);
  expect(over).toBeLessThan(5 * 1900 + 3200);
});
