import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import type { Metrics, Summary } from '@flotilla/server';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { build, OFFERS } from '../server.js';

const QUICK = { problem: 'heterogeneous-quadratic', workers: 4, threads: 2, rounds: 60 };
/** Goes on until it is aborted, with some tenths of a second between evaluations. */
const LONG = { ...QUICK, problem: 'large', rounds: 1e9, evalEvery: 50 };
const offers = {
  ...OFFERS,
  problems: { ...OFFERS.problems, large: 'heterogeneous-quadratic:d=20000' },
  uplinks: { ...OFFERS.uplinks, 'too much': 'rand-k:k=100000' },
  limits: { ...OFFERS.limits, rounds: 1e9 },
};

interface View {
  state: string;
  metrics?: Metrics;
  summary?: Summary;
  error?: { code: string; message: string };
}

let app: FastifyInstance;
let url: string;
let logged: Record<string, unknown>[];

beforeEach(async () => {
  logged = [];
  const stream = { write: (line: string) => void logged.push(JSON.parse(line)) };
  app = build({ logger: { level: 'info', stream } }, offers);
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(() => app.close(), 60_000);

const post = (options: unknown) =>
  fetch(`${url}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(options),
  });
const start = async (options: unknown) => ((await (await post(options)).json()) as { id: string }).id;
const get = async (id: string) => (await fetch(`${url}/runs/${id}`)).json() as Promise<View>;

/** The lines of a run's metrics, as they arrive. */
async function* metrics(id: string): AsyncGenerator<Metrics> {
  const response = await fetch(`${url}/runs/${id}/metrics`);
  expect(response.headers.get('content-type')).toBe('application/x-ndjson');
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line);
  }
  expect(rest).toBe('');
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const kept: T[] = [];
  for await (const row of rows) kept.push(row);
  return kept;
}

describe('a run over HTTP', () => {
  it('is accepted with 202, streamed to several readers, and ends in a summary', async () => {
    const response = await post(QUICK);
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };

    const [one, other] = await Promise.all([all(metrics(id)), all(metrics(id))]);
    expect(one.map(({ round }) => round)).toEqual([0, 10, 20, 30, 40, 50, 60]);
    expect(other).toEqual(one);
    const [first, last] = [one[0], one[one.length - 1]];
    expect(last.loss).toBeLessThan(first.loss);

    const { state, metrics: latest, summary, error } = await get(id);
    expect({ state, error }).toEqual({ state: 'done', error: undefined });
    expect(latest).toEqual(last);
    expect(summary).toMatchObject({ rounds: 60, stopReason: 'rounds', workers: 4, threads: 2, uplink: last.uplink });
    // one that comes late gets every row
    expect(await all(metrics(id))).toEqual(one);
  });

  it("logs through the app's own logger, under the run's id", async () => {
    const id = await start(QUICK);
    await all(metrics(id));
    const messages = logged.filter(({ run }) => run === id).map(({ msg }) => msg);
    expect(messages).toEqual(expect.arrayContaining(['run starts', 'run ends']));
  });

  it('gives the same iterate as another run with the same options, beside it', async () => {
    const ids = await Promise.all([start(QUICK), start(QUICK)]);
    await Promise.all(ids.map((id) => all(metrics(id))));
    const [one, other] = await Promise.all(ids.map(get));
    expect(one.summary?.xHash).toMatch(/^[0-9a-f]{64}$/);
    expect(other.summary?.xHash).toBe(one.summary?.xHash);
  });
});

describe('what cannot be run', () => {
  it.each([
    ['a value out of range', { workers: 0 }, /^workers must be >= 1/],
    ['a wrong type', { rounds: 'many' }, /^rounds must be integer/],
    ['an unknown option', { speed: 11 }, /speed/],
    ['a path on the host', { out: '/tmp/x' }, /out/],
    ['something that is no data', { onProgress: 'x' }, /onProgress/],
    ['an unknown method', { method: 'no-such' }, /^method must be equal to one of the allowed values: gd, diana, /],
    ['an unknown problem', { problem: 'no-such' }, /^problem must be equal to one of the allowed values: autoenc/],
  ])('400 for %s', async (_, options, message) => {
    const response = await post(options);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'usage', message: expect.stringMatching(message) });
  });

  it('a failed run with code usage for a compressor, which needs the dimension to be checked', async () => {
    const id = await start({ ...QUICK, uplink: 'too much' });
    // the stream breaks off
    await expect(all(metrics(id))).rejects.toThrow();
    const { state, error } = await get(id);
    expect(state).toBe('failed');
    expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('k=100000') });
  });

  it.each([
    ['GET', ''],
    ['GET', '/metrics'],
    ['DELETE', ''],
  ])('404 for %s /runs/unknown%s', async (method, rest) => {
    const response = await fetch(`${url}/runs/unknown${rest}`, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'not-found', message: expect.stringContaining('unknown') });
  });
});

describe('a hostile request', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-hostile-'));
  const marker = join(folder, 'ran');
  const module = join(folder, 'module.mjs');
  const secret = join(folder, 'secret.libsvm');
  writeFileSync(module, `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, '');`);
  writeFileSync(secret, 'root:x:0:0\n');
  afterAll(() => rmSync(folder, { recursive: true }));
  const url = pathToFileURL(module).href;

  /** Sends a body as it is; the answer must be a refusal that tells nothing and starts nothing. */
  async function refused(body: string, type = 'application/json', status = 400) {
    const response = await fetch(`${base()}/runs`, { method: 'POST', headers: { 'content-type': type }, body });
    const text = await response.text();
    expect(response.status, text).toBe(status);
    expect(text).not.toContain('root:x');
    expect(text.length).toBeLessThan(6000);
    expect(existsSync(marker)).toBe(false);
    expect(logged.filter(({ msg }) => msg === 'run starts')).toEqual([]);
  }
  const base = () => `http://127.0.0.1:${(app.server.address() as { port: number }).port}`;

  const paths = [
    module,
    url,
    secret,
    '../server.js',
    './server.js',
    '..',
    '/etc/passwd',
    'C:\\\\x.js',
    `${module}:a=b`,
  ];
  const names = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '',
    ' gd',
    'GD',
    'gd:',
    'gd\u0000',
    'rand-k:k=1',
  ];
  it.each(['method', 'problem', 'data', 'uplink'])('names what is not offered as %s', async (option) => {
    for (const value of [
      ...paths,
      ...names,
      {},
      [],
      ['gd'],
      null,
      0,
      true,
      { module: url },
      { x: [1], shape: [1, 1] },
    ]) {
      await refused(JSON.stringify({ ...QUICK, [option]: value }));
    }
  });

  it.each(['out', 'init', 'plugins', 'validation', 'config', 'resume', 'signal', 'logger', 'transport', 'link'])(
    'sets %s',
    async (option) => {
      for (const value of [module, [module], url, {}, true]) await refused(JSON.stringify({ [option]: value }));
    },
  );

  it.each(['workers', 'threads', 'rounds', 'evalEvery', 'timeLimit', 'stepSize'])(
    'a number that %s cannot be',
    async (key) => {
      for (const text of [
        '0',
        '-1',
        '1e300',
        '1e999',
        '-1e999',
        '9007199254740993',
        '"1"',
        '[1]',
        '{}',
        'null',
        'true',
      ]) {
        await refused(`{"${key}": ${text}}`);
      }
      if (key !== 'stepSize') await refused(`{"${key}": 1.5}`);
    },
  );

  it('a seed that is no short number', async () => {
    for (const seed of [1, '1'.repeat(10), 'a', '../x', '', null, {}]) await refused(JSON.stringify({ seed }));
  });

  it('pollutes prototypes, is no object, no JSON, too large, too deep, of another type', async () => {
    await refused('{"__proto__": {"out": "/tmp/x"}}');
    await refused('{"constructor": {"prototype": {"out": "/tmp/x"}}}');
    await refused(`{"workers": 2, "__proto__": {"plugins": [${JSON.stringify(module)}]}}`);
    for (const body of ['[]', '[{"workers": 2}]', 'null', '3', '"gd"', '{', '', '{"a":1}{"b":2}', '\ufeff{'])
      await refused(body);
    await refused(JSON.stringify({ seed: '1'.repeat(5000) }), 'application/json', 413);
    await refused('['.repeat(4000));
    await refused('workers=2', 'application/x-www-form-urlencoded', 415);
    await refused('{"workers": 2}', 'text/plain');
    expect(({} as { out?: string }).out).toBeUndefined();
  });

  it('asks for what is no run', async () => {
    for (const id of ['__proto__', 'constructor', '..%2f..%2fetc%2fpasswd', '%00', 'x'.repeat(90), 'x'.repeat(9000)]) {
      const { status } = await fetch(`${base()}/runs/${id}`);
      expect([400, 404, 414]).toContain(status);
    }
  });

  it('keeps the latest of the runs that have ended', async () => {
    const few = build({}, { ...offers, limits: { ...offers.limits, kept: 2 } });
    const ids = [];
    for (let k = 0; k < 4; k++) {
      const { id } = (await few.inject({ method: 'POST', url: '/runs', payload: { ...QUICK, rounds: 1 } })).json();
      ids.push(id);
      while ((await few.inject(`/runs/${id}`)).json().state === 'running')
        await new Promise((next) => setTimeout(next, 20));
    }
    const codes = await Promise.all(ids.map(async (id) => (await few.inject(`/runs/${id}`)).statusCode));
    expect(codes).toEqual([404, 404, 200, 200]);
    await few.close();
  });

  it('wants more runs than this host does at a time', async () => {
    const ids: string[] = [];
    for (let k = 0; k < OFFERS.limits.running; k++) ids.push(await start(LONG));
    const response = await post(LONG);
    expect([response.status, await response.json()]).toEqual([429, { code: 'busy', message: '4 runs are under way' }]);
    for (const id of ids) await fetch(`${base()}/runs/${id}`, { method: 'DELETE' });
  });
});

