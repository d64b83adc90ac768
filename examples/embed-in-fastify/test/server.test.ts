import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { train } from '@flotilla/server';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ALLOW, build } from '../server.js';

let folder: string;
let app: FastifyInstance;
let base: string;
const open = async (settings = {}) => {
  app = build({ folder, ...settings });
  await app.listen({ port: 0 });
  base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
};
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-embed-'));
  await open();
});
afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true });
});

const post = async (path: string, body?: object) => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${base}/flotilla${path}`, {
    method: 'POST',
    ...(body && { headers, body: JSON.stringify(body) }),
  });
  return { status: response.status, ...((await response.json()) as { id: string; message: string }) };
};
const get = async (path: string) => (await fetch(`${base}/flotilla${path}`)).json();
const until = (id: string, state: string) =>
  expect.poll(async () => (await get(`/runs/${id}`)).state, { timeout: 60_000 }).toBe(state);

const ASKED = { problem: 'quadratic', method: 'marina-p', workers: 4, rounds: 1500, evalEvery: 50 };

it('starts a run, stops it, closes, opens again, and comes to what train() comes to', async () => {
  const { xHash } = await train({ ...ASKED, problem: 'heterogeneous-quadratic' }).result;
  const { status, id } = await post('/runs', ASKED);
  expect(status).toBe(202);
  await expect.poll(async () => (await get(`/runs/${id}`)).round, { timeout: 60_000 }).toBeGreaterThan(0);
  await post(`/runs/${id}/stop`);
  await until(id, 'stopped');
  await post(`/runs/${id}/resume`);
  await app.close();
  await open();
  await until(id, 'done');
  expect(await get(`/runs/${id}/summary`)).toMatchObject({ xHash, rounds: 1500 });
  const report = await (await fetch(`${base}/flotilla/runs/${id}/report`)).text();
  expect(report).toContain('marina-p on quadratic, 4 workers');
});

it('offers its names, and refuses others', async () => {
  expect((await get('/about')).offers).toMatchObject({
    methods: Object.keys(ALLOW.methods),
    data: ['mnist', 'mushrooms'],
  });
  expect(await post('/runs', { ...ASKED, problem: '/etc/passwd' })).toMatchObject({
    status: 400,
    message: 'problem must be equal to one of the allowed values: quadratic, logistic, autoencoder',
  });
  expect(await post('/runs', { ...ASKED, out: '/tmp/x' })).toMatchObject({
    status: 400,
    message: expect.stringContaining('out'),
  });
});

it('keeps its own route, and asks for the token when it has one', async () => {
  expect(await (await fetch(`${base}/health`)).json()).toEqual({ ok: true });
  await app.close();
  await open({ token: 'a-token-of-some-length' });
  expect((await fetch(`${base}/flotilla/runs`)).status).toBe(401);
  expect((await fetch(`${base}/health`)).status).toBe(200);
});

it('has sixty lines at most', () => {
  const program = readFileSync(fileURLToPath(new URL('../server.js', import.meta.url)), 'utf8');
  expect(program.trimEnd().split('\n').length).toBeLessThanOrEqual(60);
});
