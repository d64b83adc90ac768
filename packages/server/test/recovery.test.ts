import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type RunResult, type TrainOptions, train } from '../dist/index.js';

// The oracle: same configuration and seed, same bits, whatever was lost on the way.

const folder = mkdtempSync(join(tmpdir(), 'flotilla-recovery-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let runs = 0;

/** A run whose worker 1 comes to grief, and what it was told. */
async function run(how: string, options: TrainOptions & { calls?: number; times?: number } = {}) {
  const { calls = 30, times = 1, ...others } = options;
  const marker = join(folder, `marker-${runs++}`);
  const told: string[] = [];
  const lost: object[] = [];
  const training = train({
    problem: {
      module: new URL('./problems/tripping.js', import.meta.url),
      parameters: { marker, how, calls, times },
    },
    workers: 4,
    threads: 2,
    rounds: 60,
    evalEvery: 10,
    method: 'm3',
    uplink: 'rand-k:k=6',
    seed: 'loss',
    logger: {
      debug: (fields) => 'lost' in fields && lost.push(fields),
      info: (_fields, message) => told.push(message),
      error: () => {},
    },
    ...others,
  });
  const rows: object[] = [];
  const reading = (async () => {
    for await (const { seconds: _, ...row } of training) rows.push(row);
  })().catch(() => undefined);
  const outcome = await training.result.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  await reading;
  const happened = readdirSync(folder).filter((name) => name.startsWith(`marker-${runs - 1}-`)).length;
  return { ...outcome, rows, lost, told: told.filter((line) => line.includes('started again')), happened };
}

/** What of a result does not depend on the clock, nor on what was lost. */
function steady({
  wallSeconds: _w,
  computeSeconds: _c,
  secondsToFirstRound: _s,
  repeated: _r,
  ...rest
}: RunResult): object {
  return { ...rest, problem: '', threads: 0, transport: '' };
}

const undisturbed = run('never', { calls: 1e9 });
async function expected() {
  const { result, rows } = (await undisturbed) as Awaited<typeof undisturbed> & { result: RunResult };
  return { result: steady(result), rows };
}

describe.each<TrainOptions>([
  {},
  { checkpointEvery: 7 },
  { out: 'folder', checkpointEvery: 7 },
  { out: 'no-checkpoints', checkpointEvery: 'never' },
  { transport: 'loopback', checkpointEvery: 7 },
  // worker 1 is on the server's own thread
  { threads: 'auto', checkpointEvery: 7 },
])('with %o', (options) => {
  const isAlone = options.transport !== 'loopback' && options.threads !== 'auto';
  const ends = isAlone ? ['throw', 'exit'] : ['throw'];

  test.each(ends)('a worker that comes to its end (%s) changes nothing but what was done twice', async (how) => {
    const out = options.out && join(folder, `${options.out}-${how}`);
    const { rows, told, lost, happened, ...outcome } = await run(how, { ...options, ...(out && { out }) });
    expect(happened, 'the fault has happened').toBe(1);
    expect(lost).toEqual([how === 'throw' ? { lost: true, worker: 1, round: 26 } : { lost: true }]);
    expect(outcome).toHaveProperty('result');
    const { result } = outcome as { result: RunResult };
    expect(steady(result)).toEqual((await expected()).result);
    expect(rows).toEqual((await expected()).rows);
    expect(result.repeated).toMatchObject({ restarts: 1 });
    const { rounds, frameBytes } = result.repeated as NonNullable<RunResult['repeated']>;
    // the 30th gradient is that of round 26: one at the start, one each in rounds 0, 10 and 20, one in each round
    expect(rounds).toBe(options.checkpointEvery === 7 ? 4 : 25);
    expect(frameBytes).toBeGreaterThan(0);
    expect(told).toEqual([
      expect.stringMatching(/the workers are started again, and the run goes on after round \d+$/),
    ]);
    if (out === undefined) return;
    const written = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
    expect(written.map((line) => JSON.parse(line).round)).toEqual([0, 10, 20, 30, 40, 50, 60]);
  });
});

test('a loss before the first round, and one while another is made good', async () => {
  const { result, rows } = (await run('exit', { calls: 1, times: 2 })) as { result: RunResult; rows: object[] };
  expect(steady(result)).toEqual((await expected()).result);
  expect(rows).toEqual((await expected()).rows);
  expect(result.repeated).toMatchObject({ restarts: 2, rounds: 0 });
});

test('what fails in the same way twice is not tried a third time', async () => {
  const { error, happened } = (await run('throw', { times: 100 })) as { error: unknown; happened: number };
  expect(happened).toBe(2);
  expect(error).toMatchObject({
    code: 'internal',
    worker: 1,
    message: expect.stringMatching(/^worker 1, round \d+: tripped$/),
  });
});

describe('a NaN of one worker alone', () => {
  const gd = { method: 'gd', uplink: undefined } as const;

  // one gradient in each of the evaluations of rounds 0, 10 and 20, and one in each round
  const uplink = 'round 27 at worker 1: a coordinate is not a finite f32 number';
  const evaluation = 'round 20 at worker 1: a coordinate of ∇f_i is not finite';
  test.each([
    { where: 'an uplink', calls: 30, what: uplink, threads: 2 },
    { where: 'an evaluation', calls: 23, what: evaluation, threads: 2 },
    // worker 1 is on the server's own thread
    { where: 'an uplink', calls: 30, what: uplink, threads: 'auto' },
    { where: 'an evaluation', calls: 23, what: evaluation, threads: 'auto' },
  ] as const)('in $where, threads $threads: the workers are started again, once', async ({ calls, what, threads }) => {
    const { rows, told, happened, ...outcome } = await run('nan', { ...gd, calls, threads });
    const whole = await run('never', { ...gd, calls: 1e9 });
    expect(happened).toBe(1);
    const { result } = outcome as { result: RunResult };
    expect(steady(result)).toEqual(steady((whole as unknown as { result: RunResult }).result));
    expect(rows).toEqual(whole.rows);
    expect(result.repeated).toMatchObject({ restarts: 1 });
    expect(told).toEqual([expect.stringContaining(`diverged in ${what} (method gd); `)]);
  });

  test('a second time at the same worker and round: the run stops, and says where', async () => {
    const { happened, ...outcome } = await run('nan', { ...gd, times: 100 });
    expect(happened).toBe(2);
    expect((outcome as { error: unknown }).error).toMatchObject({
      code: 'diverged',
      worker: 1,
      round: 27,
      message: expect.stringMatching(/^diverged in round 27 at worker 1: .* \(method gd\); try a smaller step size$/),
    });
  });

  test.each([1e12, 0])('is not what a run that diverges has, which is not tried again: factor %d', async (factor) => {
    const { told, ...outcome } = await run('never', { ...gd, calls: 1e9, stepSize: 1e8, divergedFactor: factor });
    const message = expect.stringMatching(/^diverged in round \d+ at /);
    expect((outcome as { error: unknown }).error).toMatchObject({ code: 'diverged', message });
    expect(told).toEqual([]);
  });
});

test('a worker that does not answer in time is lost, and the summary says who', async () => {
  const { rows, ...outcome } = await run('late', { roundTimeout: 5, checkpointEvery: 7 });
  const { result } = outcome as { result: RunResult };
  const { late, ...rest } = result;
  expect(steady(rest as RunResult)).toEqual((await expected()).result);
  expect(late).toEqual([{ worker: 1, answers: 1, seconds: expect.any(Number) }]);
  expect(result.repeated).toMatchObject({ restarts: 1, rounds: 4 });
  // rows from then on say it too
  const said = rows as { round: number; late?: object }[];
  expect(said.filter(({ late }) => late !== undefined).map(({ round }) => round)).toEqual([30, 40, 50, 60]);
});

test('threads that end again and again: as often as they may, and the error says so', async () => {
  const { error, happened } = (await run('exit', { times: 100, maxRestarts: 2 })) as {
    error: unknown;
    happened: number;
  };
  expect(happened).toBe(3);
  expect(error).toMatchObject({
    code: 'worker-lost',
    message: expect.stringMatching(
      /^workers on thread 0 ended: .*; the workers have been started again 2 times, as often as they may$/,
    ),
  });
});

test('maxRestarts: 0 ends the run at the first loss, as it is', async () => {
  const { error, happened } = (await run('throw', { times: 100, maxRestarts: 0 })) as {
    error: unknown;
    happened: number;
  };
  expect(happened).toBe(1);
  expect(error).toMatchObject({ code: 'internal', message: expect.stringMatching(/^worker 1, round \d+: tripped$/) });
});

test('what is thrown before there was a round is told at once', async () => {
  const { error, happened } = (await run('throw', { calls: 1, times: 100 })) as { error: unknown; happened: number };
  expect(happened).toBe(1);
  expect(error).toMatchObject({ code: 'internal', message: expect.stringMatching(/^worker 1, round 0: tripped$/) });
});
