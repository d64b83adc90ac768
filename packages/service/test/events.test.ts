import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WatchedRun } from '../dist/catalogue.js';
import { EventHub } from '../dist/events.js';
import { RunFeed } from '../dist/run-feed.js';
import { eventsOf, type Host, LONG, openHost, QUICK, type Received } from './host.js';

describe('of a run of the service', () => {
  let host: Host;
  beforeEach(async () => {
    host = await openHost();
  });
  afterEach(() => host.close());
  const follow = async (id: string, headers = {}) => host.request(`/runs/${id}/events`, { headers });
  const rowsOf = async (id: string) =>
    (await (await host.request(`/runs/${id}/metrics`)).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('come in order: its state, all its rows, what it does, its end', async () => {
    const id = await host.start({ ...QUICK, rounds: 2000, evalEvery: 3 });
    const received: Received[] = [];
    const response = await follow(id);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    for await (const event of eventsOf(response)) received.push(event);
    expect(received[0]).toMatchObject({ event: 'state', data: { id } });
    const states = received.filter(({ event }) => event === 'state').map(({ data }) => data.state);
    expect(states.at(-1)).toBe('done');
    const batches = received.filter(({ event }) => event === 'rows');
    expect(batches.flatMap(({ data }) => data)).toEqual(await rowsOf(id));
    for (const { data, id: round } of batches) expect(round).toBe(data.at(-1).round);
    const meters = received.filter(({ event }) => event === 'meters').at(-1)?.data;
    expect(meters).toMatchObject({ round: 2000, restarts: 0 });
    expect(meters.workers.uplinkBytes).toHaveLength(2);
    expect(meters.workers.uplinkBytes.reduce((a: number, b: number) => a + b)).toBe(
      meters.uplink.dense + meters.uplink.compressed,
    );
    expect(received.at(-1)?.event).toBe('end');
  });

  it('go on where a reader had broken off, whoever trained since then', async () => {
    const id = await host.start({ ...LONG, evalEvery: 20 });
    const rounds: number[] = [];
    let has: number | undefined;
    const read = async (batches: number) => {
      for await (const event of eventsOf(await follow(id, has === undefined ? {} : { 'last-event-id': String(has) }))) {
        if (event.event !== 'rows') continue;
        rounds.push(...event.data.map(({ round }: { round: number }) => round));
        has = event.id;
        // leaving the loop closes the connection
        if (--batches === 0) break;
      }
    };
    const stop = async () => {
      await host.request(`/runs/${id}/stop`, { method: 'POST' });
      await host.until(id, 'stopped');
    };
    await read(1);
    await read(2);
    await stop();
    await read(Infinity);
    const written = (await rowsOf(id)).map(({ round }) => round);
    expect(rounds).toEqual(written);

    await host.request(`/runs/${id}/resume`, { method: 'POST' });
    await read(2);
    await stop();
    await read(Infinity);
    // the row of the round that it was stopped at is the reader's alone, unless it would have been evaluated anyway
    const all = new Set([...written, ...(await rowsOf(id)).map(({ round }) => round)]);
    expect(rounds).toEqual([...all]);
    expect(all.size).toBeGreaterThan(written.length);
  });

  it('a row in place of the one of the round that it was stopped at is sent', async () => {
    const id = await host.start({ ...QUICK, rounds: 10, evalEvery: 4 });
    await host.until(id, 'done');
    const file = join(host.folder, id, 'metrics.jsonl');
    const lines = readFileSync(file, 'latin1').trim().split('\n');
    const rounds = async (lastEventId: string) => {
      const found: number[] = [];
      for await (const { event, data } of eventsOf(await follow(id, { 'last-event-id': lastEventId }))) {
        if (event === 'rows') found.push(...data.map(({ round }: { round: number }) => round));
      }
      return found;
    };
    expect(lines.map((line) => JSON.parse(line).round)).toEqual([0, 4, 8, 10]);
    expect(await rounds('8')).toEqual([10]);
    // as many rows as there are, one of a round that is none of theirs
    expect(await rounds('9')).toEqual([10]);
    expect(await rounds('7')).toEqual([8, 10]);
    expect(await rounds('0')).toEqual([4, 8, 10]);
    expect(await rounds('10')).toEqual([]);
  });

  it('a reader of a run that waits gets a sign of life', async () => {
    const busy = await host.start(LONG);
    const id = await host.start(QUICK);
    for await (const { event } of eventsOf(await follow(id))) if (event === 'ping') break;
    await host.request(`/runs/${busy}/stop`, { method: 'POST' });
  });

  it('what is no number of rows is no Last-Event-ID', async () => {
    const id = await host.start(QUICK);
    await host.until(id, 'done');
    for (const lastEventId of ['', '-1', '1.5', 'x', '1e3', '9'.repeat(30), '0x10']) {
      const received: Received[] = [];
      for await (const event of eventsOf(await follow(id, { 'last-event-id': lastEventId }))) received.push(event);
      expect(received.flatMap(({ event, data }) => (event === 'rows' ? data : []))).toHaveLength(3);
    }
  });

  it('one that has more rows than there are gets none, and the end', async () => {
    const id = await host.start(QUICK);
    await host.until(id, 'done');
    const events: string[] = [];
    for await (const { event } of eventsOf(await follow(id, { 'last-event-id': '1000' }))) events.push(event);
    expect([events[0], events.at(-1), events.includes('rows')]).toEqual(['state', 'end', false]);
  });
});

it('so many readers follow a run, and so many all of them', async () => {
  const host = await openHost({ limits: { readersPerRun: 2, readers: 3 } });
  const first = await host.start(LONG);
  const second = await host.start(LONG);
  const abort = new AbortController();
  const open = async (id: string) => (await host.request(`/runs/${id}/events`, { signal: abort.signal })).status;
  expect([await open(first), await open(first), await open(first)]).toEqual([200, 200, 429]);
  expect([await open(second), await open(second)]).toEqual([200, 429]);
  abort.abort();
  // those that have left make room
  await expect.poll(async () => (await host.request(`/runs/${first}/events`)).status).toBe(200);
  await host.close();
});

describe('from a file that grows', () => {
  let folder: string;
  let file: string;
  let run: WatchedRun & { state: string };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'flotilla-events-'));
    file = join(folder, 'metrics.jsonl');
    const feed = new RunFeed();
    const view = () => ({ state: run.state }) as unknown as ReturnType<WatchedRun['view']>;
    run = { id: 'a', folder, feed, view, shown: (record) => record, state: 'running' };
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const end = (state = 'done') => {
    run.state = state;
    run.feed.changed();
  };
  const row = (round: number, pad: number) => `${JSON.stringify({ round, pad: 'x'.repeat(pad) })}\n`;
  const rowsTo = (from: number, to: number, pad = 100) =>
    Array.from({ length: to - from }, (_, k) => row(from + k, pad)).join('');
  const rounds = async (stream: AsyncIterable<Uint8Array>) => {
    const found: number[] = [];
    for await (const { event, data } of eventsOf({ body: stream } as unknown as Response)) {
      if (event === 'rows') found.push(...data.map(({ round }: { round: number }) => round));
    }
    return found;
  };
  const range = (to: number) => Array.from({ length: to }, (_, k) => k);

  it('a reader that takes its time gets all rows, and of the rest the newest', async () => {
    writeFileSync(file, rowsTo(0, 30_000));
    const hub = new EventHub({ readers: 2, readersPerRun: 2, readerTimeout: 60 });
    const slow = hub.open(run, -1);
    const texts: string[] = [];
    const sink = new Writable({
      highWaterMark: 1,
      write(piece, _, done) {
        texts.push(String(piece));
        setTimeout(done, 20);
      },
    });
    const read = pipeline(slow, sink);
    for (let k = 0; k < 40; k++) {
      run.feed.progress = { round: k, seconds: k, uplinkBytes: k, downlinkBytes: k };
      appendFileSync(file, rowsTo(30_000 + 100 * k, 30_100 + 100 * k));
      await new Promise((next) => setTimeout(next, 20));
    }
    end();
    await read;
    const found = await rounds(
      (async function* () {
        yield Buffer.from(texts.join(''));
      })(),
    );
    expect(found).toEqual(range(34_000));
    const told = texts.join('').match(/^event: progress$/gm)?.length ?? 0;
    expect(told).toBeLessThan(40);
    expect(texts.join('').match(/"round":39,"seconds":39/g)).toHaveLength(1);
  });

  it('rows that are taken back and come again are not sent twice', async () => {
    writeFileSync(file, rowsTo(0, 50));
    const hub = new EventHub({ readers: 2, readersPerRun: 2, readerTimeout: 60 });
    const early = rounds(hub.open(run, -1));
    await new Promise((next) => setTimeout(next, 500));
    truncateSync(file, row(0, 100).length * 10);
    const late = rounds(hub.open(run, -1));
    await new Promise((next) => setTimeout(next, 500));
    appendFileSync(file, rowsTo(10, 80, 103));
    await new Promise((next) => setTimeout(next, 500));
    end();
    expect(await early).toEqual(range(80));
    expect(await late).toEqual(range(80));
  });

  it('one that takes nothing of what waits for it is let go of, and holds little until then', async () => {
    writeFileSync(file, rowsTo(0, 100_000));
    const hub = new EventHub({ readers: 2, readersPerRun: 2, readerTimeout: 1 });
    const stuck = hub.open(run, -1);
    const good = rounds(hub.open(run, -1));
    await once(stuck, 'close');
    // a piece of 64 kB on top of what it may have waiting
    expect(stuck.readableLength).toBeLessThan(100_000);
    expect(hub.readers).toBeLessThan(2);
    end();
    expect(await good).toEqual(range(100_000));
    expect(hub.readers).toBe(0);
  });
});

