import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { train } from '../dist/index.js';

let folder: string;
let server: Server;
let requests = 0;
let answer: RequestListener;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-data-'));
  requests = 0;
  server = createServer((request, response) => {
    requests++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // the run's threads get a copy
  process.env.FLOTILLA_DATA = folder;
  process.env.FLOTILLA_DATA_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(() => {
  delete process.env.FLOTILLA_DATA;
  delete process.env.FLOTILLA_DATA_URL;
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const options = { problem: 'logistic', method: 'gd', workers: 5, transport: 'loopback', rounds: 2 } as const;

test('a run is aborted while it waits for its data', async () => {
  const abort = new AbortController();
  answer = () => abort.abort();
  const run = train({ ...options, data: 'w8a', signal: abort.signal });
  await expect(run.result).rejects.toMatchObject({ code: 'aborted', summary: undefined });
  expect(readdirSync(folder)).toEqual([]);
});

test('out of reach: an error of code io that says what to put where', async () => {
  answer = (_request, response) => response.writeHead(404).end();
  await expect(train({ ...options, data: 'duke' }).result).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining(`put duke (or .bz2, .xz, .gz) into ${folder}`),
  });
});

const mushrooms = fileURLToPath(new URL('../../../../shared/data/mushrooms.xz', import.meta.url));
const present = existsSync(mushrooms);
if (!present) console.warn('mushrooms.xz is not in ../shared/data: no run is made with a downloaded data set');

test.skipIf(!present)('a catalogue name is downloaded once', async () => {
  const { readDataFile } = await import('../../core/dist/data/read-file.js');
  const bytes = await readDataFile(mushrooms);
  answer = (_request, response) => response.end(bytes);
  for (const seed of ['0', '1']) {
    const { dimension, data } = await train({ ...options, data: 'mushrooms', seed }).result;
    expect([dimension, data]).toEqual([113, 'mushrooms']);
  }
  expect(requests).toBe(1);
  expect(readdirSync(folder)).toEqual(['mushrooms']);
});
