// @ts-check
import { pathToFileURL } from 'node:url';
import { flotilla } from '@flotilla/service';
import Fastify from 'fastify';
import { renderReport } from 'flotilla/report';

/**
 * All that a request may choose from: names, and what this host has written beside them.
 * @type {import('@flotilla/service').Allow}
 */
export const ALLOW = {
  methods: { marina: 'marina', 'marina-p': 'marina-p', m3: 'm3', diana: 'diana', gd: 'gd' },
  problems: { quadratic: 'heterogeneous-quadratic', logistic: 'logistic', autoencoder: 'autoencoder' },
  data: ['mnist', 'mushrooms'],
  uplinks: { 'rand-k-5%': 'rand-k:k=5%', natural: 'natural' },
  limits: { workers: 64, threads: 8, rounds: 10_000, timeLimit: 600 },
};

/**
 * The service: runs under /flotilla, beside routes of the host's own.
 * @param {Partial<import('@flotilla/service').FlotillaOptions>} settings
 * @param {import('fastify').FastifyServerOptions} options
 */
export function build(settings = {}, options = {}) {
  // bodies and idle connections that do not end are the host's to limit
  const app = Fastify({ requestTimeout: 30_000, forceCloseConnections: true, ...options });
  app.register(flotilla, {
    prefix: '/flotilla',
    folder: 'runs/service',
    token: process.env.FLOTILLA_TOKEN,
    allow: ALLOW,
    limits: { maxConcurrent: 1, maxQueued: 20 },
    resume: 'auto',
    report: renderReport,
    ...settings,
  });
  app.get('/health', async () => ({ ok: true }));
  return app;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const app = build({}, { logger: true });
  await app.listen({ port: Number(process.env.PORT ?? 3000) });
  // what trains takes a checkpoint, and goes on when the host starts again
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close());
}
