import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { download } from '../dist/data/download.js';
import { proxyOf } from '../dist/data/http-get.js';

// A real proxy, which answers for a host that is not there, and a real tunnel.

let folder = '';
let proxy: Server;
let seen: string[] = [];
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-proxy-'));
  proxy = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers['proxy-authorization']}`);
    response.end('by the proxy');
  });
  proxy.on('connect', (request, socket, head) => {
    seen.push(`CONNECT ${request.url} ${request.headers['proxy-authorization']}`);
    if (request.url?.startsWith('refused')) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const [, port] = request.url?.split(':') ?? [];
    const target = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  proxy.closeAllConnections();
  proxy.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  seen = [];
});

let files = 0;
async function fetched(url: string, env: Record<string, string>): Promise<string> {
  const target = join(folder, `file-${files++}`);
  await download(url, target, { env });
  return readFileSync(target, 'utf8');
}

test('http: the proxy is asked for the whole URL', async () => {
  const env = { HTTP_PROXY: `http://me:p%40ss@127.0.0.1:${portOf(proxy)}` };
  expect(await fetched('http://there.invalid:81/a?b', env)).toBe('by the proxy');
  expect(seen).toEqual([`GET http://there.invalid:81/a?b there.invalid:81 Basic ${btoa('me:p@ss')}`]);
});

test('a proxy without a scheme, in small letters, which come first', async () => {
  const env = { http_proxy: `127.0.0.1:${portOf(proxy)}`, HTTP_PROXY: 'http://127.0.0.1:1' };
  expect(await fetched('http://there.invalid/', env)).toBe('by the proxy');
});

test('NO_PROXY goes past it', async () => {
  const own = createServer((_request, response) => response.end('by the host'));
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
  const env = { HTTP_PROXY: `http://127.0.0.1:${portOf(proxy)}`, NO_PROXY: 'localhost, 127.0.0.1' };
  expect(await fetched(`http://127.0.0.1:${portOf(own)}/`, env)).toBe('by the host');
  expect(seen).toEqual([]);
  own.closeAllConnections();
  own.close();
});

test('https: through a tunnel, in which the host still has to show its certificate', async () => {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name));
  try {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const args = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '1',
      ...subject,
    ];
    execFileSync('openssl', args, { stdio: 'ignore' });
  } catch {
    return console.warn('skipped: openssl is not there');
  }
  const secure = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) =>
    response.end('in secret'),
  );
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${portOf(secure)}/`;
  const env = { HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}` };
  await expect(fetched(url, env)).rejects.toThrow(/through the proxy 127.0.0.1:\d+: self.signed certificate/);
  expect(seen).toEqual([`CONNECT localhost:${portOf(secure)} undefined`]);
  // a process that trusts the certificate
  const script = `import { download } from ${JSON.stringify(new URL('../dist/data/download.js', import.meta.url))};
    await download(${JSON.stringify(url)}, ${JSON.stringify(join(folder, 'secret'))});`;
  const { execFile } = await import('node:child_process');
  await new Promise<void>((resolve, reject) => {
    const all = { ...env, NODE_EXTRA_CA_CERTS: cert, PATH: process.env.PATH };
    execFile(process.execPath, ['--input-type=module', '-e', script], { env: all }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('in secret');
  secure.closeAllConnections();
  secure.close();
});

test('a proxy that refuses, or is not there, is named', async () => {
  const env = { HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}` };
  await expect(fetched('https://refused.invalid/', env)).rejects.toThrow(
    `cannot download https://refused.invalid/: through the proxy 127.0.0.1:${portOf(proxy)}: it answers 403 Forbidden`,
  );
  await expect(fetched('http://there.invalid/', { HTTP_PROXY: 'http://127.0.0.1:1' })).rejects.toThrow('ECONNREFUSED');
});

test.each([
  ['http://a.example/', { HTTP_PROXY: 'http://p:3128' }, 'p:3128'],
  ['https://a.example/', { HTTP_PROXY: 'http://p:3128' }, undefined],
  ['https://a.example/', { HTTPS_PROXY: 'p:3128' }, 'p:3128'],
  ['http://a.example/', { HTTP_PROXY: '' }, undefined],
  ['http://a.example/', { HTTP_PROXY: 'p:1', NO_PROXY: 'b.example a.example' }, undefined],
  ['http://a.example/', { HTTP_PROXY: 'p:1', no_proxy: '.example' }, undefined],
  ['http://a.example/', { HTTP_PROXY: 'p:1', NO_PROXY: 'example' }, undefined],
  ['http://a.example/', { HTTP_PROXY: 'p:1', NO_PROXY: '*.example' }, undefined],
  ['http://a.example/', { HTTP_PROXY: 'p:1', NO_PROXY: '*' }, undefined],
  ['http://a.example/', { HTTP_PROXY: 'p:1', NO_PROXY: 'a.example:80' }, undefined],
  ['http://a.example/', { HTTP_PROXY: 'p:1', NO_PROXY: 'a.example:81' }, 'p:1'],
  ['http://a.example/', { HTTP_PROXY: 'p:1', NO_PROXY: 'ample,' }, 'p:1'],
] as [string, Record<string, string>, string | undefined][])('%s with %o', (url, env, host) => {
  expect(proxyOf(new URL(url), env)?.host).toBe(host);
});

test.each(['socks5://p:1080', 'http://'])('%s is no proxy that can be used', (text) => {
  expect(() => proxyOf(new URL('http://a.example/'), { HTTP_PROXY: text })).toThrow('HTTP_PROXY must be the URL');
});
