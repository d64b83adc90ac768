// Long: one download after the other, each with what can go wrong on the way.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { cacheFolder, loadFromCatalogue } from '../dist/data/cache.js';
import { type CatalogueEntry, catalogue } from '../dist/data/catalogue.js';
import { expectCopiesKnown } from './catalogue-copies.js';
import { fixture } from './reference-data.js';

const content = Array.from({ length: 3000 }, (_, s) => `${s % 2} 1:${s} 3:0.5`).join('\n');
const sha256 = createHash('sha256').update(content).digest('hex');
const entry: CatalogueEntry = { file: 'tiny', sha256, samples: 3000, features: 3, source: 'made up' };
const { sha256: _, ...unhashed } = entry;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let answer: Answer;
let requests: { url: string | undefined; range: string | undefined; ifRange: string | undefined }[];
let env: Record<string, string>;

/** Serves `body` whole or, when the validator matches, the part that is asked for. */
const serve =
  (body: string | Buffer, etag: string | undefined = '"one"'): Answer =>
  (request, response) => {
    const bytes = Buffer.from(body);
    if (etag !== undefined) response.setHeader('etag', etag);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]);
    if (Number.isNaN(from) || request.headers['if-range'] !== etag) return response.end(bytes);
    if (from >= bytes.length) return response.writeHead(416).end();
    response.writeHead(206, {
      'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      'content-length': bytes.length - from,
    });
    response.end(bytes.subarray(from));
  };

/** Announces all of `body` and hangs up after `bytes` of it. */
const breakOff =
  (body: string, bytes: number, etag = '"one"'): Answer =>
  (_request, response) => {
    response.writeHead(200, { etag, 'content-length': body.length });
    response.write(body.slice(0, bytes), () => setTimeout(() => response.destroy(), 20));
  };

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push({ url: request.url, range: request.headers.range, ifRange: request.headers['if-range'] as string });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  const { port } = server.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-cache-'));
  env = { FLOTILLA_DATA: join(folder, 'data'), FLOTILLA_DATA_URL: `http://127.0.0.1:${port}/binary` };
  requests = [];
});
afterEach(() => rmSync(join(env.FLOTILLA_DATA, '..'), { recursive: true, force: true }));

const load = (of: CatalogueEntry = entry, limits = {}) => loadFromCatalogue('tiny', of, env, limits);
const inCache = () => (existsSync(env.FLOTILLA_DATA) ? readdirSync(env.FLOTILLA_DATA).sort() : []);
const put = (name: string, bytes: string | Uint8Array) => {
  mkdirSync(env.FLOTILLA_DATA, { recursive: true });
  writeFileSync(join(env.FLOTILLA_DATA, name), bytes);
};

test('downloads once', async () => {
  answer = serve(content);
  const data = await load();
  expect([data.name, data.samples, data.features, data.value[2]]).toEqual(['tiny', 3000, 3, 1]);
  await load();
  expect(requests.map(({ url }) => url)).toEqual(['/binary/tiny']);
  expect(inCache()).toEqual(['tiny']);
});

test('several at once download once', async () => {
  answer = (request, response) => setTimeout(() => serve(content)(request, response), 50);
  const all = await Promise.all([load(), load(), load()]);
  expect(all.map(({ samples }) => samples)).toEqual([3000, 3000, 3000]);
  expect(requests).toHaveLength(1);
  expect(inCache()).toEqual(['tiny']);
});

test('a packed file is unpacked, and its hash is that of the unpacked file', async () => {
  answer = serve(gzipSync(content));
  expect((await load({ ...entry, file: 'tiny.gz' })).samples).toBe(3000);
  expect(inCache()).toEqual(['tiny.gz']);
});

