import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { AbortedError, type TrainOptions, train } from '../dist/index.js';
import { expectResumed, expectSame, folder, newFolder, quick, read, rowsIn, stopped } from './resumed.js';

const checkpoints = (out: string) => readdirSync(join(out, 'checkpoint')).filter((name) => name.endsWith('.ckpt'));

describe('stopped after round 7, at round 13 the same x, bytes, counters and rows', () => {
  // resume.long.test.ts asks it of every method
  test.each(['vr-diana', 'pp-marina', 'm3', 'dasha'])('%s, on other threads and transports', expectResumed);

  test.each<TrainOptions>([
    { coins: 'even' },
    { dense: 'packed', wire: 'f64' },
    { linkModel: 'up=1mbit..9mbit,down=2mbit,latency=3ms,compute=5ms,server=1ms' },
    { uplink: 'rand-k:k=12+natural', downlink: 'perm-k+qsgd:levels=3' },
    { init: 'normal:0.1', seed: 'another' },
    { init: 'normal:0.1', stepSize: 'measured*0.5' },
    { output: 'uniform' },
    { output: 'best', stepSize: 0.3 },
    { checksum: 'on' },
  ])('%o', async (options) => {
    const all = { ...quick, ...options };
    await expectSame(all, 13, await stopped(all, 7));
  });

  test('a relative target is relative to x⁰', async () => {
    const all: TrainOptions = { ...quick, method: 'gd', targetRelative: 0.4, evalEvery: 1 };
    const result = await expectSame(all, 500, await stopped(all, 7));
    expect(result.stopReason).toBe('target-relative');
    expect(result.rounds).toBeGreaterThan(7);
  });
});

describe('where checkpoints are taken', () => {
  test('every N rounds, the newest and the one before; of a run that has ended the last', async () => {
    const out = newFolder();
    const seen: string[][] = [];
    const stop = new AbortController();
    const run = train({ ...quick, rounds: 1e6, evalEvery: 10, checkpointEvery: 4, out, signal: stop.signal });
    for await (const { round } of run) {
      if (round === 0) expect(checkpoints(out)).toContain('round-0.ckpt');
      if (round >= 20) break;
    }
    seen.push(checkpoints(out));
    stop.abort();
    const error: AbortedError = await run.result.then(
      () => expect.fail('it ended'),
      (thrown) => thrown,
    );
    const { rounds = -1 } = error.summary ?? {};
    // the last is that of the abort, also off the schedule
    expect(checkpoints(out)).toContain(`round-${rounds}.ckpt`);
    for (const names of [...seen, checkpoints(out)]) expect(names.length).toBeLessThanOrEqual(3);
    expect(JSON.parse(read(out, 'summary.json'))).toMatchObject({ stopReason: 'aborted', rounds });
    const end = rounds + 5;
    await expectSame({ ...quick, evalEvery: 10 }, end, out);
    expect(checkpoints(out)).toEqual([`round-${end}.ckpt`]);
    expect(JSON.parse(read(out, 'summary.json'))).toMatchObject({ stopReason: 'rounds', rounds: end, resumed: 1 });
    expect(JSON.parse(read(out, 'config.json'))).toMatchObject({ rounds: end, checkpointEvery: 4 });
  });

  test('never: none at all, until one is asked for', async () => {
    const out = newFolder();
    const stop = new AbortController();
    const run = train({ ...quick, rounds: 1e6, checkpointEvery: 'never', out, signal: stop.signal });
    for await (const { round } of run) if (round > 0) break;
    expect(checkpoints(out)).toEqual([]);
    const taken = await run.checkpoint();
    expect(taken.path).toBe(join(out, 'checkpoint', `round-${taken.round}.ckpt`));
    expect(checkpoints(out)).toEqual([`round-${taken.round}.ckpt`]);
    stop.abort();
    await expect(run.result).rejects.toBeInstanceOf(AbortedError);
    await expect(run.checkpoint()).rejects.toMatchObject({ code: 'aborted' });
    const result = await train({ resume: out, rounds: taken.round + 2 }).result;
    expect(result.rounds).toBe(taken.round + 2);
  });

  test('asked for by somebody whose run has no folder, or has ended', async () => {
    const run = train({ ...quick, rounds: 3 });
    await expect(run.checkpoint()).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(/: out$/) });
    const out = newFolder();
    const ended = train({ ...quick, rounds: 3, out });
    await ended.result;
    await expect(ended.checkpoint()).rejects.toThrow('there is no checkpoint of a run that has ended');
  });
});

