import type { Summary } from '@flotilla/server';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Access } from './access.js';
import { type Catalogue, pageOf, type WatchedRun } from './catalogue.js';
import { ServiceError } from './errors.js';
import type { EventHub } from './events.js';
import { REPORT_HEADERS } from './headers.js';
import type { Reports } from './reports.js';
import { rowsStream } from './rows-stream.js';
import { openRunFile, type RunFile, readConfig, readSummary } from './run-files.js';
import * as schemas from './schemas.js';
import { roundOf } from './sse.js';

const HTML = 'text/html; charset=utf-8';

type ById = { Params: { id: string } };

/** What GET /about says. */
export interface About {
  readonly version: string;
  readonly offers: object | null;
  readonly can: { readonly start: boolean; readonly report: boolean };
}

export interface RoutesOptions {
  readonly catalogue: Catalogue;
  readonly hub: EventHub;
  readonly access: Access;
  readonly about: About;
  /** Makes reports; without them, those that lie in run folders are sent. */
  readonly reports: Reports | undefined;
}

/** The routes that look at runs and control them, whoever trains them. */
export function addRoutes(app: FastifyInstance, { catalogue, hub, access, about, reports }: RoutesOptions): void {
  const find = (id: string): WatchedRun => {
    const run = catalogue.get(id);
    if (run !== undefined) return run;
    throw new ServiceError('not-found', 'there is no such run');
  };
  const byId = (summary: string, response: object = {}) => ({
    schema: { summary, params: schemas.idParameter, response: { ...response, ...schemas.refusals } },
    exposeHeadRoute: false,
  });

  app.get(
    '/about',
    { schema: { summary: 'Version, and what a run may choose from', response: { 200: schemas.about } } },
    async () => about,
  );
  app.post<{ Body: { token: string } }>(
    '/session',
    {
      config: { flotillaOpen: true },
      schema: { summary: 'The cookie for the token', body: schemas.sessionBody, response: schemas.refusals },
    },
    async (request, reply) => {
      access.openSession(request.body.token, request, reply);
      return reply.code(204).send();
    },
  );
  app.get<{ Querystring: { limit: number; after?: string } }>(
    '/runs',
    {
      schema: {
        summary: 'Runs, the newest first',
        querystring: schemas.pageQuery,
        response: { 200: schemas.runPage, ...schemas.refusals },
      },
    },
    async ({ query: { limit, after } }) => pageOf(catalogue, limit, after === undefined ? undefined : find(after)),
  );
  app.get<ById>('/runs/:id', byId('A run', { 200: schemas.runView }), async ({ params }) => find(params.id).view());

  app.get<ById>('/runs/:id/config', byId('Its configuration'), async ({ params }) => {
    const run = find(params.id);
    return run.shown(readConfig(run.folder) ?? nothing('configuration'));
  });
  app.get<ById>('/runs/:id/summary', byId('What it came to'), async ({ params }) => {
    const run = find(params.id);
    const summary: Partial<Summary> = readSummary(run.folder) ?? nothing('summary');
    return run.shown({ ...summary });
  });
  app.get<ById>('/runs/:id/report', byId('Its report, one HTML file'), async ({ params }, reply) => {
    const run = find(params.id);
    reply.headers(REPORT_HEADERS);
    if (reports === undefined) return sendFile(run, 'report.html', HTML, reply);
    const page = await reports.of(run);
    return reply.type(HTML).send(page);
  });
  app.get<ById>('/runs/:id/model', byId('Its model, as safetensors'), async ({ params }, reply) => {
    const run = find(params.id);
    reply.header('content-disposition', `attachment; filename="${run.id}.safetensors"`);
    return sendFile(run, 'model.safetensors', 'application/octet-stream', reply);
  });
  app.get<ById>('/runs/:id/metrics', byId('Its rows so far, a JSON object a line'), async ({ params }, reply) => {
    const { folder } = find(params.id);
    return reply.type('application/x-ndjson').send(rowsStream(folder));
  });
  app.get<ById>('/runs/:id/events', byId('What happens to it, as server-sent events'), async (request, reply) => {
    const run = find(request.params.id);
    const reader = hub.open(run, roundOf(request.headers['last-event-id']), () => reply.raw);
    // nothing else comes on this connection: one that stays open would keep a server from closing
    if (request.raw.httpVersionMajor === 1) reply.header('connection', 'close');
    return reply.headers({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }).send(reader);
  });

  /** A control; it lasts when the answer is given. */
  const control = (name: 'stop' | 'resume', summary: string) =>
    app.post<ById>(`/runs/:id/${name}`, byId(summary, { 202: schemas.runView }), async ({ params }, reply) => {
      const run = find(params.id);
      await (run[name]?.() ?? refuse(run, name));
      return reply.code(202).send(run.view());
    });
  control('stop', 'Stops it after the round under way, with a checkpoint');
  control('resume', 'Lets it go on from its newest checkpoint');
  app.post<ById>(
    '/runs/:id/checkpoint',
    byId('Takes a checkpoint', { 200: schemas.checkpointTaken }),
    async ({ params }) => {
      const run = find(params.id);
      const { round } = await (run.checkpoint?.() ?? refuse(run, 'checkpoint'));
      return { round };
    },
  );
  app.delete<ById>(
    '/runs/:id',
    byId('Removes a run that has ended, and its folder', { 202: schemas.runView }),
    async ({ params }, reply) => {
      const run = find(params.id);
      const view = run.view();
      await (run.remove?.() ?? refuse(run, 'delete'));
      return reply.code(202).send(view);
    },
  );
}

function nothing(what: string): never {
  throw new ServiceError('not-found', `the run has no ${what} yet`);
}

/** @throws ServiceError `conflict` */
function refuse(run: WatchedRun, what: string): never {
  throw new ServiceError('conflict', `a run that is ${run.view().state} cannot do this here: ${what}`);
}

async function sendFile(run: WatchedRun, name: RunFile, type: string, reply: FastifyReply): Promise<FastifyReply> {
  const { file, bytes } = (await openRunFile(run.folder, name)) ?? nothing(name.split('.')[0] ?? '');
  return reply
    .type(type)
    .header('content-length', bytes)
    .send(file.createReadStream({ end: Math.max(0, bytes - 1) }));
}
