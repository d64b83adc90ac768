import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { basename, resolve } from 'node:path';
import { promisify } from 'node:util';
import Fastify from 'fastify';
import { answerTo, ServiceError } from './errors.js';
import { type DashboardRun, FolderRun } from './folder-run.js';
import { LIMITS } from './limits.js';
import type { MakeReport } from './reports.js';
import { addSurface } from './surface.js';
import { version } from './version.js';

export interface DashboardOptions {
  /** 0, the default, takes any that is free. */
  readonly port?: number;
  /** The newest first. */
  readonly runs: readonly DashboardRun[];
  /** Makes the report of a run; without it, those that lie in run folders are shown. */
  readonly report?: MakeReport;
}

export interface Dashboard {
  /** Of the page, with the token that it needs. */
  readonly url: string;
  /** Connections that are open: a page that is shown in a browser keeps one, as it asks again and again. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Serves the live page of runs to the browsers of this machine: of runs that have ended, and of one that this process trains. It listens
 * on 127.0.0.1, and answers whoever has the token of its URL.
 * @throws an error of node:net's, such as EADDRINUSE
 */
export async function openDashboard({ port = 0, runs, report }: DashboardOptions): Promise<Dashboard> {
  const byId = new Map<string, FolderRun>();
  for (const run of runs) {
    const folder = resolve(run.folder);
    const id = freeId(folder, byId);
    byId.set(id, await FolderRun.open(id, { ...run, folder }));
  }
  const all = [...byId.values()];
  const token = randomBytes(24).toString('base64url');
  const app = Fastify({ forceCloseConnections: true, requestTimeout: 30_000 });
  app.setErrorHandler((error, _, reply) => {
    const { status, body } = answerTo(error);
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler(() => {
    throw new ServiceError('not-found', 'there is nothing here');
  });
  await app.register((scope) =>
    addSurface(scope, {
      catalogue: { get: (id) => byId.get(id), all: () => all },
      about: { version, offers: null, can: { start: false, report: report !== undefined } },
      token,
      hosts: undefined,
      report,
      limits: LIMITS,
    }),
  );
  await app.listen({ host: '127.0.0.1', port });
  const { port: own } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${own}/#token=${token}`,
    connections: promisify(app.server.getConnections.bind(app.server)),
    close: () => app.close(),
  };
}

/** The name of a folder as an id: letters, digits and signs that an address takes as they are. */
function freeId(folder: string, taken: ReadonlyMap<string, unknown>): string {
  const name =
    basename(folder)
      .replaceAll(/[^\w-]+/g, '-')
      .slice(0, 80) || 'run';
  let id = name;
  for (let k = 2; taken.has(id); k++) id = `${name}-${k}`;
  return id;
}
