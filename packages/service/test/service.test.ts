import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { train } from '@flotilla/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunView } from '../dist/index.js';
import { ALLOW, type Host, json, LONG, openHost, QUICK } from './host.js';

let folder: string;
let host: Host;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-service-'));
  host = await openHost({ folder });
});
afterEach(async () => {
  await host.close();
  rmSync(folder, { recursive: true, force: true });
});
const again = async (options = {}) => {
  await host.close();
  host = await openHost({ folder, ...options });
};
const stored = (id: string) => JSON.parse(readFileSync(join(folder, id, 'job.json'), 'utf8'));

describe('a run', () => {
  it('is what train() makes of the same options, with its files', async () => {
    const id = await host.start({ ...QUICK, seed: '7', uplink: 'natural' });
    const view = await host.until(id, 'done');
    const { xHash, loss, uplink } = await train({ ...QUICK, seed: '7', uplink: 'natural' }).result;
    expect(view).toMatchObject({ round: 20, loss, uplinkBytes: uplink.frameBytes, stopReason: 'rounds', error: null });
    expect(await (await host.request(`/runs/${id}/summary`)).json()).toMatchObject({ xHash, rounds: 20 });
    const rows = (await (await host.request(`/runs/${id}/metrics`)).text()).trim().split('\n');
    expect(rows.map((row) => JSON.parse(row).round)).toEqual([0, 10, 20]);
    const model = await host.request(`/runs/${id}/model`);
    expect(model.headers.get('content-disposition')).toBe(`attachment; filename="${id}.safetensors"`);
    expect(Buffer.from(await model.arrayBuffer())).toEqual(readFileSync(join(folder, id, 'model.safetensors')));
    // made where the host says how
    expect((await host.request(`/runs/${id}/report`)).status).toBe(404);
  });

  it('tells its configuration by the names of offers, and no path of the host', async () => {
    const id = await host.start({ ...QUICK, problem: 'heterogeneous' });
    await host.until(id, 'done');
    const config = await (await host.request(`/runs/${id}/config`)).json();
    expect(config).toMatchObject({ problem: 'heterogeneous', method: 'marina', workers: 2 });
    expect(JSON.stringify(config)).not.toContain(folder);
    expect(config).not.toHaveProperty('out');
  });

  it('has no summary, no model and no configuration before there is one', async () => {
    const busy = await host.start(LONG);
    const id = await host.start(QUICK);
    for (const what of ['config', 'summary', 'model', 'report']) {
      const response = await host.request(`/runs/${id}/${what}`);
      expect([response.status, await response.json()]).toMatchObject([404, { code: 'not-found' }]);
    }
    expect(await (await host.request(`/runs/${id}/metrics`)).text()).toBe('');
    await host.request(`/runs/${busy}/stop`, { method: 'POST' });
  });

  it('takes the first method and problem, 20 workers and 500 rounds when nothing is asked for', async () => {
    const id = await host.start({});
    expect(await host.view(id)).toMatchObject({
      method: 'gd',
      problem: 'quadratic',
      workers: 20,
      rounds: 500,
      seed: '0',
    });
    await host.request(`/runs/${id}/stop`, { method: 'POST' });
  });

  it('fails with the reason, where that is about what was asked for', async () => {
    const id = await host.start({ ...QUICK, uplink: 'too much' });
    const { error, can } = await host.until(id, 'failed');
    expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('k=100000') });
    expect(can).toEqual({ stop: false, checkpoint: false, resume: true, delete: true });
  });
});

describe('stop, checkpoint, resume', () => {
  it('come to what an undisturbed run comes to, bit for bit', async () => {
    const rounds = 3000;
    const { xHash } = await train({ ...QUICK, rounds, evalEvery: 100 }).result;
    const id = await host.start({ ...QUICK, rounds, evalEvery: 100 });
    for (let k = 0; k < 3; k++) {
      const before = (await host.view(id)).round ?? 0;
      await expect.poll(async () => (await host.view(id)).round ?? 0, { timeout: 30_000 }).toBeGreaterThan(before);
      const response = await host.request(`/runs/${id}/stop`, { method: 'POST' });
      if (response.status === 409) break;
      expect(response.status).toBe(202);
      const stopped = await host.until(id, 'stopped', 'done');
      if (stopped.state === 'done') break;
      expect(stopped).toMatchObject({ stopReason: 'aborted', can: { resume: true, stop: false, delete: true } });
      expect((await host.request(`/runs/${id}/resume`, { method: 'POST' })).status).toBe(202);
    }
    await host.until(id, 'done');
    expect(await (await host.request(`/runs/${id}/summary`)).json()).toMatchObject({ xHash, rounds });
  });

  it('a checkpoint is on the disk when it is answered', async () => {
    const id = await host.start(LONG);
    await expect.poll(async () => (await host.view(id)).round, { timeout: 30_000 }).toBeGreaterThan(0);
    const response = await host.request(`/runs/${id}/checkpoint`, { method: 'POST' });
    const { round } = (await response.json()) as { round: number };
    expect(response.status).toBe(200);
    expect(existsSync(join(folder, id, 'checkpoint', `round-${round}.ckpt`))).toBe(true);
  });

  it('are conflicts where they make no sense', async () => {
    const done = await host.start(QUICK);
    await host.until(done, 'done');
    const running = await host.start(LONG);
    const queued = await host.start(LONG);
    await host.until(running, 'running');
    const codes = async (id: string) =>
      Promise.all(
        ['stop', 'checkpoint', 'resume'].map(
          async (what) => (await host.request(`/runs/${id}/${what}`, { method: 'POST' })).status,
        ),
      );
    expect(await codes(done)).toEqual([409, 409, 409]);
    expect((await host.request(`/runs/${running}`, { method: 'DELETE' })).status).toBe(409);
    expect((await host.request(`/runs/${queued}`, { method: 'DELETE' })).status).toBe(409);
    expect((await host.request(`/runs/${running}/resume`, { method: 'POST' })).status).toBe(409);
    expect((await host.request(`/runs/${queued}/checkpoint`, { method: 'POST' })).status).toBe(409);
  });
});

