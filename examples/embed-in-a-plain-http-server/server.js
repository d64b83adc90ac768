// @ts-check
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { train } from '@flotilla/server';

/** All that a request may choose from. @type {Record<string, import('@flotilla/server').TrainOptions>} */
export const OFFERS = {
  mnist: { method: 'm3', problem: 'autoencoder', data: 'mnist', workers: 20, threads: 2, rounds: 500 },
  quadratic: { method: 'marina', problem: 'heterogeneous-quadratic', workers: 10, threads: 2, rounds: 200 },
};
const MAX_RUNS = 2;
/** Messages of other errors may name paths of this host. */
const TOLD = ['usage', 'diverged', 'aborted'];

/** The server; all it knows lives in it. */
export function build(offers = OFFERS) {
  /** @type {Map<string, AbortController>} */
  const runs = new Map();
  return createServer(async (request, response) => {
    const answer = (/** @type {number} */ status, /** @type {string} */ message) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
    // nobody's body is read; what another site's page sends is refused
    request.resume();
    const site = request.headers['sec-fetch-site'] ?? 'none';
    if (site !== 'same-origin' && site !== 'none') return answer(403, 'not from another site');
    const [, name = ''] = /^\/runs\/([\w-]{1,64})$/.exec(request.url ?? '') ?? [];
    if (request.method === 'DELETE') {
      runs.get(name)?.abort();
      return runs.has(name) ? answer(202, 'it ends after its round') : answer(404, 'there is no such run');
    }
    if (request.method !== 'POST') return answer(405, 'POST /runs/NAME starts a run, DELETE /runs/ID ends it');
    if (!Object.hasOwn(offers, name)) return answer(404, `there are only ${Object.keys(offers).join(', ')}`);
    if (runs.size >= MAX_RUNS) return answer(429, `${MAX_RUNS} runs are under way`);

    const id = randomUUID();
    const abort = new AbortController();
    runs.set(id, abort);
    response.on('close', () => abort.abort());
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const send = (/** @type {string} */ event, /** @type {unknown} */ data) =>
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    const run = train({ ...offers[name], signal: abort.signal });
    try {
      send('start', { id });
      // a reader that is slow is waited for; the run is not slower for it
      for await (const row of run) if (!send('row', row)) await once(response, 'drain', { signal: abort.signal });
      send('end', await run.result);
    } catch {
      // a reader that has gone ends the loop before the run
      const { code = 'aborted', message = '' } = /** @type {any} */ (await run.result.catch((error) => error));
      send('failed', { code, message: TOLD.includes(code) ? message : 'the run failed' });
    }
    runs.delete(id);
    response.end();
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) build().listen(3000, '127.0.0.1');
