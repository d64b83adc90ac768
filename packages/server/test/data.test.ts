import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDataFile } from '../../core/dist/data/read-file.js';
import { fixture } from '../../core/test/reference-data.js';
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

test('what is loaded and what was chosen is logged as notes', async () => {
  const bytes = await readDataFile(fixture('mushrooms.xz'));
  answer = (_request, response) => response.end(bytes);
  const notes: string[] = [];
  const logger = {
    debug() {},
    error() {},
    info: (fields: object, message: string) => ('note' in fields ? notes.push(message) : 0),
  };
  await train({ ...options, data: 'mushrooms', logger }).result;
  await train({ ...options, data: fixture('phishing.csv'), logger }).result;
  expect(notes).toEqual([
    `downloading ${process.env.FLOTILLA_DATA_URL}mushrooms`,
    `${fixture('phishing.csv')}: labels are column 13 ("class"); --label-column says otherwise (labelColumn in the library)`,
  ]);
});

test('a pipe that nobody writes to does not keep a run from being aborted', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 500);
  await expect(train({ ...options, data: pipe, signal: abort.signal }).result).rejects.toMatchObject({
    code: 'aborted',
  });
});

test('a catalogue name is downloaded once', async () => {
  const bytes = await readDataFile(fixture('mushrooms.xz'));
  answer = (_request, response) => response.end(bytes);
  for (const seed of ['0', '1']) {
    const { dimension, data } = await train({ ...options, data: 'mushrooms', seed }).result;
    expect([dimension, data]).toEqual([113, 'mushrooms']);
  }
  expect(requests).toBe(1);
  expect(readdirSync(folder)).toEqual(['mushrooms']);
});
