// @ts-check
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { train } from '@flotilla/server';
import Fastify from 'fastify';

/**
 * All that a request may choose from: names, and what this host has written beside them. An option of `train` that is not here
 * (`out`, `plugins`, a path of any kind) cannot be set from outside.
 * @type {Record<string, Record<string, any>>}
 */
export const OFFERS = {
  methods: { gd: 'gd', diana: 'diana', marina: 'marina', 'marina-p': 'marina-p', m3: 'm3' },
  problems: { autoencoder: 'autoencoder', logistic: 'logistic', 'heterogeneous-quadratic': 'heterogeneous-quadratic' },
  data: { mnist: 'mnist', mushrooms: 'mushrooms' },
  uplinks: { 'rand-k-5%': 'rand-k:k=5%', natural: 'natural' },
  /** Largest numbers. The least is 1; a step size is a number above 0. */
  limits: {
    workers: 64,
    threads: 8,
    rounds: 10_000,
    evalEvery: 10_000,
    timeLimit: 600,
    stepSize: 1000,
    running: 4,
    kept: 100,
  },
};

/** What the body of POST /runs must be; nothing is converted and nothing is dropped. @param {Record<string, Record<string, any>>} offers */
function bodySchema({ methods, problems, data, uplinks, limits }) {
  const oneOf = (/** @type {object} */ names) => ({ type: 'string', enum: Object.keys(names) });
  const upTo = (/** @type {number} */ maximum) => ({ type: 'integer', minimum: 1, maximum });
  return {
    type: 'object',
    additionalProperties: false,
    properties: {
      method: oneOf(methods),
      problem: oneOf(problems),
      data: oneOf(data),
      uplink: oneOf(uplinks),
      workers: upTo(limits.workers),
      threads: upTo(limits.threads),
      rounds: upTo(limits.rounds),
      evalEvery: upTo(limits.evalEvery),
      timeLimit: upTo(limits.timeLimit),
      stepSize: { type: 'number', exclusiveMinimum: 0, maximum: limits.stepSize },
      seed: { type: 'string', pattern: '^[0-9]{1,9}$' },
    },
  };
}

/** What is wrong with a body, in one line. @type {(errors: import('fastify').FastifySchemaValidationError[]) => Error} */
function refusal([{ instancePath, message, params }]) {
  const { additionalProperty: unknown, allowedValues } = params;
  const which = unknown ?? (Array.isArray(allowedValues) ? allowedValues.join(', ') : undefined);
  const where = instancePath.slice(1) || 'the body';
  return Object.assign(new Error(`${where} ${message}${which === undefined ? '' : `: ${which}`}`), { code: 'usage' });
}

/**
 * The service; all it knows lives in the app it returns.
 * @param {import('fastify').FastifyServerOptions} options
 * @param {Record<string, Record<string, any>>} offers
 */
export function build(options = {}, offers = OFFERS) {
  // closing waits for the rounds under way, however long they take; the usual limit of 10 s would crash the process
  const strict = { customOptions: { removeAdditional: false, coerceTypes: false } };
  const app = Fastify({ pluginTimeout: 0, bodyLimit: 4096, ajv: strict, schemaErrorFormatter: refusal, ...options });
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
  app.post('/runs', { schema: { body: bodySchema(offers) } }, async ({ body }, reply) => {
    const running = Array.from(runs.values()).filter(({ view }) => view.state === 'running').length;
    if (running >= offers.limits.running) {
      throw Object.assign(new Error(`${running} runs are under way`), { statusCode: 429, code: 'busy' });
    }
    // of runs that have ended only the latest are kept
    for (const [id, { view }] of runs) {
      if (runs.size < offers.limits.kept) break;
      if (view.state !== 'running') runs.delete(id);
    }
    const id = crypto.randomUUID();
    const abort = new AbortController();
    // the schema has found each name among the offers
    const { method, problem, data, uplink, ...numbers } = /** @type {Record<string, any>} */ (body);
    const run = train({
      ...numbers,
      method: offers.methods[method],
      problem: offers.problems[problem],
      data: offers.data[data],
      uplink: offers.uplinks[uplink],
      signal: abort.signal,
      logger: app.log.child({ run: id }),
    });
    const view = /** @type {Record<string, unknown>} */ ({ state: 'running' });
    runs.set(id, { run, abort, view });
    const follow = async () => {
      for await (const row of run) view.metrics = row;
      Object.assign(view, { state: 'done', summary: await run.result });
    };
    follow().catch(({ code, message }) => {
      // other messages may name paths of this host: they are in its log
      const told = ['usage', 'diverged', 'aborted'].includes(code) ? message : 'the run failed';
      Object.assign(view, { state: code === 'aborted' ? 'aborted' : 'failed', error: { code, message: told } });
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