test('a run that has ended is not trained again', async () => {
  const out = await stopped(quick, 7);
  const before = read(out, 'summary.json');
  const run = train({ resume: out });
  expect(JSON.parse(before)).toEqual(await run.result);
  expect((await run.result).model.x).toEqual((await run.model()).x);
  for await (const row of run) expect.fail(`a row of round ${row.round}`);
  expect(read(out, 'summary.json')).toBe(before);
  // the same rule once more is no new one
  expect((await train({ resume: out, rounds: 7 }).result).resumed).toBe(0);
});

describe('damage', () => {
  /** A folder with checkpoints of rounds 6 and 7, and rows up to 7. */
  async function interrupted(): Promise<string> {
    const out = newFolder();
    await train({ ...quick, rounds: 6, out }).result;
    cpSync(join(out, 'checkpoint', 'round-6.ckpt'), join(folder, 'six'));
    await train({ resume: out, rounds: 7 }).result;
    cpSync(join(folder, 'six'), join(out, 'checkpoint', 'round-6.ckpt'));
    rmSync(join(out, 'summary.json'));
    return out;
  }
  const notes: string[] = [];
  const logger = {
    debug() {},
    error() {},
    info: (fields: object, message: string) => void ('note' in fields && notes.push(message)),
  };
  const resumed = async (out: string) => {
    notes.length = 0;
    await expectSame(quick, 13, out, { logger });
    return notes;
  };

  test('a newest one that is cut: the one before', async () => {
    const out = await interrupted();
    truncateSync(join(out, 'checkpoint', 'round-7.ckpt'), 1000);
    expect(await resumed(out)).toEqual([
      expect.stringMatching(/^checkpoint\/round-7\.ckpt cannot be used: it is damaged: its SHA-256/),
      'the run goes on after round 6',
    ]);
  });

  test('all of them: at round 0', async () => {
    const out = await interrupted();
    for (const name of checkpoints(out)) writeFileSync(join(out, 'checkpoint', name), 'half of one');
    expect((await resumed(out)).at(-1)).toBe('no checkpoint can be used: the run begins again at round 0');
  });

  test('no folder of checkpoints, no rows: at round 0', async () => {
    const out = await interrupted();
    rmSync(join(out, 'checkpoint'), { recursive: true });
    rmSync(join(out, 'metrics.jsonl'));
    expect(await resumed(out)).toEqual(['no checkpoint can be used: the run begins again at round 0']);
  });

  test('one of another training among them is passed over; nothing but such ones is an error that changes nothing', async () => {
    const out = await interrupted();
    const other = await stopped({ ...quick, seed: 'another' }, 9);
    cpSync(join(other, 'checkpoint', 'round-9.ckpt'), join(out, 'checkpoint', 'round-9.ckpt'));
    expect((await resumed(out)).at(-1)).toBe('the run goes on after round 7');
    cpSync(join(other, 'checkpoint', 'round-9.ckpt'), join(out, 'checkpoint', 'round-90.ckpt'));
    rmSync(join(out, 'checkpoint', 'round-13.ckpt'));
    const before = read(out, 'metrics.jsonl');
    await expect(train({ resume: out, rounds: 20 }).result).rejects.toMatchObject({
      code: 'usage',
      option: 'resume',
      message: expect.stringMatching(/ cannot go on: the checkpoint is of another training: /),
    });
    expect(read(out, 'metrics.jsonl')).toBe(before);
  });

  test('rows from after the checkpoint are cut, and half a row', async () => {
    const out = await interrupted();
    appendFileSync(join(out, 'metrics.jsonl'), '{"round":99,"seconds":1}\n{"round":100,"sec');
    expect(await resumed(out)).toEqual(['the run goes on after round 7']);
  });

  test('rows that the disk has lost stay missing, and it is said', async () => {
    const out = await interrupted();
    const rows = read(out, 'metrics.jsonl');
    writeFileSync(join(out, 'metrics.jsonl'), `${rows.split('\n')[0]}\n${rows.split('\n')[1].slice(0, 50)}`);
    notes.length = 0;
    await train({ resume: out, rounds: 13, logger }).result;
    expect(notes).toEqual([
      'metrics.jsonl has lost rows from before round 7; they stay missing',
      'the run goes on after round 7',
    ]);
    // those of rounds 3 and 6 were lost, the second of them in the middle
    expect(rowsIn(out).map(({ round }) => round)).toEqual([0, 9, 12, 13]);
  });
});