it('over a real socket: a reader that never reads is closed, and another gets all there is', async () => {
  const host = await openHost({ limits: { readerTimeout: 2 } });
  const id = await host.start(QUICK);
  await host.until(id, 'done');
  // more than the sockets of both sides hold
  const text = Array.from({ length: 50_000 }, (_, k) => `${JSON.stringify({ round: k, pad: 'x'.repeat(500) })}\n`).join(
    '',
  );
  writeFileSync(join(host.folder, id, 'metrics.jsonl'), text);
  const ends = new Map<number | undefined, Promise<unknown>>();
  host.app.server.on('connection', (socket) => void ends.set(socket.remotePort, once(socket, 'close')));
  const stuck = connect(host.port, '127.0.0.1');
  stuck.on('error', () => undefined);
  await once(stuck, 'connect');
  const port = stuck.localPort;
  stuck.pause();
  stuck.write(`GET /flotilla/runs/${id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await expect.poll(() => ends.has(port)).toBe(true);
  let rows = 0;
  for await (const { event, data } of eventsOf(await host.request(`/runs/${id}/events`))) {
    if (event === 'rows') rows += data.length;
  }
  expect(rows).toBe(50_000);
  await ends.get(port);
  stuck.destroy();
  await host.close();
});

it('streams end when the app closes, and one that is never read keeps no app from that', async () => {
  const host = await openHost({}, false);
  const { id } = (
    await host.app.inject({ method: 'POST', url: '/flotilla/runs', payload: { ...LONG, evalEvery: 1 } })
  ).json();
  const rows = async () => (await host.app.inject(`/flotilla/runs/${id}`)).json().round;
  await expect.poll(rows, { timeout: 60_000 }).toBeGreaterThan(3000);
  const open = async () => {
    const socket = connect(host.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`GET /flotilla/runs/${id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await once(socket, 'readable');
    return socket;
  };
  const [stuck, read] = [await open(), await open()];
  const text = (async () => {
    let all = '';
    for await (const piece of read) all += piece;
    return all;
  })();
  await host.close();
  // the last chunk of a body that is whole
  expect((await text).endsWith('0\r\n\r\n')).toBe(true);
  stuck.destroy();
});