describe('a download that broke off', () => {
  const error = { code: 'io', message: expect.stringContaining('data set tiny: cannot download http://127.0.0.1') };

  test('goes on where it was', async () => {
    answer = breakOff(content, 10_000);
    await expect(load()).rejects.toMatchObject(error);
    expect(inCache()).toEqual(['tiny.part', 'tiny.tag']);
    answer = serve(content);
    expect((await load()).samples).toBe(3000);
    expect(requests[1]).toEqual({ url: '/binary/tiny', range: 'bytes=10000-', ifRange: '"one"' });
    expect(inCache()).toEqual(['tiny']);
  });

  test('starts again when the server has another file now', async () => {
    answer = breakOff(`${content}x`.replaceAll('0.5', '0.7'), 10_000, '"old"');
    await expect(load()).rejects.toMatchObject(error);
    answer = serve(content);
    expect((await load()).value[1]).toBe(0.5);
    expect(requests[1].ifRange).toBe('"old"');
  });

  test('starts again when the server knows no versions', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.slice(0, 10_000), () => setTimeout(() => response.destroy(), 20));
    };
    await expect(load()).rejects.toMatchObject(error);
    answer = serve(content, undefined);
    expect((await load()).samples).toBe(3000);
    expect(requests[1].range).toBeUndefined();
  });

  test('starts again when there is no more than it has', async () => {
    put('tiny.part', `${content}and more`);
    put('tiny.tag', '"one"');
    answer = serve(content);
    expect((await load()).samples).toBe(3000);
    expect(requests).toHaveLength(2);
    expect(inCache()).toEqual(['tiny']);
  });

  test('waits for a process that is downloading, and not for one that is gone', async () => {
    put('tiny.lock', '999999999');
    answer = serve(content);
    expect((await load()).samples).toBe(3000);
    rmSync(join(env.FLOTILLA_DATA, 'tiny'));
    put('tiny.lock', String(process.pid));
    await expect(load(entry, { waitMs: 50 })).rejects.toThrow(/process \d+ is downloading, says .*tiny\.lock/);
  });
});

describe('locks', () => {
  const at = (text: string) => {
    put('tiny.lock', text);
    answer = serve(content);
  };

  test.each([
    ['nobody', ''],
    ['nobody who can be named', 'somebody'],
    ['the own number, as a container gives it again', String(process.pid)],
  ])('of %s are stale when nobody touches them', async (_what, text) => {
    at(text);
    expect((await load()).samples).toBe(3000);
    expect(inCache()).toEqual(['tiny']);
  });

  test('whoever waits says for what', async () => {
    at(String(process.ppid));
    const notes: string[] = [];
    const waiting = load(entry, { note: (message: string) => notes.push(message) });
    await vi.waitFor(() => expect(notes).toHaveLength(1), 5000);
    expect(notes[0]).toBe(
      `waiting for process ${process.ppid}, which is downloading, says ${join(env.FLOTILLA_DATA, 'tiny.lock')}`,
    );
    rmSync(join(env.FLOTILLA_DATA, 'tiny.lock'));
    expect((await waiting).samples).toBe(3000);
    expect(notes[1]).toBe(`downloading ${env.FLOTILLA_DATA_URL}/tiny`);
  });

  test('of a download of this process under way is no stale one', async () => {
    // longer than a lock without an owner is left
    answer = (request, response) => setTimeout(() => serve(content)(request, response), 4000);
    const [a, b] = await Promise.all([load(), load()]);
    expect([a.samples, b.samples, requests.length]).toEqual([3000, 3000, 1]);
  });
});

describe('a mirror', () => {
  test('in a folder', async () => {
    const folder = join(env.FLOTILLA_DATA, '..', 'mirror');
    mkdirSync(folder);
    writeFileSync(join(folder, 'tiny'), content);
    for (const url of [pathToFileURL(folder).href, `${pathToFileURL(folder).href}/`]) {
      env.FLOTILLA_DATA_URL = url;
      expect((await load()).samples).toBe(3000);
      expect(inCache()).toEqual(['tiny']);
      rmSync(join(env.FLOTILLA_DATA, 'tiny'));
    }
    await expect(load({ ...entry, file: 'other' })).rejects.toThrow(/cannot download file:.*ENOENT.*; put other/);
    expect(inCache()).toEqual([]);
  });

  test.each(['/some/folder', 'ftp://x/', ''])('%j is none, or the collection', async (text) => {
    env.FLOTILLA_DATA_URL = text;
    const abort = AbortSignal.abort(new Error('far enough'));
    const message = text === '' ? 'far enough' : 'FLOTILLA_DATA_URL must be an http:, https: or file: URL, not';
    await expect(load(entry, text === '' ? { signal: abort } : {})).rejects.toThrow(message);
  });

  test('that has moved', async () => {
    answer = (request, response) =>
      request.url === '/binary/tiny'
        ? response.writeHead(302, { location: '/elsewhere/tiny' }).end()
        : serve(content)(request, response);
    expect((await load()).samples).toBe(3000);
    rmSync(join(env.FLOTILLA_DATA, 'tiny'));
    answer = (_request, response) => response.writeHead(302, { location: '/binary/tiny' }).end();
    await expect(load()).rejects.toThrow('it redirects more than 5 times');
    answer = (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    await expect(load()).rejects.toThrow('it redirects to file:///etc/passwd');
  });
});

const setpriv = '/usr/bin/setpriv';

// only root can run as a user that there is not
test.runIf(process.getuid?.() === 0 && existsSync(setpriv))(
  'without a home folder: one line that says what to set',
  () => {
    const script = `import { cacheFolder } from ${JSON.stringify(new URL('../dist/data/cache.js', import.meta.url))};
    try { console.log(cacheFolder({})); } catch (error) { console.log(error.code, error.message); }`;
    // a user who may read what is root's alone, as the folder of this project may be
    const as = ['--reuid', '23462', '--regid', '23462', '--clear-groups'];
    const reads = ['--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search'];
    const args = [...as, ...reads, process.execPath, '--input-type=module', '-e', script];
    const said = execFileSync(setpriv, args, { env: {}, cwd: '/', encoding: 'utf8' });
    expect(said).toBe('io there is no home folder to keep data sets in: set FLOTILLA_DATA to a folder\n');
  },
);

test('an aborted download ends at once with the reason, and what came is kept', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { etag: '"one"', 'content-length': content.length });
    response.write(content.slice(0, 10_000));
  };
  const reason = new Error('enough');
  const abort = new AbortController();
  const outcome = load(entry, { signal: abort.signal });
  setTimeout(() => abort.abort(reason), 200);
  await expect(outcome).rejects.toBe(reason);
  expect(inCache()).toEqual(['tiny.part', 'tiny.tag']);
  await expect(load(entry, { signal: abort.signal })).rejects.toBe(reason);
});