describe('refused', () => {
  let out = '';
  beforeAll(async () => {
    out = await stopped(quick, 7);
  });

  test.each<[string, TrainOptions]>([
    ['method', { method: 'gd' }],
    ['seed', { seed: '1' }],
    ['workers', { workers: 7 }],
    ['stepSize', { stepSize: 'theory' }],
    ['uplink', { uplink: 'identity' }],
    ['wire', { wire: 'f64' }],
    ['coins', { coins: 'even' }],
    ['batch', { batch: 3 }],
    ['linkModel', { linkModel: 'up=1mbit' }],
    ['plugins', { plugins: ['./one.js'] }],
    ['init', { init: 'reference' }],
    ['out', { out: 'elsewhere' }],
  ])('another %s', (option, options) => {
    expect(() => train({ resume: out, ...options })).toThrow(
      expect.objectContaining({ option, message: expect.stringMatching(/cannot be .* where a run goes on: it was/) }),
    );
  });

  test('what is no run', () => {
    const empty = newFolder();
    mkdirSync(empty);
    expect(() => train({ resume: empty })).toThrow(/^resume ".*" holds no run: there is no config.json$/);
    expect(() => train({ resume: join(empty, 'nowhere') })).toThrow(/holds no run: there is no config.json$/);
    writeFileSync(join(empty, 'config.json'), '{"rounds": ');
    expect(() => train({ resume: empty })).toThrow(/it is not JSON$/);
    writeFileSync(join(empty, 'config.json'), '[]');
    expect(() => train({ resume: empty })).toThrow(/not an object of options$/);
    for (const resume of ['', 7, 'a\0b']) {
      expect(() => train({ resume } as TrainOptions)).toThrow(/^resume must be the path of a run folder/);
    }
    expect(() => train({ force: true })).toThrow('force is for a run that goes on');
    expect(() => train({ resume: out, wokers: 3 } as TrainOptions)).toThrow('unknown option wokers');
  });

  test('while another process is at work there', async () => {
    const taken = await stopped(quick, 7);
    writeFileSync(join(taken, 'checkpoint', 'lock'), `${process.ppid} somebody`);
    const touch = setInterval(() => utimesSync(join(taken, 'checkpoint', 'lock'), new Date(), new Date()), 100);
    try {
      await expect(train({ resume: taken, rounds: 9 }).result).rejects.toMatchObject({
        code: 'io',
        message: expect.stringMatching(/process \d+ is at work on this run, says .*lock; remove that if it is not$/),
      });
    } finally {
      clearInterval(touch);
    }
    // one whose process is gone is none
    writeFileSync(join(taken, 'checkpoint', 'lock'), '999999999 somebody');
    expect((await train({ resume: taken, rounds: 9 }).result).rounds).toBe(9);
    expect(existsSync(join(taken, 'checkpoint', 'lock'))).toBe(false);
  });

  test('a process that has lost its folder to another one writes nothing more there', async () => {
    const out = join(folder, 'lost');
    const run = train({ ...quick, out, evalEvery: 1, rounds: 1_000_000 });
    const first = await run[Symbol.asyncIterator]().next();
    expect(first.value.round).toBe(0);
    await run.checkpoint();
    writeFileSync(join(out, 'checkpoint', 'lock'), `${process.ppid} somebody`);
    await expect(run.result).rejects.toMatchObject({
      code: 'io',
      message: expect.stringMatching(/another process is at work in this folder$/),
    });
    for (const name of ['summary.json', 'model.safetensors']) expect(existsSync(join(out, name))).toBe(false);
  });
});

