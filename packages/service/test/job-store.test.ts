import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Job, newJob } from '../dist/job.js';
import { JobStore } from '../dist/job-store.js';
import { recoveredJob } from '../dist/recovered-job.js';

const REQUEST = { method: 'gd', problem: 'quadratic', workers: 2, seed: '0' };
const ID = (k: number) => `00000000-0000-4000-8000-00000000000${k}`;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-jobs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a folder of jobs', () => {
  it('gives back what was saved last, in the order of asking', async () => {
    const first = await JobStore.open(folder);
    for (const k of [2, 1, 3]) await first.store.add(newJob(ID(k), k, REQUEST));
    const states = ['running', 'stopping', 'stopped', 'queued', 'done'] as const;
    // none waits for the one before
    await Promise.all(states.map((state) => first.store.save({ ...newJob(ID(2), 2, REQUEST), state })));
    await first.store.close();
    const { jobs, notes, store } = await JobStore.open(folder);
    expect(jobs.map(({ id, state }) => [id, state])).toEqual([
      [ID(1), 'queued'],
      [ID(2), 'done'],
      [ID(3), 'queued'],
    ]);
    expect(notes).toEqual([]);
    await store.close();
    expect(readdirSync(join(folder, ID(2)))).toEqual(['job.json']);
  });

  it('does away with jobs that were being made or deleted when their host was killed', async () => {
    mkdirSync(join(folder, ID(1)));
    mkdirSync(join(folder, ID(2)));
    writeFileSync(join(folder, ID(2), '.job-0123456789ab.part'), '{"versi');
    mkdirSync(join(folder, `.deleted-${ID(3)}`, 'checkpoint'), { recursive: true });
    const { jobs, notes, store } = await JobStore.open(folder);
    expect([jobs, notes]).toEqual([[], []]);
    expect(readdirSync(folder)).toEqual(['lock']);
    await store.close();
  });

  it('keeps the last whole state of one that was being saved', async () => {
    const { store } = await JobStore.open(folder);
    await store.add(newJob(ID(1), 1, REQUEST));
    await store.close();
    writeFileSync(join(folder, ID(1), '.job-0123456789ab.part'), '{"version": 1, "id');
    const again = await JobStore.open(folder);
    expect(again.jobs).toMatchObject([{ id: ID(1), state: 'queued' }]);
    await again.store.close();
  });

  it.each([
    ['no JSON', '{"version":'],
    ['null', 'null'],
    ['of another version', JSON.stringify({ ...newJob(ID(1), 1, REQUEST), version: 2 })],
    ['of another id', JSON.stringify(newJob(ID(2), 1, REQUEST))],
    ['of no state', JSON.stringify({ ...newJob(ID(1), 1, REQUEST), state: 'gone' })],
  ])('says so of a job that is %s, and leaves it as it is', async (_, text) => {
    mkdirSync(join(folder, ID(1)));
    writeFileSync(join(folder, ID(1), 'job.json'), text);
    const { jobs, notes, store } = await JobStore.open(folder);
    expect(jobs).toEqual([]);
    expect(notes).toEqual([expect.stringContaining(join(folder, ID(1), 'job.json'))]);
    expect(readFileSync(join(folder, ID(1), 'job.json'), 'utf8')).toBe(text);
    await store.close();
  });

  it('leaves what is no job: a run folder without one, and whatever is called otherwise', async () => {
    mkdirSync(join(folder, ID(1)));
    writeFileSync(join(folder, ID(1), 'model.safetensors'), 'x');
    mkdirSync(join(folder, 'mine'));
    const { jobs, notes, store } = await JobStore.open(folder);
    expect([jobs, notes.length]).toEqual([[], 1]);
    await store.close();
    expect(existsSync(join(folder, ID(1), 'model.safetensors'))).toBe(true);
    expect(existsSync(join(folder, 'mine'))).toBe(true);
  });
});

describe('what a job is when its host starts again', () => {
  const row = { round: 7, seconds: 1, loss: 2, gradNormSq: 3, uplink: { frameBytes: 4 }, downlink: { frameBytes: 5 } };
  const running: Job = {
    ...newJob(ID(1), 1, REQUEST),
    state: 'running',
    starts: 1,
    started: '2026-01-01T00:00:00.000Z',
  };
  const has = (files: Record<string, object>) => {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(folder, name), `${JSON.stringify(content)}\n`);
  };
  const summary = {
    rounds: 9,
    loss: 1,
    gradNormSq: 2,
    wallSeconds: 3,
    uplink: { frameBytes: 4 },
    downlink: { frameBytes: 5 },
  };

  it.each(['queued', 'stopped', 'failed', 'done'] as const)('%s is what it was', async (state) => {
    const job = { ...running, state };
    expect(await recoveredJob(job, folder, 'auto')).toBe(job);
  });

  it('it ran, and had left nothing: it waits', async () => {
    expect(await recoveredJob(running, folder, 'ask')).toMatchObject({ state: 'queued', ended: null });
    // not for ever, where it may be what ends its hosts
    expect(await recoveredJob({ ...running, starts: 2 }, folder, 'ask')).toMatchObject({ state: 'stopped' });
  });

  it('it ran: it is stopped with what it had come to, or waits to go on', async () => {
    has({ 'config.json': {}, 'metrics.jsonl': row });
    const numbers = { round: 7, seconds: 1, loss: 2, gradNormSq: 3, uplinkBytes: 4, downlinkBytes: 5 };
    const stopped = await recoveredJob(running, folder, 'ask');
    expect(stopped).toMatchObject({ state: 'stopped', stopReason: 'interrupted', numbers });
    expect(Math.abs(Date.parse(stopped.ended ?? '') - Date.now())).toBeLessThan(60_000);
    expect(await recoveredJob(running, folder, 'auto')).toMatchObject({ state: 'queued', ended: null, numbers });
  });

  it('it had come to its end, and nobody had written that down: it is done', async () => {
    has({ 'config.json': {}, 'summary.json': { ...summary, stopReason: 'target' } });
    for (const state of ['running', 'stopping'] as const) {
      const job = await recoveredJob({ ...running, state }, folder, 'auto');
      expect(job).toMatchObject({ state: 'done', stopReason: 'target', numbers: { round: 9, restarts: 0 } });
    }
  });

  it('somebody was told that it stops: it is stopped, whatever the host goes on with', async () => {
    has({ 'config.json': {}, 'metrics.jsonl': row });
    const job = await recoveredJob({ ...running, state: 'stopping' }, folder, 'auto');
    expect(job).toMatchObject({ state: 'stopped', stopReason: 'aborted' });
  });
});
