import { FlotillaError } from '@flotilla/core';

/** Why a request is refused. */
export type ServiceErrorCode =
  | 'usage'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'too-large'
  | 'busy'
  | 'internal';

/** The status that goes with each code. */
const STATUS: Readonly<Record<ServiceErrorCode, number>> = {
  usage: 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  busy: 429,
  internal: 500,
};

/** What a request is answered that cannot be done. Its message is for strangers: it never names a path of the host. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly statusCode: number;

  constructor(
    readonly code: ServiceErrorCode,
    message: string,
  ) {
    super(message);
    this.statusCode = STATUS[code];
  }
}

/** An error as it is told: `{ code, message }`. */
export interface ToldError {
  readonly code: string;
  readonly message: string;
}

/** Codes of failures whose reason is the request's, or the mathematics'. */
const TOLD = ['usage', 'diverged', 'aborted', 'worker-lost', 'limit'];

/**
 * Why a run failed, for whoever asked for it. What may name a path of the host, or shows what its own code says, is left to the
 * host's log.
 */
export function toldOf(error: unknown): ToldError {
  if (!(error instanceof FlotillaError)) return { code: 'internal', message: 'the run failed' };
  const { code, message } = error;
  // a fraction of two letters, such as d/n, is no path
  const mayHavePath = /[\\/]/.test(message.replaceAll(/(?<![\p{L}\d./\\])\p{L}\/\p{L}(?![\p{L}\d./\\])/gu, ''));
  const told = TOLD.includes(code) && error.cause === undefined && !mayHavePath;
  return { code, message: told ? message : 'the run failed; the log of its host says why' };
}

interface Thrown {
  readonly code?: unknown;
  readonly statusCode?: unknown;
  readonly message?: unknown;
  readonly validation?: unknown;
}

/** What the server says of an error that a request has ended with. Fastify's own have a status; whatever else there is is ours. */
export function answerTo(error: unknown): { readonly status: number; readonly body: ToldError } {
  if (error instanceof ServiceError) {
    return { status: error.statusCode, body: { code: error.code, message: error.message } };
  }
  const { statusCode, message, validation } = (error ?? {}) as Thrown;
  const status = validation === undefined ? Number(statusCode ?? 500) : 400;
  if (!(status >= 400 && status < 500)) return { status: 500, body: { code: 'internal', message: 'internal error' } };
  const code = Object.entries(STATUS).find(([, known]) => known === status)?.[0] ?? 'usage';
  return { status, body: { code, message: String(message) } };
}