describe('code and data', () => {
  const plugin = (factor: number) => `
    import { defineProblem } from ${JSON.stringify(new URL('../../core/dist/index.js', import.meta.url).href)};
    export default { problems: { bowl: {
      name: 'bowl', summary: '', data: 'none', init: 'zeros', stepSize: () => '0.1',
      create: () => ({ dimension: 2, oracle: (i) => ({ smoothness: ${factor}, gradient(x, g) {
        g[0] = ${factor} * (x[0] - i); g[1] = ${factor} * (x[1] - 1); return (${factor} / 2) * ((x[0] - i) ** 2 + (x[1] - 1) ** 2);
      } }) }),
    } } };`;

  test('other code is refused, but for force; code that the folder names, but for trust', async () => {
    const path = join(folder, 'bowl.mjs');
    writeFileSync(path, plugin(1));
    const options: TrainOptions = { ...quick, problem: 'bowl', method: 'marina:p=0.5', plugins: [path], workers: 3 };
    const out = await stopped(options, 7);
    expect(() => train({ resume: out, rounds: 13 })).toThrow(/names code that would run: ".*bowl\.mjs"; trust: true/);
    await expectSame(options, 13, out, { trust: true });
    // what the caller names itself needs no trust
    expect((await train({ resume: out, rounds: 14, plugins: [path] }).result).rounds).toBe(14);
    writeFileSync(path, plugin(2));
    const again: TrainOptions = { resume: out, rounds: 20, trust: true };
    await expect(train(again).result).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(
        / cannot go on: .*bowl\.mjs is not what it was; force: true goes on all the same$/,
      ),
    });
    expect((await train({ ...again, force: true }).result).rounds).toBe(20);
  });

  const svm = (samples: number) =>
    Array.from({ length: samples }, (_, s) => `${s % 2 ? 1 : -1} 1:${Math.sin(s)} 2:${Math.cos(3 * s)}`).join('\n');

  test('a data file that has changed', async () => {
    const data = join(folder, 'changing.svm');
    writeFileSync(data, svm(20));
    const options: TrainOptions = { ...quick, problem: 'logistic', data, workers: 2 };
    const out = await stopped(options, 7);
    writeFileSync(data, svm(20).replace('-1', '1'));
    await expect(train({ resume: out, rounds: 9 }).result).rejects.toThrow(/changing\.svm is not what it was/);
    writeFileSync(data, svm(20));
    await expectSame(options, 9, out);
  });

  test('data and a starting point in memory are given again', async () => {
    const data = { x: Float64Array.from({ length: 40 }, (_, k) => Math.sin(7 * k)), shape: [20, 2] as const };
    const y = Array.from({ length: 20 }, (_, s) => (s % 2 ? 1 : -1));
    const init = Float64Array.of(0.1, -0.2, 0.3);
    const options: TrainOptions = { ...quick, problem: 'logistic:bias=true', data: { ...data, y }, workers: 2, init };
    const out = await stopped(options, 7);
    expect(() => train({ resume: out, rounds: 13 })).toThrow(/^data must be given again/);
    const other = { ...data, y: y.map((label) => -label) };
    await expect(train({ resume: out, rounds: 13, data: other }).result).rejects.toThrow('data in memory is not what');
    // the point is in the checkpoint
    await expectSame(options, 13, out, { data: { ...data, y } });
  });
});

test('a run that is refused when it is planned leaves nothing, one that could not begin neither', async () => {
  const out = newFolder();
  await expect(train({ ...quick, uplink: 'rand-k:k=61', out }).result).rejects.toMatchObject({ code: 'usage' });
  expect(existsSync(out)).toBe(false);
  const infinite = { ...quick, wire: 'f64', init: new Float64Array(60).fill(1e200), out } as const;
  await expect(train(infinite).result).rejects.toMatchObject({ code: 'diverged' });
  expect(existsSync(out)).toBe(false);
});

test('a folder that goes away: a typed error', async () => {
  const out = newFolder();
  const run = train({ ...quick, rounds: 1e9, checkpointEvery: 1000, evalEvery: 1e9, out });
  const gone = async () => {
    for await (const _ of run) rmSync(join(out, 'checkpoint'), { recursive: true });
  };
  await expect(gone()).rejects.toMatchObject({
    code: 'io',
    message: expect.stringMatching(/^a checkpoint cannot be written in .*checkpoint: no such file or folder$/),
  });
}, 30_000);
