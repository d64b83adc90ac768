import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { train } from '@flotilla/server';
import { openDashboard } from '@flotilla/service';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderReport } from '../dist/report/index.js';
import { runReport } from '../dist/report/run-report.js';

/** Drawings are numbered through a process. */
const unnumbered = (page: string) => page.replace(/zr\d+-c\d+/g, 'zr');

let root: string;
let folder: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'flotilla-report-door-'));
  folder = join(root, 'run');
  await train({ problem: 'quadratic', method: 'marina', workers: 2, rounds: 20, evalEvery: 5, out: folder }).result;
});
afterAll(() => rmSync(root, { recursive: true }));

it('renders what the command writes, and leaves the event loop to others meanwhile', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const page = await renderReport({ folder });
  clearInterval(timer);
  expect(unnumbered(page)).toBe(unnumbered(await runReport([folder])));
  expect(page).toContain('‖∇f(x)‖² against rounds');
  expect(turns).toBeGreaterThan(10);
});

it('tells the configuration that it is given, and not where the run lies', async () => {
  const torn = join(root, 'torn');
  await train({ problem: 'quadratic', method: 'gd', workers: 2, rounds: 20, evalEvery: 5, out: torn }).result;
  writeFileSync(join(torn, 'metrics.jsonl'), `${readFileSync(join(torn, 'metrics.jsonl'), 'utf8')}{"rou`);
  const page = await renderReport({ folder: torn, config: { method: 'gd', problem: 'ours', workers: 2 } });
  expect(page).toContain('gd on ours, 2 workers');
  expect(page).toContain('metrics.jsonl, line 6: not a whole row, left out');
  expect(page).not.toContain(root);
});

it('says what is missing, as the command does', async () => {
  await expect(renderReport({ folder: join(root, 'none') })).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/none.* does not hold a run: no folder is there/),
  });
});

it('is what a dashboard shows', async () => {
  const dashboard = await openDashboard({ runs: [{ folder }], report: renderReport });
  try {
    const [base, token] = dashboard.url.split('#token=');
    const response = await fetch(`${base}runs/run/report`, { headers: { authorization: `Bearer ${token}` } });
    expect(response.status).toBe(200);
    expect(unnumbered(await response.text())).toBe(unnumbered(await runReport([folder])));
  } finally {
    await dashboard.close();
  }
});
