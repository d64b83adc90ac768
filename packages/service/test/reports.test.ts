import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '@flotilla/core';
import { afterEach, expect, it } from 'vitest';
import type { MakeReport } from '../dist/index.js';
import { type Host, LONG, openHost, QUICK } from './host.js';

let host: Host;
const folder = mkdtempSync(join(tmpdir(), 'flotilla-reports-'));
afterEach(async () => {
  await host.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Pages that are finished when told so; what each was made of. */
function reporter() {
  const made: Parameters<MakeReport>[0][] = [];
  const finish: (() => void)[] = [];
  const report: MakeReport = async (run) => {
    made.push(run);
    await new Promise<void>((resolve) => finish.push(resolve));
    return `<!doctype html>${made.length}`;
  };
  return { made, finish, report };
}

it('is made of the folder and of what may be told of the configuration', async () => {
  host = await openHost({ folder, report: async (run) => `<p>${JSON.stringify(run)}` });
  const id = await host.start({ ...QUICK, problem: 'heterogeneous' });
  await host.until(id, 'done');
  const response = await host.request(`/runs/${id}/report`);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain('sandbox allow-scripts');
  const run = JSON.parse((await response.text()).slice(3));
  expect(run.folder).toBe(join(folder, id));
  expect(run.config).toMatchObject({ problem: 'heterogeneous', workers: 2 });
  expect(run.config).not.toHaveProperty('out');
  expect(await (await host.request('/about')).json()).toMatchObject({ can: { report: true } });
});

it('is made once for all who ask at a time, one run after the other, and no more than eight wait', async () => {
  const { made, finish, report } = reporter();
  host = await openHost({ folder, report });
  const ids: string[] = [];
  for (let k = 0; k < 9; k++) ids.push(await host.start(QUICK));
  for (const id of ids) await host.until(id, 'done');
  const ask = (id = '') => host.request(`/runs/${id}/report`);
  const first = [ask(ids[0]), ask(ids[0])];
  await expect.poll(() => made.length).toBe(1);
  const others = ids.slice(1, 8).map(ask);
  await expect.poll(async () => (await ask(ids[8])).status).toBe(429);
  expect(made).toHaveLength(1);
  finish[0]?.();
  expect(await Promise.all(first.map(async (one) => (await one).text()))).toEqual(Array(2).fill('<!doctype html>1'));
  for (let k = 1; k < 8; k++) {
    await expect.poll(() => finish.length).toBe(k + 1);
    finish[k]?.();
  }
  for (const one of others) expect((await one).status).toBe(200);
  expect(made.map((run) => run.folder)).toEqual(ids.slice(0, 8).map((id) => join(folder, id)));
  // nothing is kept
  const once = ask(ids[0]);
  await expect.poll(() => finish.length).toBe(9);
  finish[8]?.();
  expect(await (await once).text()).toBe('<!doctype html>9');
});

it('is not found while there is nothing to report, and an error without its reason where it cannot be made', async () => {
  let thrown: Error = new UsageError(`${folder} does not hold a run`);
  host = await openHost({ folder, report: () => Promise.reject(thrown) });
  const busy = await host.start(LONG);
  const queued = await host.start(QUICK);
  const answer = async (id: string) => {
    const response = await host.request(`/runs/${id}/report`);
    return [response.status, await response.json()];
  };
  const notFound = [404, { code: 'not-found', message: 'the run has no report yet' }];
  expect(await answer(queued)).toEqual(notFound);
  await expect.poll(() => existsSync(join(folder, busy, 'config.json'))).toBe(true);
  expect(await answer(busy)).toEqual(notFound);
  thrown = new Error(`${folder} burns`);
  expect(await answer(busy)).toEqual([500, { code: 'internal', message: 'internal error' }]);
  expect(host.logged.join('')).toContain('burns');
});

it('needs a function', async () => {
  host = await openHost({ folder });
  await expect(openHost({ folder: join(folder, 'b'), report: 'me' as never })).rejects.toThrow(
    'report must be a function that makes a page, not "me"',
  );
});
