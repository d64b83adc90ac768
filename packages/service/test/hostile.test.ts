// Long: every kind of request that a stranger may send.
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, json, LONG, openHost, QUICK } from './host.js';

const TOKEN = 'a-token-of-some-length';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** A request as it is written, with any Host and Origin; fetch would set them right. */
function raw(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body = '', address = '127.0.0.1' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: address, port, path, method, headers: { connection: 'close', ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

describe('a body', () => {
  const outside = mkdtempSync(join(tmpdir(), 'flotilla-hostile-'));
  const marker = join(outside, 'ran');
  const module = join(outside, 'module.mjs');
  const secret = join(outside, 'secret.libsvm');
  let host: Host;
  beforeAll(async () => {
    writeFileSync(module, `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, '');`);
    writeFileSync(secret, 'root:x:0:0\n');
    host = await openHost({
      allow: { methods: ['marina', 'gd'], problems: ['quadratic'], data: ['mnist'], uplinks: ['natural'] },
    });
  });
  afterAll(async () => {
    expect(readdirSync(host.folder)).toEqual(['lock']);
    expect(existsSync(marker)).toBe(false);
    expect(({} as { out?: string }).out).toBeUndefined();
    await host.close();
    rmSync(outside, { recursive: true });
  });

  /** The answer is a refusal that tells nothing and starts nothing. */
  async function refused(body: string, status = 400, type = 'application/json') {
    const response = await host.request('/runs', { method: 'POST', headers: { 'content-type': type }, body });
    const text = await response.text();
    expect(response.status, `${body.slice(0, 100)} → ${text}`).toBe(status);
    expect(JSON.parse(text)).toEqual({ code: expect.any(String), message: expect.any(String) });
    expect(text).not.toContain('root:x');
    expect(text).not.toContain(host.folder);
    expect(text.length).toBeLessThan(3000);
  }

  const url = pathToFileURL(module).href;
  const paths = [module, url, secret, '../server.js', './server.js', '..', '/etc/passwd', 'C:\\x.js', `${module}:a=b`];
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
  it.each(['method', 'problem', 'data', 'uplink', 'downlink'])(
    'that names what is not offered as %s',
    async (option) => {
      const values = [...paths, ...names, {}, [], ['gd'], null, 0, true, { module: url }, { x: [1], shape: [1, 1] }];
      for (const value of values) await refused(JSON.stringify({ ...QUICK, [option]: value }));
    },
  );

  it('that sets an option which is not for strangers', async () => {
    const options = ['out', 'init', 'plugins', 'validation', 'config', 'resume', 'trust', 'force', 'signal', 'logger'];
    for (const option of [...options, 'transport', 'link', 'checkpointEvery', 'onMeters', 'workerTimeout']) {
      for (const value of [module, [module], url, {}, true, 1]) await refused(JSON.stringify({ [option]: value }));
    }
  });

  it('with a number that cannot be', async () => {
    const wrong = [
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
      'NaN',
    ];
    for (const name of ['workers', 'threads', 'rounds', 'evalEvery', 'timeLimit', 'stepSize']) {
      for (const text of wrong) await refused(`{"${name}": ${text}}`);
      if (name !== 'stepSize') await refused(`{"${name}": 1.5}`);
    }
    for (const seed of [1, '1'.repeat(10), 'a', '../x', '', null, {}]) await refused(JSON.stringify({ seed }));
  });

  it('that pollutes prototypes, is no object, no JSON, too large, too deep, of another type', async () => {
    await refused('{"__proto__": {"out": "/tmp/x"}}');
    await refused('{"constructor": {"prototype": {"out": "/tmp/x"}}}');
    await refused(`{"workers": 2, "__proto__": {"plugins": [${JSON.stringify(module)}]}}`);
    const bodies = [
      '[]',
      '[{"workers": 2}]',
      'null',
      '3',
      '"gd"',
      '{',
      '',
      '{"a":1}{"b":2}',
      '\ufeff{',
      '\u0000',
      '{"workers": 2,}',
    ];
    for (const body of bodies) await refused(body);
    await refused(`{"seed": "${'1'.repeat(20_000)}"}`, 413);
    await refused('['.repeat(16_000));
    await refused(`${'{"a":'.repeat(2500)}1${'}'.repeat(2500)}`);
    await refused('workers=2', 415, 'application/x-www-form-urlencoded');
    await refused('{"workers": 2}', 415, 'text/plain');
    await refused('{"workers": 2}', 415, 'multipart/form-data; boundary=x');
  });

  it('of many megabytes is not read to its end', async () => {
    const socket = connect(host.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece;
    });
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    socket.write(
      'POST /flotilla/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const piece = 'x'.repeat(1 << 16);
    let sent = 0;
    while (!socket.destroyed && sent < 1 << 28) {
      sent += piece.length;
      if (!socket.write(`10000\r\n${piece}\r\n`))
        await Promise.race([new Promise((next) => socket.once('drain', next)), closed]);
    }
    await closed;
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(sent).toBeLessThan(1 << 28);
  });
});

describe('an address', () => {
  let host: Host;
  let id: string;
  beforeAll(async () => {
    host = await openHost();
    id = await host.start(QUICK);
    await host.until(id, 'done');
  });
  afterAll(() => host.close());

  it('reaches no file, whatever stands in the place of an id', async () => {
    const ids = [
      ...[
        '..',
        '.',
        '%2e%2e',
        '%2e%2e%2f',
        '..%2f..%2fetc%2fpasswd',
        '%252e%252e%252f',
        '..%5c..%5cx',
        '%00',
        `${id}%00`,
      ],
      ...[
        `${id}%2f..%2f${id}`,
        `../${id}`,
        'lock',
        'job.json',
        '__proto__',
        'constructor',
        'x'.repeat(150),
        'x'.repeat(5000),
      ],
      ...['%ff', '%c0%ae%c0%ae', '%', '%zz', `${id.toUpperCase()}`, `%20${id}`, `${id}%20`, '~', '*', '%u002e'],
    ];
    for (const one of ids) {
      for (const rest of [
        '',
        '/config',
        '/summary',
        '/metrics',
        '/model',
        '/report',
        '/events',
        '/job.json',
        '/..%2fjob.json',
      ]) {
        const { status, text } = await raw(host.port, `/flotilla/runs/${one}${rest}`);
        expect([301, 302, 400, 404, 414], `${one}${rest}: ${status}`).toContain(status);
        expect(text).not.toContain(host.folder);
        expect(text).not.toMatch(/"request"|root:/);
      }
    }
  });

  it('of a part of the page is a name, and nothing else', async () => {
    const names = [
      '..',
      '%2e%2e%2findex.js',
      '..%2f..%2fpackage.json',
      '/etc/passwd',
      '%2fetc%2fpasswd',
      'plugin.js',
      'index.js',
      '__proto__',
    ];
    for (const name of names) {
      const { status, text } = await raw(host.port, `/flotilla/page/${name}`);
      expect([400, 404], name).toContain(status);
      expect(text).not.toContain('root:');
    }
    const found = await raw(host.port, '/flotilla/page/uPlot.esm.js');
    expect([found.status, found.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
  });

  it('has other methods, and none of them does anything', async () => {
    for (const method of ['PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      const { status, headers } = await raw(host.port, `/flotilla/runs/${id}`, { method });
      expect([400, 404, 405, 501], method).toContain(status);
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
    expect((await host.view(id)).state).toBe('done');
  });

  it('answers with headers that let nothing in, and nobody else read', async () => {
    for (const path of ['/', '/runs', `/runs/${id}`, '/nothing', `/runs/${id}/report`]) {
      const { headers } = await raw(host.port, `/flotilla${path}`);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['content-security-policy']).toMatch(/default-src 'none';.*frame-ancestors 'none'/);
      expect(headers['content-security-policy']?.includes('unsafe-inline')).toBe(path.endsWith('report'));
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });
});

describe('who asks', () => {
  let open: Host;
  let closed: Host;
  beforeAll(async () => {
    open = await openHost();
    closed = await openHost({ token: TOKEN, hosts: ['runs.example'] });
  });
  afterAll(async () => {
    await open.close();
    await closed.close();
  });
  const statusOf = async (host: Host, headers: object, method = 'GET', path = '/flotilla/runs') =>
    (await raw(host.port, path, { method, headers: { ...headers } })).status;

  it('must mean this host: a name that leads here by DNS rebinding does not', async () => {
    for (const name of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      '[::2]',
      '0.0.0.0',
      'localhost:1:2',
      'x@localhost',
    ]) {
      expect(await statusOf(open, { host: name }), name).toBe(403);
    }
    for (const name of ['localhost', 'LOCALHOST:80', '127.0.0.1', `127.0.0.1:${open.port}`, '[::1]:3000']) {
      expect(await statusOf(open, { host: name }), name).toBe(200);
    }
    const none = connect(open.port, '127.0.0.1', () => none.write('GET /flotilla/runs HTTP/1.0\r\n\r\n'));
    const [first] = await once(none, 'data');
    expect(String(first)).toMatch(/^HTTP\/1.1 403 /);
    // the page too
    expect(await statusOf(closed, { host: 'evil.example' }, 'GET', '/flotilla/')).toBe(403);
    expect(await statusOf(closed, { host: 'runs.example:8443' }, 'GET', '/flotilla/')).toBe(200);
  });

  it('is no page of another origin', async () => {
    const own = `127.0.0.1:${open.port}`;
    const post = (headers: object) => statusOf(open, { host: own, ...headers }, 'POST', '/flotilla/runs/x/stop');
    for (const origin of [
      'https://evil.example',
      'null',
      '',
      `http://${own}.evil.example`,
      `http://evil@${own}`,
      'http://127.0.0.1',
      'file://',
    ]) {
      expect(await post({ origin }), origin).toBe(403);
    }
    for (const site of ['cross-site', 'same-site', 'CROSS-SITE', 'x'])
      expect(await post({ 'sec-fetch-site': site }), site).toBe(403);
    // there is no run x: so far it has come
    for (const headers of [
      {},
      { origin: `http://${own}` },
      { origin: `http://${own}`, 'sec-fetch-site': 'same-origin' },
    ])
      expect(await post(headers)).toBe(404);
    expect(await statusOf(open, { host: own, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await statusOf(open, { host: own, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).toBe(200);
    expect(
      await statusOf(open, { host: own, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 'POST'),
    ).toBe(403);
  });

  it('is without a token on this machine, and not behind a proxy', async () => {
    for (const name of ['x-forwarded-for', 'forwarded', 'via'])
      expect(await statusOf(open, { [name]: '203.0.113.1' })).toBe(403);
    expect(await statusOf(closed, { authorization: `Bearer ${TOKEN}`, 'x-forwarded-for': '203.0.113.1' })).toBe(200);
  });

  it('is without a token on no other address of this machine', async () => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    const refused = [403, '{"code":"forbidden","message":"without a token only this machine is answered"}'];
    const everywhere = await openHost({ hosts: address === undefined ? [] : [address] }, true, '0.0.0.0');
    const from = { url: '/flotilla/runs', headers: { host: 'localhost' }, remoteAddress: '192.0.2.7' };
    const { statusCode, body } = await everywhere.app.inject(from);
    expect([statusCode, body]).toEqual(refused);
    // a machine may have no address beside loopback
    if (address !== undefined) {
      const { status, text } = await raw(everywhere.port, '/flotilla/runs', { address });
      expect([status, text]).toEqual(refused);
    }
    await everywhere.close();
  });

  it('has the token, or the cookie for it', async () => {
    const wrong = [
      '',
      'Bearer',
      'Bearer ',
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
      TOKEN,
      `Bearer ${TOKEN} x`,
    ];
    for (const authorization of wrong) expect(await statusOf(closed, { authorization }), authorization).toBe(401);
    for (const cookie of ['flotilla=x', `flotilla=${TOKEN}`, '__proto__=x', '=', ';;;'])
      expect(await statusOf(closed, { cookie }), cookie).toBe(401);
    expect(await statusOf(closed, { authorization: `bearer ${TOKEN}` })).toBe(200);
    const session = (body: object) => fetch(`${closed.base}/session`, json(body));
    for (const token of ['x', `${TOKEN}x`, 'é']) expect((await session({ token })).status).toBe(401);
    for (const body of [{}, { token: 1 }, { token: '' }, { token: TOKEN, more: 1 }])
      expect((await session(body)).status).toBe(400);
    const cookie = (await session({ token: TOKEN })).headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^flotilla-[\w-]{8}=[\w-]{43}; Path=\/flotilla; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(TOKEN);
    const [pair = ''] = cookie.split(';');
    expect(await statusOf(closed, { cookie: `other=1; ${pair}` })).toBe(200);
    expect(await statusOf(closed, { cookie: `${pair}x` })).toBe(401);
    // a page elsewhere has the cookie sent by no browser; if one did, it would not help
    expect(
      await statusOf(closed, { cookie: pair, origin: 'https://evil.example' }, 'POST', '/flotilla/runs/x/stop'),
    ).toBe(403);
  });

  it('without it gets the page and nothing else', async () => {
    const at = (path: string, method = 'GET') => statusOf(closed, {}, method, `/flotilla${path}`);
    expect([await at('/'), await at('/page/uPlot.min.css')]).toEqual([200, 200]);
    for (const path of ['/about', '/runs', '/metrics', '/openapi.json', '/runs/x/events', '/runs/x/model'])
      expect(await at(path), path).toBe(401);
    expect([await at('/runs', 'POST'), await at('/runs/x', 'DELETE')]).toEqual([401, 401]);
  });
});

describe('connections', () => {
  it('whose bodies or headers do not come are closed, a thousand of them, and others are answered meanwhile', async () => {
    const host = await openHost({ limits: { bodyTimeout: 2 } });
    const sockets: Socket[] = [];
    let closed = 0;
    const head =
      'POST /flotilla/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"work';
    for (let k = 0; k < 1000; k++) {
      const socket = connect(host.port, '127.0.0.1', () => socket.write(head));
      socket.on('error', () => undefined);
      socket.on('close', () => closed++);
      socket.resume();
      sockets.push(socket);
    }
    const id = await host.start(QUICK);
    await host.until(id, 'done');
    // a drop now and then does not keep one alive
    const dripping = setInterval(() => sockets[0]?.write(' '), 200);
    await expect.poll(() => closed, { timeout: 60_000 }).toBe(1000);
    clearInterval(dripping);
    expect((await host.request('/runs')).status).toBe(200);
    await host.close();
  });

  it('a flood of runs fills the queue and no more', async () => {
    const host = await openHost({ limits: { maxQueued: 5 } });
    const statuses = await Promise.all(
      Array.from({ length: 50 }, async () => (await host.request('/runs', json(LONG))).status),
    );
    const count = (status: number) => statuses.filter((one) => one === status).length;
    expect(count(202) + count(429)).toBe(50);
    expect(count(202)).toBeLessThanOrEqual(6);
    expect(readdirSync(host.folder).filter((name) => name !== 'lock')).toHaveLength(count(202));
    await host.close();
  });
});
