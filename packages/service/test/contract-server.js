// @ts-check
// A server that speaks the page's half of HTTP and trains nothing: runs of any number of workers, rows and failures, for the page's
// tests; by itself (`node packages/service/test/contract-server.js [WORKERS] [PORT]`) it shows them to a browser.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const { resolve } = createRequire(import.meta.url);
/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";

function pageFile(/** @type {string} */ name) {
  const own = ['uPlot.esm.js', 'uPlot.min.css'].includes(name)
    ? resolve(`uplot/dist/${name}`)
    : fileURLToPath(new URL(`../src/page/${name}`, import.meta.url));
  return readFileSync(own);
}

/** A repeatable number from 0 to 1. */
const noise = (/** @type {number} */ k) => {
  const x = Math.sin(12.9898 * k + 4.1) * 43758.5453;
  return x - Math.floor(x);
};

/** A run that is not one. */
export class PretendedRun {
  /** @type {any[]} */
  rows = [];
  round = 0;
  state = 'running';
  /** @type {string | null} */
  stopReason = null;

  /** @param {string} id @param {{ workers?: number, rounds?: number, slow?: number[], rowEvery?: number, seed?: number, validation?: boolean }} [options] */
  constructor(id, { workers = 20, rounds = 5000, slow = [], rowEvery = 10, seed = 1, validation = true } = {}) {
    this.id = id;
    this.workers = workers;
    this.rounds = rounds;
    this.slow = new Set(slow);
    this.rowEvery = rowEvery;
    this.seed = seed;
    this.validation = validation;
    this.#row();
  }

  seconds() {
    return this.round * 0.023;
  }

  #row() {
    const { round, seed } = this;
    const loss = 90 * Math.exp(-round / 900) + 12 + 2 * noise(round + seed);
    const gradNormSq = 1200 * Math.exp(-round / (280 + 60 * seed)) * (0.4 + noise(round * 7 + seed));
    const bytes = (/** @type {number} */ a) => ({ messages: 0, frameBytes: Math.round(round * this.workers * a) });
    const accuracy = 0.95 - 0.8 * Math.exp(-round / 700) - 0.01 * noise(round);
    const extra = this.validation
      ? { metrics: { accuracy }, validation: { loss: loss * 1.08, accuracy: accuracy - 0.03 } }
      : {};
    const links = { uplink: bytes(9300), downlink: bytes(8100) };
    this.rows.push({ round, seconds: this.seconds(), loss, gradNormSq, ...extra, ...links });
  }

  advance(rounds = 1) {
    for (let k = 0; k < rounds && this.round < this.rounds; k++) {
      this.round++;
      if (this.round % this.rowEvery === 0) this.#row();
    }
    if (this.round === this.rounds) this.end('done', 'rounds');
  }

  end(/** @type {string} */ state, /** @type {string} */ stopReason) {
    this.state = state;
    this.stopReason = stopReason;
  }

  view() {
    const { id, state, workers, rounds, round, stopReason } = this;
    const live = state === 'running';
    const { loss, gradNormSq, uplink, downlink } = this.rows[this.rows.length - 1];
    const created = '2026-01-01T00:00:00Z';
    return {
      id,
      state,
      created,
      started: created,
      ended: null,
      method: 'm3',
      problem: 'autoencoder',
      data: 'mnist',
      workers,
      seed: '0',
      rounds,
      round,
      seconds: this.seconds(),
      loss,
      gradNormSq,
      uplinkBytes: uplink.frameBytes,
      downlinkBytes: downlink.frameBytes,
      restarts: 0,
      resumed: 0,
      stopReason,
      error: null,
      can: { stop: live, checkpoint: live, resume: state === 'stopped', delete: !live },
    };
  }

  meters() {
    const { round, workers, slow } = this;
    const seconds = this.seconds();
    const each = (/** @type {(k: number) => number} */ of) => Array.from({ length: workers }, (_, k) => of(k));
    const part = (/** @type {number} */ share) => seconds * share * (0.9 + 0.2 * noise(Math.floor(round / 200)));
    const first = slow.size > 0 ? 0.2 : 0.45;
    const waited = (/** @type {number} */ k) => (k === 0 ? first : (0.2 * noise(k)) / workers);
    const times = [0, 0, 0, 0, 0, 0, 0.02, 0.7, 0.22, 0.05, 0.01, ...Array(9).fill(0)];
    return {
      round,
      seconds,
      restarts: 0,
      roundSeconds: seconds,
      roundTimes: times.map((p) => Math.round(p * round)),
      shares: { downlink: part(0.17), waiting: part(0.7), uplink: part(0.09), step: part(0.02) },
      uplink: { dense: round * workers * 4800 + 3e6 * noise(round), compressed: round * workers * 4500 },
      downlink: { dense: round * workers * 2100 + 2e6 * noise(round + 5), compressed: round * workers * 6000 },
      workers: {
        uplinkBytes: each((k) => round * (9300 + (k % 3))),
        downlinkBytes: each((k) => round * (8100 + (k % 5))),
        computeSeconds: each((k) => seconds * (slow.has(k) ? 0.62 : 0.2 + 0.08 * noise(k + this.seed))),
        waitedSeconds: each((k) => seconds * (slow.has(k) ? 0.42 / slow.size : waited(k))),
        losses: each((k) => (k === 3 ? 2 : 0)),
      },
    };
  }
}

/**
 * Serves runs.
 * @param {PretendedRun[]} runs
 * @param {{ port?: number, token?: string, offers?: object | null, everyMs?: number, rounds?: number }} [options]
 *   Every `everyMs` each run is `rounds` further.
 */