describe('the queue', () => {
  it('trains so many at a time, in the order of their coming, and a stopped one leaves it', async () => {
    await again({ limits: { maxConcurrent: 2, maxQueued: 3 } });
    const ids: string[] = [];
    for (let k = 0; k < 5; k++) ids.push(await host.start(LONG));
    const states = async () => Promise.all(ids.map(async (id) => (await host.view(id)).state));
    expect(await states()).toEqual(['running', 'running', 'queued', 'queued', 'queued']);
    const refused = await host.request('/runs', json(LONG));
    expect([refused.status, await refused.json()]).toEqual([429, { code: 'busy', message: '3 runs wait already' }]);
    await host.request(`/runs/${ids[2]}/stop`, { method: 'POST' });
    await host.request(`/runs/${ids[0]}/stop`, { method: 'POST' });
    await host.until(ids[3] ?? '', 'running');
    expect(await states()).toEqual(['stopped', 'running', 'stopped', 'running', 'queued']);
    // one that has never begun begins when it is resumed
    await host.request(`/runs/${ids[2]}/resume`, { method: 'POST' });
    for (const k of [1, 3, 4]) await host.request(`/runs/${ids[k]}/stop`, { method: 'POST' });
    await host.until(ids[2] ?? '', 'running');
  });

  it('is listed in pages, the newest first', async () => {
    const ids: string[] = [];
    for (let k = 0; k < 5; k++) ids.push(await host.start(k === 0 ? LONG : QUICK));
    const page = async (query: string) =>
      (await (await host.request(`/runs?${query}`)).json()) as { runs: RunView[]; next: string | null };
    const first = await page('limit=2');
    const second = await page(`limit=2&after=${first.next}`);
    const third = await page(`limit=2&after=${second.next}`);
    const listed = [first, second, third].flatMap(({ runs }) => runs.map(({ id }) => id));
    expect(listed).toEqual(ids.toReversed());
    expect(third.next).toBeNull();
    expect((await host.request('/runs?limit=2&after=x')).status).toBe(404);
    expect((await host.request('/runs?limit=0')).status).toBe(400);
    expect((await host.request('/runs?limit=1e9')).status).toBe(400);
  });

  it('has so many runs at most, until some are deleted', async () => {
    await again({ limits: { maxRuns: 2 } });
    const ids = [await host.start(QUICK), await host.start(QUICK)];
    for (const id of ids) await host.until(id, 'done');
    expect((await host.request('/runs', json(QUICK))).status).toBe(429);
    expect((await host.request(`/runs/${ids[0]}`, { method: 'DELETE' })).status).toBe(202);
    expect(existsSync(join(folder, ids[0] ?? ''))).toBe(false);
    expect((await host.request(`/runs/${ids[0]}`)).status).toBe(404);
    await host.start(QUICK);
  });
});

