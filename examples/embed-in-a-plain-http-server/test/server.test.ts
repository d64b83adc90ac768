import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build, OFFERS } from '../server.js';

const long = { problem: 'heterogeneous-quadratic:d=2000', workers: 4, threads: 1, rounds: 1e9, evalEvery: 20 };
const offers = {
  quadratic: { ...OFFERS.quadratic, evalEvery: 50 },
  long,
  unfit: { ...long, uplink: 'rand-k:k=100000' },
};
const server = build(offers);
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface Sent {
  event: string;
  data: Record<string, unknown>;
}

/** The events of a response as they come. */
async function* events(response: Response): AsyncGenerator<Sent> {
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      yield { event, data: JSON.parse(data) };
    }
  }
}

const start = (name: string, init: RequestInit = {}) => fetch(`${url}/runs/${name}`, { method: 'POST', ...init });
const remove = async (id: string) => (await fetch(`${url}/runs/${id}`, { method: 'DELETE' })).status;

/** Starts a long run and reads until its first row. */
async function begun(init: RequestInit = {}) {
  const stream = events(await start('long', init));
  const { value } = await stream.next();
  await stream.next();
  return { stream, id: String(value?.data.id) };
}

test('rows come as server-sent events, the summary last', async () => {
  const all: Sent[] = [];
  for await (const sent of events(await start('quadratic'))) all.push(sent);
  expect(all.map(({ event }) => event)).toEqual(['start', ...Array.from({ length: 5 }, () => 'row'), 'end']);
  expect(all.filter(({ event }) => event === 'row').map(({ data }) => data.round)).toEqual([0, 50, 100, 150, 200]);
  const [row, end] = all.slice(-2).map(({ data }) => data);
  expect(end).toMatchObject({ rounds: 200, stopReason: 'rounds', loss: row.loss, uplink: row.uplink });
});

describe('a run ends', () => {
  test('by DELETE', async () => {
    const { stream, id } = await begun();
    expect(await remove(id)).toBe(202);
    let last: Sent | undefined;
    for await (const sent of stream) last = sent;
    expect(last).toMatchObject({ event: 'failed', data: { code: 'aborted' } });
    expect(await remove(id)).toBe(404);
  });

  test('when its client goes away', async () => {
    const client = new AbortController();
    const { id } = await begun({ signal: client.signal });
    client.abort();
    let status = 202;
    while (status === 202) {
      await setTimeout(20);
      status = await remove('nobody')
        .then(() => fetch(`${url}/runs/${id}`, { method: 'DELETE' }))
        .then((r) => r.status);
    }
    expect(status).toBe(404);
  });

  test('by a failure, which is told', async () => {
    let last: Sent | undefined;
    for await (const sent of events(await start('unfit'))) last = sent;
    expect(last).toMatchObject({
      event: 'failed',
      data: { code: 'usage', message: expect.stringContaining('100000') },
    });
  });
});

test('a third run is refused while two are under way', async () => {
  const two = [await begun(), await begun()];
  expect((await start('quadratic')).status).toBe(429);
  for (const { id } of two) expect(await remove(id)).toBe(202);
  for (const { stream } of two) for await (const _ of stream);
  expect((await start('quadratic')).status).toBe(200);
});

test.each([
  ['/runs/other', 'POST', {}, 404],
  ['/runs/__proto__', 'POST', {}, 404],
  ['/runs/constructor', 'POST', {}, 404],
  ['/runs/..%2fquadratic', 'POST', {}, 404],
  ['/runs/quadratic?rounds=1000000', 'POST', {}, 404],
  ['//', 'POST', {}, 404],
  ['/runs/quadratic', 'GET', {}, 405],
  ['/runs/quadratic', 'DELETE', {}, 404],
  ['/runs/quadratic', 'POST', { 'sec-fetch-site': 'cross-site' }, 403],
])('%s by %s with %o is refused', async (path, method, headers, status) => {
  expect((await fetch(url + path, { method, headers: headers as HeadersInit })).status).toBe(status);
});
