// @ts-check
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { train } from '@flotilla/server';
import Fastify from 'fastify';

/** The service; all it knows lives in the app it returns. @param {import('fastify').FastifyServerOptions} options */
export function build(options = {}) {
  // closing waits for the rounds under way, however long they take; the usual limit of 10 s would crash the process
  const app = Fastify({ pluginTimeout: 0, ...options });
  /** @type {Map<string, { run: import('@flotilla/server').Run, abort: AbortController, view: Record<string, unknown> }>} */
  const runs = new Map();
  const find = (/** @type {unknown} */ params) => {
    const { id } = /** @type {{ id: string }} */ (params);
    const found = runs.get(id);
    if (found) return found;
    throw Object.assign(new Error(`there is no run ${id}`), { statusCode: 404, code: 'not-found' });
  };

  app.setErrorHandler((/** @type {any} */ { code, message, statusCode = 500 }, _request, reply) =>
    reply.code(code === 'usage' ? 400 : statusCode).send({ code, message }),
  );
  app.post('/runs', async ({ body }, reply) => {
    const id = crypto.randomUUID();
    const abort = new AbortController();
    // `train` refuses what it does not know; `out` it knows, but a stranger may not say where this host writes
    const { out, ...asked } = Object(body);
    if (out !== undefined) throw Object.assign(new Error('out cannot be set here'), { code: 'usage' });
    const run = train({ ...asked, signal: abort.signal, logger: app.log.child({ run: id }) });
    const view = /** @type {Record<string, unknown>} */ ({ state: 'running' });
    runs.set(id, { run, abort, view });
    const follow = async () => {
      for await (const row of run) view.metrics = row;
      Object.assign(view, { state: 'done', summary: await run.result });
    };
    follow().catch(({ code, message }) => {
      Object.assign(view, { state: code === 'aborted' ? 'aborted' : 'failed', error: { code, message } });
    });
    return reply.code(202).send({ id });
  });
  app.get('/runs/:id', async ({ params }) => find(params).view);
  app.get('/runs/:id/metrics', async ({ params }, reply) => {
    const { run } = find(params);
    const lines = Readable.from(run).map((row) => `${JSON.stringify(row)}\n`);
    return reply.type('application/x-ndjson').send(lines);
  });
  app.delete('/runs/:id', async ({ params }, reply) => {
    find(params).abort.abort();
    return reply.code(202).send();
  });
  // not onClose, which comes after the wait for open streams: those end with their runs
  app.addHook('preClose', async () => {
    for (const { abort } of runs.values()) abort.abort();
    await Promise.allSettled(Array.from(runs.values(), ({ run }) => run.result));
  });
  return app;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build({ logger: true }).listen({ port: 3000 });