describe('a host that closes and starts again', () => {
  it('lists what trained as stopped and what waited as waiting, and goes on with that', async () => {
    const done = await host.start(QUICK);
    await host.until(done, 'done');
    const running = await host.start(LONG);
    const queued = await host.start({ ...QUICK, seed: '3' });
    await expect.poll(async () => (await host.view(running)).round, { timeout: 30_000 }).toBeGreaterThan(100);
    await again();
    expect(await host.view(running)).toMatchObject({ state: 'stopped', stopReason: 'interrupted', resumed: 0 });
    expect((await host.view(running)).round).toBeGreaterThan(100);
    await host.until(queued, 'done');
    expect(await host.view(done)).toMatchObject({ state: 'done', round: 20 });
    expect((await host.request(`/runs/${running}/resume`, { method: 'POST' })).status).toBe(202);
    expect(await host.until(running, 'running')).toMatchObject({ resumed: 1 });
  });

  it('with resume: auto goes on with what trained, before what waits', async () => {
    const running = await host.start(LONG);
    const queued = await host.start(LONG);
    await expect.poll(async () => (await host.view(running)).round, { timeout: 30_000 }).toBeGreaterThan(100);
    const { round } = await host.view(running);
    await again({ resume: 'auto' });
    expect([(await host.view(running)).state, (await host.view(queued)).state]).toEqual(['running', 'queued']);
    await expect
      .poll(async () => (await host.view(running)).round, { timeout: 30_000 })
      .toBeGreaterThan(round ?? Infinity);
  });

  it('does not go on with what somebody has stopped', async () => {
    const id = await host.start(LONG);
    await host.until(id, 'running');
    await host.request(`/runs/${id}/stop`, { method: 'POST' });
    await again({ resume: 'auto' });
    expect(await host.view(id)).toMatchObject({ state: 'stopped', stopReason: 'aborted' });
  });

  it('says so of a run whose method is no longer offered, when it is to go on', async () => {
    const id = await host.start(LONG);
    await host.until(id, 'running');
    await again({ allow: { ...ALLOW, methods: ['gd'] } });
    await host.request(`/runs/${id}/resume`, { method: 'POST' });
    const { error } = await host.until(id, 'failed');
    expect(error).toEqual({ code: 'usage', message: 'the method "marina" is no longer offered' });
  });

  it('leaves no threads', async () => {
    const id = await host.start(LONG);
    await host.until(id, 'running');
    const open = () => process.getActiveResourcesInfo().filter((name) => name === 'Worker' || name === 'MessagePort');
    await expect.poll(open, { timeout: 10_000 }).toContain('MessagePort');
    await host.app.close();
    await expect.poll(open, { timeout: 10_000 }).toEqual([]);
    expect(stored(id).state).toBe('running');
  });
});

it('does not train what it cannot write down, and says so', async () => {
  const busy = await host.start(LONG);
  const id = await host.start(QUICK);
  rmSync(join(folder, id), { recursive: true });
  await host.request(`/runs/${busy}/stop`, { method: 'POST' });
  expect(await host.until(id, 'failed')).toMatchObject({ error: { code: 'internal', message: 'the run failed' } });
  expect(host.logged.some((line) => line.includes('the state of the run cannot be kept'))).toBe(true);
  await host.until(await host.start(QUICK), 'done');
});

it('does not share a folder with another host', async () => {
  await expect(openHost({ folder })).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining('serves these runs'),
  });
});

it.each([
  ['folder', { folder: '' }, /folder must be the path of a folder/],
  ['token', { token: 'short' }, /token must have 16/],
  ['allow', { allow: { ...ALLOW, methods: [] } }, /allow.methods must name one/],
  ['allow', { allow: { ...ALLOW, plugins: ['x'] } }, /allow has no "plugins"/],
  ['limits', { limits: { maxConcurrent: 0 } }, /maxConcurrent must be a whole number/],
  ['limits', { limits: { max: 1 } }, /limits has no "max"/],
  ['resume', { resume: 'always' }, /resume must be ask or auto/],
  ['options', { options: { out: '/x' } }, /cannot have out/],
  ['options', { options: { workrs: 3 } }, /unknown option workrs/],
  ['another', { tokens: 'x' }, /no option "tokens"/],
])('refuses a wrong %s when it is registered', async (_, options, message) => {
  await expect(openHost(options as object)).rejects.toThrow(message);
});

it('is described by a document that is made of the same schemas', async () => {
  // biome-ignore lint/suspicious/noExplicitAny: a document of no type of ours
  const document = (await (await host.request('/openapi.json')).json()) as any;
  expect(document.openapi).toBe('3.1.0');
  const { post, get } = document.paths['/flotilla/runs'];
  const body = post.requestBody.content['application/json'].schema;
  expect(body.additionalProperties).toBe(false);
  expect(body.properties.method.enum).toEqual(['gd', 'marina', 'marina-p']);
  expect(body.properties.workers).toEqual({ type: 'integer', minimum: 1, maximum: 64 });
  expect(get.parameters.map(({ name }: { name: string }) => name)).toEqual(['limit', 'after']);
  const paths = [
    '',
    '/config',
    '/summary',
    '/report',
    '/model',
    '/metrics',
    '/events',
    '/stop',
    '/checkpoint',
    '/resume',
  ];
  for (const path of paths) expect(document.paths).toHaveProperty([`/flotilla/runs/{id}${path}`]);
});

it('leaves the host its own routes, headers and errors', async () => {
  const own = await fetch(`http://127.0.0.1:${host.port}/own`);
  expect(own.headers.get('content-security-policy')).toBeNull();
  const missing = await fetch(`http://127.0.0.1:${host.port}/missing`);
  expect(await missing.json()).toMatchObject({ error: 'Not Found' });
  const ours = await host.request('/missing');
  expect([ours.status, await ours.json()]).toEqual([404, { code: 'not-found', message: 'there is nothing here' }]);
});
