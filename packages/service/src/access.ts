import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from './errors.js';

/** Names under which a machine knows itself. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
/** Headers of a proxy: the other end of its socket is not who asks. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'via'];

export interface AccessOptions {
  /** What a request must have; without one only requests of this machine are answered. */
  readonly token?: string | undefined;
  /** Names under which the service is reached, beside those of loopback. */
  readonly hosts?: readonly string[] | undefined;
  /** Where its cookie holds. */
  readonly path: string;
}

/**
 * Who may ask. A request is refused: when its Host is none of ours, as after DNS rebinding; when a page of another origin sends it;
 * without a token, when it comes from another machine or through a proxy; with one, when it has neither the token nor the
 * cookie that is given for it.
 */
export class Access {
  readonly #hosts: ReadonlySet<string>;
  readonly #token: Buffer | undefined;
  /** Follows from the token, and tells nothing of it: it outlives a restart, and no change of the token. */
  readonly #session: string;
  /** A name for each token, as a browser has one jar of cookies for all ports of a machine. */
  readonly #cookie: string;

  constructor(private readonly options: AccessOptions) {
    this.#hosts = new Set([...LOOPBACK_NAMES, ...(options.hosts ?? [])].map((name) => name.toLowerCase()));
    this.#token = options.token === undefined ? undefined : digest(options.token);
    const derive = (what: string) =>
      createHmac('sha256', options.token ?? '')
        .update(what)
        .digest('base64url');
    this.#session = derive('flotilla session');
    this.#cookie = `flotilla-${derive('flotilla cookie').slice(0, 8)}`;
  }

  /** What every request has to be, one for the page too, which is no secret. @throws ServiceError `forbidden` */
  checkOrigin({ raw, headers, method }: FastifyRequest): void {
    const { host = '', origin } = headers;
    if (!this.#hosts.has(nameOf(host))) throw new ServiceError('forbidden', 'this Host is not served here');
    const isLocal = isLoopback(raw.socket.remoteAddress) && !PROXY_HEADERS.some((name) => name in headers);
    if (this.#token === undefined && !isLocal) {
      throw new ServiceError('forbidden', 'without a token only this machine is answered');
    }
    const reads = method === 'GET' || method === 'HEAD';
    const site = headers['sec-fetch-site'];
    // a link that somebody follows is no attack, and leads to nothing that a page elsewhere could read
    const isFollowed = reads && headers['sec-fetch-mode'] === 'navigate';
    const isOwnSite = site === undefined || site === 'same-origin' || site === 'none' || isFollowed;
    const isOwnOrigin =
      origin === undefined || /^https?:\/\/(.*)$/i.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase();
    if (!isOwnSite || (!reads && !isOwnOrigin)) throw new ServiceError('forbidden', 'another origin may not ask this');
  }

  /** @throws ServiceError `unauthorized` */
  checkToken({ headers }: FastifyRequest, reply: FastifyReply): void {
    if (this.#token === undefined) return;
    const [, bearer] = /^Bearer +([^ ]+)$/i.exec(headers.authorization ?? '') ?? [];
    if (bearer !== undefined && this.#isToken(bearer)) return;
    const cookie = cookieOf(headers.cookie, this.#cookie);
    if (cookie !== undefined && timingSafeEqual(digest(cookie), digest(this.#session))) return;
    reply.header('www-authenticate', 'Bearer');
    throw new ServiceError('unauthorized', 'the token is missing, or another one');
  }

  /** Gives the cookie for the token. @throws ServiceError `unauthorized` */
  openSession(token: string, request: FastifyRequest, reply: FastifyReply): void {
    if (this.#token === undefined) return;
    if (!this.#isToken(token)) throw new ServiceError('unauthorized', 'the token is another one');
    const secure = request.protocol === 'https' ? '; Secure' : '';
    const cookie = `${this.#cookie}=${this.#session}; Path=${this.options.path}; HttpOnly; SameSite=Strict${secure}`;
    reply.header('set-cookie', cookie);
  }

  #isToken(text: string): boolean {
    return this.#token !== undefined && timingSafeEqual(digest(text), this.#token);
  }
}

/** Digests have one length, and comparing them takes one time. */
const digest = (text: string) => createHash('sha256').update(text).digest();

/** A Host without its port. */
const nameOf = (host: string) => host.replace(/:\d{1,5}$/, '').toLowerCase();

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/.test(address);
}

function cookieOf(header: string | undefined, wanted: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === wanted) return value;
  }
  return undefined;
}
