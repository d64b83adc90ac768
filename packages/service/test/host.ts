import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { vi } from 'vitest';
import { type FlotillaOptions, flotilla, type RunView } from '../dist/index.js';

// runs begin and end in hooks
vi.setConfig({ hookTimeout: 120_000 });

export const ALLOW = {
  methods: { gd: 'gd', marina: 'marina', 'marina-p': 'marina-p' },
  problems: { quadratic: 'quadratic', heterogeneous: 'heterogeneous-quadratic' },
  uplinks: { natural: 'natural', 'too much': 'rand-k:k=100000' },
  limits: { rounds: 100_000_000 },
};

/** A run of a moment, and one that does not end by itself. */
export const QUICK = { problem: 'quadratic', method: 'marina', workers: 2, rounds: 20, evalEvery: 10 };
export const LONG = { ...QUICK, rounds: 100_000_000, evalEvery: 100 };

export interface Host {
  readonly app: FastifyInstance;
  readonly folder: string;
  /** Of the plugin. */
  readonly base: string;
  readonly port: number;
  /** What the host has logged. */
  readonly logged: string[];
  request(path: string, init?: RequestInit): Promise<Response>;
  start(body: object): Promise<string>;
  view(id: string): Promise<RunView>;
  /** Waits for a state. */
  until(id: string, ...states: string[]): Promise<RunView>;
  close(): Promise<void>;
}

/**
 * A host with the plugin under /flotilla, listening on a port of its own.
 * @param forceCloseConnections Node keeps a server open for connections that no request has come on yet, and fetch opens some.
 */
export async function openHost(
  options: Partial<FlotillaOptions> = {},
  forceCloseConnections = true,
  listen = '127.0.0.1',
): Promise<Host> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'flotilla-service-'));
  const logged: string[] = [];
  const app = Fastify({
    forceCloseConnections,
    logger: { level: 'debug', stream: { write: (line: string) => void logged.push(line) } },
  });
  app.register(flotilla, { allow: ALLOW, ...options, folder, prefix: '/flotilla' });
  app.get('/own', async () => 'the host');
  await app.listen({ port: 0, host: listen });
  const { port } = app.server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}/flotilla`;
  const headers: Record<string, string> =
    options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const request = (path: string, init: RequestInit = {}) =>
    fetch(`${base}${path}`, { ...init, headers: { ...headers, ...(init.headers as object) } });
  const view = async (id: string) => (await request(`/runs/${id}`)).json() as Promise<RunView>;
  return {
    app,
    folder,
    base,
    port,
    logged,
    request,
    view,
    async start(body) {
      const response = await request('/runs', json(body));
      if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
      return ((await response.json()) as { id: string }).id;
    },
    async until(id, ...states) {
      for (;;) {
        const now = await view(id);
        if (states.includes(now.state)) return now;
        await new Promise((next) => setTimeout(next, 20));
      }
    },
    async close() {
      await app.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const json = (body: unknown, method = 'POST'): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

export interface Received {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: of each event another
  readonly data: any;
  readonly id: number | undefined;
}

/** Server-sent events of a response, one at a time; what is no event (`retry`) is left out. */
export async function* eventsOf(response: Response): AsyncGenerator<Received> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(piece, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const [event, data, id] = [field('event'), field('data'), field('id')];
      if (event === undefined || data === undefined) continue;
      yield { event, data: JSON.parse(data), id: id === undefined ? undefined : Number(id) };
    }
  }
}
