import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

// Node 20's own `fetch` knows no proxies.

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_REDIRECTS = 5;

/**
 * The answer to a GET, after redirects; its body is still to be read. Goes through the proxy that HTTP_PROXY or HTTPS_PROXY
 * names (or the same in small letters, which come first) unless NO_PROXY lists the host.
 * @param signal ends the request, and the reading of the answer
 */
export async function httpGet(
  url: URL,
  headers: Readonly<Record<string, string>>,
  env: Environment,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  for (let at = url, redirects = 0; ; redirects++) {
    const response = await get(at, headers, env, signal);
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    if (redirects === MAX_REDIRECTS) throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
    const to = new URL(location, at);
    if (to.protocol !== 'https:' && to.protocol !== at.protocol) throw new Error(`it redirects to ${to.href}`);
    at = to;
  }
}

async function get(url: URL, headers: Readonly<Record<string, string>>, env: Environment, signal: AbortSignal) {
  const secure = url.protocol === 'https:';
  if (!secure && url.protocol !== 'http:') throw new Error(`${url.protocol} is not supported`);
  const proxy = proxyOf(url, env);
  const options: RequestOptions = { headers: { host: url.host, ...headers, ...credentials(url) }, signal };
  if (proxy === undefined) return answerTo((secure ? httpsRequest : httpRequest)(url, options));
  try {
    if (!secure) {
      const all = { host: url.host, ...headers, ...credentials(url), ...proxyCredentials(proxy) };
      return await answerTo(requestTo(proxy, url.href, { headers: all, signal }));
    }
    const socket = await tunnel(proxy, url, signal);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const createConnection = () => tlsConnect({ socket, host, servername: isIP(host) === 0 ? host : undefined });
    const request = httpsRequest(url, { ...options, agent: false, createConnection });
    // neither the request nor its answer closes what it did not open
    request.on('error', () => socket.destroy());
    request.on('close', () => socket.destroy());
    return await answerTo(request);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(
      `through the proxy ${proxy.host}: ${(cause as Error).message || (cause as NodeJS.ErrnoException).code}`,
      { cause },
    );
  }
}

function requestTo(proxy: URL, path: string, options: RequestOptions): ClientRequest {
  return (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
    ...options,
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    path,
  });
}

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => request.on('response', resolve).on('error', reject).end());
}

/** A connection to the host of `url` through the proxy. */
function tunnel(proxy: URL, url: URL, signal: AbortSignal): Promise<Socket> {
  const target = `${url.hostname}:${url.port || 443}`;
  const headers = { host: target, ...proxyCredentials(proxy) };
  const request = requestTo(proxy, target, { method: 'CONNECT', headers, signal, agent: false });
  return new Promise((resolve, reject) => {
    request
      .on('connect', ({ statusCode, statusMessage }, socket) => {
        if (statusCode === 200) return resolve(socket);
        socket.destroy();
        reject(new Error(`it answers ${statusCode} ${statusMessage}`.trimEnd()));
      })
      .on('error', reject)
      .end();
  });
}

/** The proxy for a URL, if there is one. @throws Error when it is none that can be used */
export function proxyOf(url: URL, env: Environment): URL | undefined {
  const setting = (name: string) => env[name.toLowerCase()] || env[name] || undefined;
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const text = setting(name);
  if (text === undefined || isExempt(url, setting('NO_PROXY') ?? '')) return undefined;
  const proxy = parse(/^\w+:\/\//.test(text) ? text : `http://${text}`);
  if (proxy !== undefined && /^https?:$/.test(proxy.protocol)) return proxy;
  throw new Error(`${name} must be the URL of an HTTP proxy, such as http://proxy:3128`);
}

function parse(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Whether NO_PROXY lists the host: names stand for their subdomains too, `*` for all, and may have a port. */
function isExempt({ hostname, port, protocol }: URL, list: string): boolean {
  const own = port || (protocol === 'https:' ? '443' : '80');
  return list.split(/[\s,]+/).some((entry) => {
    const [, name = '', only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    if (entry === '*') return true;
    return name !== '' && (only === undefined || only === own) && (hostname === name || hostname.endsWith(`.${name}`));
  });
}

function credentials({ username, password }: URL): Record<string, string> {
  return username === '' ? {} : { authorization: basic(username, password) };
}

function proxyCredentials({ username, password }: URL): Record<string, string> {
  return username === '' ? {} : { 'proxy-authorization': basic(username, password) };
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
}
