import { resolve } from 'node:path';
import { UsageError } from '@flotilla/core';
import { optionError, printed } from '@flotilla/core/internal';
import { parseOptions, type TrainOptions } from '@flotilla/server';
import type { FastifyInstance } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { LIMITS, type ServiceLimits, withDefaults } from './limits.js';
import { type Allow, Offers, type RunRequest } from './offers.js';
import { RunQueue } from './queue.js';
import type { MakeReport } from './reports.js';
import * as schemas from './schemas.js';
import { addSurface } from './surface.js';
import { version } from './version.js';

const MIN_TOKEN = 16;

/** An option of `train()` that the service gives a run by itself, or that a request names. */
export type OptionOfService =
  | 'method'
  | 'problem'
  | 'data'
  | 'uplink'
  | 'downlink'
  | 'out'
  | 'resume'
  | 'trust'
  | 'force'
  | 'signal'
  | 'logger'
  | 'onProgress'
  | 'onPhase'
  | 'onMeters';

export interface FlotillaOptions {
  /** Where runs and what becomes of them are kept; for one host at a time. */
  readonly folder: string;
  /** What a request may choose from. */
  readonly allow: Allow;
  /** What every request must have, as `Authorization: Bearer …`. Without one, only requests from this machine are answered. */
  readonly token?: string;
  /** Host names under which the service is reached, beside localhost, 127.0.0.1 and [::1]. */
  readonly hosts?: readonly string[];
  readonly limits?: Partial<ServiceLimits>;
  /**
   * What becomes of runs that trained when their host was closed or killed: `ask`, the default, lists them as stopped, to be
   * resumed; with `auto` they go on.
   */
  readonly resume?: 'ask' | 'auto';
  /**
   * Makes the report of a run, such as `renderReport` of `flotilla/report`. Without it, `GET /runs/:id/report` sends what
   * `flotilla report` has left in the run's folder.
   */
  readonly report?: MakeReport;
  /** Options of `train()` for every run, such as `plugins` or `checkpointEvery`; what a request asks for wins. */
  readonly options?: Omit<TrainOptions, OptionOfService>;
}

const OPTIONS = [
  'folder',
  'allow',
  'token',
  'hosts',
  'limits',
  'resume',
  'options',
  'report',
  'prefix',
  'logLevel',
  'logSerializers',
];
const OF_SERVICE: readonly OptionOfService[] = [
  ...(['method', 'problem', 'data', 'uplink', 'downlink', 'out', 'resume', 'trust', 'force'] as const),
  ...(['signal', 'logger', 'onProgress', 'onPhase', 'onMeters'] as const),
];

/**
 * Flotilla as a Fastify plugin: `app.register(flotilla, { folder, allow, token, prefix: '/flotilla' })`. All that it has belongs to
 * its own scope of the app, and ends when that closes.
 * @throws UsageError for options that are wrong; FlotillaError `io` for a folder that cannot be used
 */
export const flotilla = fastifyPlugin(addFlotilla, { name: '@flotilla/service', fastify: '5.x', encapsulate: true });

async function addFlotilla(app: FastifyInstance, options: FlotillaOptions): Promise<void> {
  checkOptions(options);
  const limits = withDefaults<ServiceLimits>('limits', options.limits, LIMITS);
  const offers = new Offers(options.allow);
  const queue = await RunQueue.open({
    folder: resolve(options.folder),
    offers,
    limits,
    resume: options.resume ?? 'ask',
    options: options.options ?? {},
    loggerOf: (run) => app.log.child({ run }),
  });
  // not onClose, which comes after the wait for open connections
  app.addHook('preClose', () => queue.close());

  // a dashboard, which is imported with this, needs neither
  const [{ addOpenApi }, { metricsOf }] = await Promise.all([import('./openapi.js'), import('./prometheus.js')]);
  await addOpenApi(app, options.token !== undefined);
  await addSurface(app, {
    catalogue: queue,
    about: { version, offers: offers.describe(), can: { start: true, report: options.report !== undefined } },
    token: options.token,
    hosts: options.hosts,
    report: options.report,
    limits,
  });
  const schema = {
    summary: 'Starts a run',
    body: offers.schema(),
    response: { 202: schemas.created, ...schemas.refusals },
  };
  app.post<{ Body: Record<string, unknown> }>('/runs', { schema }, async ({ body }, reply) => {
    const request: RunRequest = offers.complete(body);
    const { id } = await queue.add(request);
    return reply.code(202).send({ id });
  });
  const registry = metricsOf(() => queue.all(), limits);
  app.get('/metrics', { schema: { summary: 'Metrics for Prometheus' } }, async (_, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  app.addHook('onReady', async () => queue.start());
}

function checkOptions({ folder, token, hosts, resume = 'ask', options = {}, report, ...rest }: FlotillaOptions): void {
  for (const name of Object.keys(rest)) {
    if (!OPTIONS.includes(name))
      throw new UsageError(`flotilla has no option ${printed(name)}; known: ${OPTIONS.join(', ')}`);
  }
  if (typeof folder !== 'string' || folder === '')
    throw optionError('folder', `must be the path of a folder, not ${printed(folder)}`);
  if (token !== undefined && (typeof token !== 'string' || !/^[!-~]+$/.test(token) || token.length < MIN_TOKEN)) {
    throw optionError('token', `must have ${MIN_TOKEN} letters, digits or signs at least, without spaces`);
  }
  if (hosts !== undefined && !(Array.isArray(hosts) && hosts.every((name) => typeof name === 'string'))) {
    throw optionError('hosts', `must be a list of host names, not ${printed(hosts)}`);
  }
  if (resume !== 'ask' && resume !== 'auto') throw optionError('resume', `must be ask or auto, not ${printed(resume)}`);
  if (report !== undefined && typeof report !== 'function') {
    throw optionError('report', `must be a function that makes a page, not ${printed(report)}`);
  }
  for (const name of Object.keys(options)) {
    if (OF_SERVICE.includes(name as OptionOfService))
      throw optionError('options', `cannot have ${name}: the service says that for each run`);
  }
  parseOptions(options);
}
