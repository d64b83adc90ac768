import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { train } from '@flotilla/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Dashboard, openDashboard, RunFeed, type RunView } from '../dist/index.js';
import { eventsOf, LONG, QUICK } from './host.js';

let folder: string;
let dashboard: Dashboard;
let base: string;
let headers: { authorization: string };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-dashboard-'));
  await train({ ...QUICK, out: join(folder, 'ended') }).result;
  await train({ ...QUICK, out: join(folder, 'more', 'ended') }).result;
  const feed = new RunFeed();
  const abort = new AbortController();
  const live = join(folder, 'a run: live');
  const run = train({ ...LONG, out: live, signal: abort.signal, ...feed.callbacks });
  dashboard = await openDashboard({
    runs: [
      { folder: live, run, feed, stop: () => abort.abort() },
      { folder: join(folder, 'ended') },
      { folder: join(folder, 'more', 'ended') },
      { folder: join(folder, 'nothing') },
    ],
  });
  const [before = '', token = ''] = dashboard.url.split('#token=');
  base = before;
  headers = { authorization: `Bearer ${token}` };
});
afterAll(async () => {
  await dashboard.close();
  rmSync(folder, { recursive: true });
});
const get = async (path: string, method = 'GET') => fetch(`${base}${path}`, { method, headers });

it('listens on this machine, for whoever has its token', async () => {
  expect(dashboard.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32}$/);
  expect((await fetch(`${base}runs`)).status).toBe(401);
  expect((await fetch(base)).status).toBe(200);
  expect(await (await get('about')).json()).toMatchObject({ offers: null, can: { start: false, report: false } });
});

it('lists the runs that it was given, by names of their folders', async () => {
  const { runs } = (await (await get('runs')).json()) as { runs: RunView[] };
  expect(runs.map(({ id }) => id)).toEqual(['a-run-live', 'ended', 'ended-2', 'nothing']);
  expect(runs[1]).toMatchObject({ state: 'done', round: 20, method: 'marina', stopReason: 'rounds' });
  expect(runs[3]).toMatchObject({ state: 'stopped', round: null, method: null });
  // the folder is the reader's own: nothing of it is hidden
  expect(await (await get('runs/ended/config')).json()).toMatchObject({ out: join(folder, 'ended') });
});

it('starts, resumes and deletes nothing', async () => {
  expect((await get('runs', 'POST')).status).toBe(404);
  expect((await get('runs/ended/resume', 'POST')).status).toBe(409);
  expect((await get('runs/ended/stop', 'POST')).status).toBe(409);
  expect((await get('runs/ended', 'DELETE')).status).toBe(409);
});

it('follows the run that is trained here, has it take a checkpoint, and stops it', async () => {
  const kinds = new Map<string, number>();
  const states: string[] = [];
  for await (const { event, data } of eventsOf(await get('runs/a-run-live/events'))) {
    kinds.set(event, (kinds.get(event) ?? 0) + 1);
    if (event === 'state') states.push(`${data.state} ${data.method}`);
    if (event === 'rows' && kinds.get('rows') === 3) {
      const { round } = (await (await get('runs/a-run-live/checkpoint', 'POST')).json()) as { round: number };
      expect(round).toBeGreaterThan(0);
      expect((await get('runs/a-run-live/stop', 'POST')).status).toBe(202);
    }
  }
  expect(states[0]).toMatch(/^running/);
  expect(states.at(-1)).toBe('stopped marina');
  expect([...kinds.keys()].sort()).toEqual(['end', 'meters', 'progress', 'rows', 'state']);
  expect(await (await get('runs/a-run-live')).json()).toMatchObject({ stopReason: 'aborted', can: { stop: false } });
});