export async function serveContract(runs, { port = 0, token, offers = null, everyMs = 200, rounds = 8 } = {}) {
  /** @type {{ method: string, path: string, body: string, lastEventId: string | undefined }[]} */
  const asked = [];
  /** @type {Set<import('node:http').ServerResponse>} */
  const streams = new Set();
  let silent = false;
  const ticker = setInterval(() => {
    for (const run of runs) if (run.state === 'running') run.advance(rounds);
  }, everyMs);

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://page');
    const method = request.method ?? '';
    let body = '';
    for await (const chunk of request) body += chunk;
    const lastEventId = request.headers['last-event-id']?.toString();
    asked.push({ method, path: pathname, body, lastEventId });
    const json = (/** @type {number} */ status, /** @type {unknown} */ value) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(value));
    };
    const [, first, name, what] = pathname.split('/');
    if (pathname === '/' || first === 'page') {
      const file = first === 'page' ? name : 'index.html';
      const type = TYPES[extname(file)];
      const headers = { 'content-type': type, 'content-security-policy': POLICY, 'cache-control': 'no-store' };
      response.writeHead(200, headers);
      return response.end(pageFile(file));
    }
    if (pathname === '/session') {
      if (JSON.parse(body).token !== token) {
        return json(401, { code: 'unauthorized', message: 'the token is another one' });
      }
      response.writeHead(204, { 'set-cookie': `flotilla=${token}; HttpOnly; SameSite=Strict; Path=/` });
      return response.end();
    }
    if (token !== undefined && !request.headers.cookie?.includes(`flotilla=${token}`)) {
      return json(401, { code: 'unauthorized', message: 'the token is missing, or another one' });
    }
    if (pathname === '/about')
      return json(200, { version: '0.1.0', offers, can: { start: offers !== null, report: true } });
    if (pathname === '/runs' && method === 'POST') {
      const id = `new-${runs.length}`;
      runs.unshift(new PretendedRun(id, JSON.parse(body)));
      return json(202, { id });
    }
    if (pathname === '/runs') {
      const limit = Number(searchParams.get('limit') ?? 50);
      const from = runs.findIndex(({ id }) => id === searchParams.get('after')) + 1;
      const shown = runs.slice(from, from + limit);
      const next = from + limit < runs.length ? shown[shown.length - 1].id : null;
      return json(200, { runs: shown.map((run) => run.view()), next });
    }
    const run = runs.find(({ id }) => id === name);
    if (run === undefined) return json(404, { code: 'not-found', message: 'there is no such run' });
    if (method === 'DELETE') {
      runs.splice(runs.indexOf(run), 1);
      return json(202, run.view());
    }
    if (what === undefined) return json(200, run.view());
    if (what === 'stop') {
      run.end('stopped', 'aborted');
      return json(202, run.view());
    }
    if (what === 'resume') {
      run.state = 'running';
      run.stopReason = null;
      return json(202, run.view());
    }
    if (what === 'checkpoint') return json(200, { round: run.round });
    if (what === 'config') {
      const { method, problem, workers } = run.view();
      const more = { uplink: 'rand-k:k=d/n', downlink: 'perm-k', checkpointEvery: '60s', plugins: [] };
      return json(200, { method, problem, workers, ...more });
    }
    if (what !== 'events') return json(404, { code: 'not-found', message: 'the run has none yet' });

    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    streams.add(response);
    const has = Number(lastEventId ?? -1);
    let sent = run.rows.filter(({ round }) => round <= has).length;
    let state = '';
    const send = (/** @type {string} */ event, /** @type {unknown} */ data, /** @type {number} */ id = -1) =>
      response.write(`${id < 0 ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    response.write('retry: 500\n\n');
    let ticks = 0;
    const tick = () => {
      if (silent) return;
      const view = run.view();
      if (view.state !== state) send('state', view);
      state = view.state;
      while (sent < run.rows.length) {
        const rows = run.rows.slice(sent, sent + 800);
        sent += rows.length;
        send('rows', rows, rows.at(-1)?.round);
      }
      const { uplinkBytes, downlinkBytes } = view;
      send('progress', { round: run.round, seconds: run.seconds(), uplinkBytes, downlinkBytes });
      if (ticks++ % 2 === 0 || view.state !== 'running') send('meters', run.meters());
      if (ticks % 25 === 0) send('ping', {});
      if (view.state === 'running') return;
      send('end', {});
      response.end();
    };
    tick();
    const timer = setInterval(tick, 200);
    response.on('close', () => {
      clearInterval(timer);
      streams.delete(response);
    });
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', () => done(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}/`,
    port: address.port,
    asked,
    /** Cuts every stream that is open. */
    cut: () => {
      for (const stream of streams) stream.destroy();
    },
    /** From now on nothing more is said on streams, which stay open; or it is again. */
    hush: (quiet = true) => {
      silent = quiet;
    },
    close: () => {
      clearInterval(ticker);
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done(undefined)));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , workers = '20', port = '0'] = process.argv;
  const n = Number(workers);
  const runs = [
    new PretendedRun('first', { workers: n, slow: n >= 20 ? [Math.floor(n * 0.7)] : [] }),
    new PretendedRun('second', { workers: n, seed: 3 }),
  ];
  for (const run of runs) run.advance(1500);
  runs[1].advance(5000);
  const { url } = await serveContract(runs, { port: Number(port) });
  process.stdout.write(`${url}\n`);
}