describe('refused, with nothing left behind', () => {
  test.each<[string, Answer, CatalogueEntry, string]>([
    ['another hash', serve(content.replace('0.5', '0.6')), entry, `expected ${sha256}`],
    ['another number of samples', serve(content), { ...unhashed, samples: 2999 }, 'it has 3000 samples, expected 2999'],
    ['another number of features', serve(content), { ...unhashed, features: 4 }, 'it has 3 features, expected 4'],
    ['another number of non-zeros', serve(content), { ...unhashed, nonZeros: 5 }, 'it has 6000 non-zeros, expected 5'],
    ['no LIBSVM data', serve('<html>moved</html>'), unhashed, 'label "<html>moved</html>" is not a finite number'],
  ])('%s', async (_what, given, of, message) => {
    answer = given;
    await expect(load(of)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
    expect(inCache()).toEqual([]);
  });

  test.each<[string, Answer]>([
    ['announced', serve(content)],
    [
      'not announced',
      (_request, response) => {
        response.write(content.slice(0, 30_000));
        response.end(content.slice(30_000));
      },
    ],
  ])('too large, %s', async (_what, given) => {
    answer = given;
    await expect(load(entry, { bytes: 20_000 })).rejects.toThrow('it is larger than 20000 bytes');
    expect(inCache()).toEqual([]);
  });
});

describe('out of reach: one line that says which file to put where', () => {
  const hint = () => `; put tiny (or .bz2, .xz, .gz) into ${env.FLOTILLA_DATA}, or set FLOTILLA_DATA to the folder`;

  test.each<[string, Answer, string]>([
    ['404', (_request, response) => response.writeHead(404).end('gone'), 'the server answers 404 Not Found'],
    ['503', (_request, response) => response.writeHead(503).end(), 'the server answers 503 Service Unavailable'],
    ['silence', () => {}, 'nothing came for 0.1 s'],
    ['silence in the middle', (_request, response) => response.write(content.slice(0, 100)), 'nothing came for 0.1 s'],
  ])('%s', async (_what, given, message) => {
    answer = given;
    const error = await load(entry, message.startsWith('nothing') ? { idleMs: 100 } : {}).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'io', message: expect.stringContaining(message + hint()) });
    expect(error.message).not.toContain('\n');
    // what came may be of use the next time
    expect(inCache().filter((name) => !name.startsWith('tiny.'))).toEqual([]);
    if (!message.startsWith('nothing')) expect(inCache()).toEqual([]);
  });

  test('no such host', async () => {
    env.FLOTILLA_DATA_URL = 'http://127.0.0.1:1/';
    await expect(load({ ...entry, file: 'tiny.bz2' })).rejects.toMatchObject({
      code: 'io',
      message: expect.stringMatching(/cannot download http:\/\/127.0.0.1:1\/tiny.bz2: .*; put tiny \(or/),
    });
  });
});