describe('a run that does not end by itself', () => {
  it('is aborted by DELETE, and its stream ends', async () => {
    const id = await start(LONG);
    const rows: Metrics[] = [];
    const read = async () => {
      for await (const row of metrics(id)) {
        if (rows.push(row) === 2) expect((await fetch(`${url}/runs/${id}`, { method: 'DELETE' })).status).toBe(202);
      }
    };
    await expect(read()).rejects.toThrow();
    const { state, error, metrics: latest } = await get(id);
    expect(state).toBe('aborted');
    expect(error).toEqual({ code: 'aborted', message: `the run was aborted after round ${latest?.round}` });
    // a stream that breaks off may lose what it had not sent yet
    expect(rows.at(-1)?.round).toBeLessThanOrEqual(latest?.round ?? 0);
  });

  it('is aborted by app.close(), which ends its streams and waits for its threads', async () => {
    const id = await start(LONG);
    const rows = metrics(id);
    await rows.next();
    // the row of round 0 is there before the run trains; the next says that it does
    const second = await rows.next();
    expect((second.value as Metrics).round).toBeGreaterThan(0);
    const rest = (async () => {
      for await (const _ of rows);
    })();
    rest.catch(() => {});
    const open = () => process.getActiveResourcesInfo().filter((name) => name === 'Worker' || name === 'MessagePort');
    expect(open()).toContain('MessagePort');
    await app.close();
    await expect(rest).rejects.toThrow();
    // a closed port goes at the end of a turn of the event loop
    await expect.poll(open, { timeout: 10_000 }).toEqual([]);
  });

  it('leaves the event loop free: other requests are answered between two of its metrics rows', async () => {
    const id = await start(LONG);
    const rows = metrics(id);
    await rows.next();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    /** Answers to GET /runs/:id by the round that was the latest then. */
    const answers = new Map<number, number>();
    while (answers.size < 5) {
      const { state, metrics: latest } = await get(id);
      expect(state).toBe('running');
      const round = latest?.round ?? -1;
      answers.set(round, (answers.get(round) ?? 0) + 1);
    }
    delay.disable();
    await fetch(`${url}/runs/${id}`, { method: 'DELETE' });

    const ms = (nanoseconds: number) => `${(nanoseconds / 1e6).toFixed(2)} ms`;
    const counts = [...answers.values()];
    console.log(
      `event-loop delay under training: p50 ${ms(delay.percentile(50))}, p99 ${ms(delay.percentile(99))}, max ` +
        `${ms(delay.max)}; answers between rows: ${counts.join(', ')}`,
    );
    // a blocked loop would give one answer a row
    expect(Math.max(...counts)).toBeGreaterThanOrEqual(10);
  });
});
