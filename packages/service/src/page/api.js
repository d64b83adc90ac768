// @ts-check

/**
 * A run as the server lists it; numbers are null while they are not known.
 * @typedef {object} RunView
 * @property {string} id
 * @property {'queued' | 'running' | 'stopping' | 'stopped' | 'failed' | 'done'} state
 * @property {string} created
 * @property {string | null} started
 * @property {string | null} ended
 * @property {string} method
 * @property {string} problem
 * @property {string | null} data
 * @property {number | null} workers
 * @property {string | null} seed
 * @property {number | null} rounds
 * @property {number | null} round
 * @property {number | null} seconds
 * @property {number | null} loss
 * @property {number | null} gradNormSq
 * @property {number | null} uplinkBytes
 * @property {number | null} downlinkBytes
 * @property {number | null} restarts
 * @property {number | null} resumed
 * @property {string | null} stopReason
 * @property {{ code: string, message: string } | null} error
 * @property {{ stop: boolean, checkpoint: boolean, resume: boolean, delete: boolean }} can
 */

/**
 * A row of metrics.jsonl, as far as it is drawn.
 * @typedef {object} Row
 * @property {number} round
 * @property {number} seconds
 * @property {number} [modelSeconds]
 * @property {number | null} loss
 * @property {number | null} gradNormSq
 * @property {{ frameBytes: number }} uplink
 * @property {{ frameBytes: number }} downlink
 * @property {Record<string, number | null>} [metrics]
 * @property {Record<string, number | null>} [validation]
 * @property {{ worker: number, answers: number, seconds: number }[]} [late]
 */

/**
 * @typedef {object} Progress
 * @property {number} round
 * @property {number} seconds
 * @property {number} uplinkBytes
 * @property {number} downlinkBytes
 */

/**
 * @typedef {object} Meters
 * @property {number} round
 * @property {number} seconds
 * @property {number} restarts
 * @property {number[]} roundTimes
 * @property {number} roundSeconds
 * @property {{ downlink: number, waiting: number, uplink: number, step: number }} shares
 * @property {{ dense: number, compressed: number }} uplink
 * @property {{ dense: number, compressed: number }} downlink
 * @property {{ uplinkBytes: number[], downlinkBytes: number[], computeSeconds: number[], waitedSeconds: number[], losses: number[] }} workers
 */

/** What the server refuses, or `gone` when it does not answer. */
export class ApiError extends Error {
  constructor(/** @type {string} */ code, /** @type {string} */ message) {
    super(message);
    this.code = code;
  }
}

/** An address below the page's own. */
export const urlOf = (/** @type {string} */ path) => new URL(path, document.baseURI).href;

/** The path of a run. */
export const runPath = (/** @type {string} */ id) => `runs/${encodeURIComponent(id)}`;

/**
 * Asks the server.
 * @param {string} path Below the page's own.
 * @param {{ method?: string, body?: unknown }} [request]
 * @returns {Promise<any>} What it answers, read as JSON; undefined when the answer is empty.
 * @throws {ApiError}
 */
export async function ask(path, { method = 'GET', body } = {}) {
  /** @type {Response} */
  let response;
  let text = '';
  try {
    response = await fetch(urlOf(path), {
      method,
      cache: 'no-store',
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    text = await response.text();
  } catch {
    throw new ApiError('gone', 'the server does not answer');
  }
  /** @type {any} */
  let answer;
  try {
    answer = text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new ApiError('internal', `the server's answer cannot be read (${response.status})`);
  }
  if (!response.ok)
    throw new ApiError(answer?.code ?? 'internal', answer?.message ?? `the server answered ${response.status}`);
  return answer;
}

/**
 * Hands the token of the address's fragment to the server, which answers with a cookie, and takes it out of the address.
 * @throws {ApiError} when the server does not know the token
 */
export async function openSession() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  history.replaceState(history.state, '', `${location.pathname}${location.search}`);
  await ask('session', { method: 'POST', body: { token } });
}