describe('a file that was put there by hand', () => {
  beforeEach(() => {
    answer = (_request, response) => response.writeHead(500).end();
  });

  test.each(['tiny', 'tiny.gz'])('%s serves, without a request', async (name) => {
    put(name, name.endsWith('.gz') ? gzipSync(content) : content);
    expect((await load({ ...entry, file: 'tiny.bz2' })).samples).toBe(3000);
    expect(requests).toEqual([]);
  });

  test('may have other blanks and line ends than the collection, which has a blank behind every entry', async () => {
    const lines = content.trimEnd().split('\n');
    const own = lines.map((line) => `${line} \n`).join('');
    const hashed = { ...entry, sha256: createHash('sha256').update(own).digest('hex') };
    for (const text of [own, content, lines.join('\r\n'), content.replaceAll(' ', '\t')]) {
      put('tiny', text);
      expect((await load(hashed)).samples).toBe(3000);
    }
    put('tiny', content.replace('0.5', '0.6'));
    await expect(load(hashed)).rejects.toThrow(`expected ${hashed.sha256}`);
  });

  test('is checked, and stays when it is wrong', async () => {
    put('tiny', `${content}\n`);
    await expect(load()).rejects.toThrow('is not the data set tiny: its SHA-256, unpacked, is');
    expect(inCache()).toEqual(['tiny']);
  });

  test('in a folder that cannot be written', async () => {
    put('tiny', content);
    chmodSync(env.FLOTILLA_DATA, 0o555);
    expect((await load(unhashed)).samples).toBe(3000);
    chmodSync(env.FLOTILLA_DATA, 0o755);
  });
});

test('fewer features than are expected are zeros, more are refused', async () => {
  put('tiny', content);
  const data = await load(entry, { features: 5 });
  expect([data.features, data.rowStart[3000]]).toEqual([5, 6000]);
  await expect(load(entry, { features: 2 })).rejects.toThrow('it has 3 features, at most 2 are expected');
});

test('without a known hash, that of the first file that passes holds from then on', async () => {
  answer = serve(content);
  await load(unhashed);
  expect(readFileSync(join(env.FLOTILLA_DATA, 'tiny.sha256'), 'utf8')).toBe(`${sha256}\n`);
  expect((await load(unhashed)).samples).toBe(3000);
  put('tiny', content.replace('0.5', '0.6'));
  await expect(load(unhashed)).rejects.toThrow(`expected ${sha256}; remove it to download it again`);
  rmSync(join(env.FLOTILLA_DATA, 'tiny'));
  answer = serve(content.replace('0.5', '0.6'));
  await expect(load(unhashed)).rejects.toThrow('is not the data set tiny');
});

test('the cache folder of each platform', () => {
  const home = { LOCALAPPDATA: 'L', XDG_CACHE_HOME: '/x' };
  expect(cacheFolder({ ...home, FLOTILLA_DATA: '/mine' }, 'linux')).toBe('/mine');
  expect(cacheFolder(home, 'linux')).toBe(join('/x', 'flotilla'));
  expect(cacheFolder({}, 'linux')).toMatch(/[/\\]\.cache[/\\]flotilla$/);
  expect(cacheFolder(home, 'darwin')).toMatch(/[/\\]Library[/\\]Caches[/\\]flotilla$/);
  expect(cacheFolder(home, 'win32')).toBe(join('L', 'flotilla', 'Cache'));
});

test('the catalogue is well formed', () => {
  expect(Object.keys(catalogue)).toEqual(['mushrooms', 'a9a', 'w8a', 'phishing', 'gisette', 'madelon', 'duke']);
  const entries = Object.values(catalogue);
  for (const { source } of entries) expect(source).not.toBe('');
  for (const { features, test } of entries) expect(test?.features ?? 0).toBeLessThanOrEqual(features);
  for (const { file, sha256, textSha256 } of entries.flatMap((entry) => [entry, entry.test ?? []].flat())) {
    expect(file).toMatch(/^\w+(\.t)?(\.bz2)?$/);
    for (const hash of [sha256, textSha256]) expect(hash ?? '0'.repeat(64)).toMatch(/^[0-9a-f]{64}$/);
    if (sha256 === undefined) expect(textSha256).toBeUndefined();
  }
});

test('mushrooms is what the catalogue says it is, also with other blanks and line ends', async () => {
  await expectCopiesKnown('mushrooms', fixture('.'), env.FLOTILLA_DATA);
  expect(requests).toEqual([]);
});
