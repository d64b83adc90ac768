import type {} from '@fastify/swagger';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Access } from './access.js';
import type { Catalogue } from './catalogue.js';
import { answerTo, ServiceError } from './errors.js';
import { EventHub, type ReaderLimits } from './events.js';
import { HEADERS } from './headers.js';
import { readPage } from './page-files.js';
import { type MakeReport, Reports } from './reports.js';
import { type About, addRoutes } from './routes.js';
import { refuseSlowBodies } from './slow-bodies.js';
import { refusalOf, validatorCompiler } from './validator.js';

/** Longest body. */
const BODY_BYTES = 1 << 14;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a token: the page, which is no secret, and what takes its token. */
    readonly flotillaOpen?: boolean;
  }
}

export interface SurfaceOptions {
  readonly catalogue: Catalogue;
  readonly about: About;
  readonly token: string | undefined;
  readonly hosts: readonly string[] | undefined;
  readonly report: MakeReport | undefined;
  readonly limits: ReaderLimits & {
    /** Seconds that the body of a request may take. */
    readonly bodyTimeout: number;
  };
}

/**
 * What stands between the network and runs, for the service and for a dashboard alike: who may ask, what a request may be, how it is
 * refused, the page, and the routes. All of it belongs to `app`, an instance of its own below the host's.
 */
export async function addSurface(app: FastifyInstance, options: SurfaceOptions): Promise<void> {
  const { catalogue, about, limits, report } = options;
  const access = new Access({ token: options.token, hosts: options.hosts, path: app.prefix || '/' });
  const hub = new EventHub(limits);
  const page = await readPage();

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    access.checkOrigin(request);
    if (request.routeOptions.config.flotillaOpen !== true) access.checkToken(request, reply);
  });
  refuseSlowBodies(app, limits.bodyTimeout);
  app.removeAllContentTypeParsers();
  const parser = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string', bodyLimit: BODY_BYTES }, parser);
  app.setValidatorCompiler(validatorCompiler);
  app.setSchemaErrorFormatter(refusalOf);
  // schemas of answers are for the document; what is answered is not cut to them
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = answerTo(error);
    if (status >= 500) request.log.error(error);
    return reply.code(status).send(body);
  });
  // open streams would keep the server from closing
  app.addHook('preClose', async () => hub.close());

  const config = { flotillaOpen: true };
  const send = (name: string, reply: FastifyReply) => {
    const file = page.get(name);
    if (file === undefined) throw new ServiceError('not-found', 'the page has no such part');
    return reply.type(file.type).send(file.content);
  };
  app.get('/', { config, prefixTrailingSlash: 'slash', schema: { hide: true } }, async (_, reply) =>
    send('index.html', reply),
  );
  if (app.prefix !== '') {
    // addresses in the page are relative to where it is
    const folder = `./${app.prefix.split('/').at(-1)}/`;
    app.get('/', { config, prefixTrailingSlash: 'no-slash', schema: { hide: true } }, async (_, reply) =>
      reply.redirect(folder),
    );
    // without a prefix it is the host's
    app.setNotFoundHandler(() => {
      throw new ServiceError('not-found', 'there is nothing here');
    });
  }
  app.get<{ Params: { name: string } }>('/page/:name', { config, schema: { hide: true } }, async ({ params }, reply) =>
    send(params.name, reply),
  );
  const reports = report === undefined ? undefined : new Reports(report);
  addRoutes(app, { catalogue, hub, access, about, reports });
}
