import { isIP } from 'node:net';
import { UsageError } from '@flotilla/core';

/** Where the broker is, and how to be let in. */
export interface NatsOptions {
  /** `nats://HOST:PORT`, or `tls://HOST:PORT`; several with commas between them for a cluster. */
  readonly url: string;
  /** A file with an NKey's seed (`SU…`). */
  readonly nkey?: string | undefined;
  /** A file with a token. */
  readonly token?: string | undefined;
  /** A file with certificates that the broker's must be signed by; with it the connection is encrypted. */
  readonly ca?: string | undefined;
}

export const URL_FORM = /^(nats|tls):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?$/;

/** Checks what can be checked without a connection. @throws UsageError */
export function checkNats({ url, nkey, token, ca }: NatsOptions): readonly string[] {
  const servers = url.split(',');
  for (const server of servers) {
    const [, scheme, host = ''] = URL_FORM.exec(server) ?? [];
    if (scheme === undefined) {
      throw new UsageError(
        `nats ${JSON.stringify(server)} must be nats://HOST:PORT or tls://HOST:PORT; credentials are in files`,
      );
    }
    const name = host.replace(/^\[|\]$/g, '');
    const isLocal = name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
    if (!isLocal && nkey === undefined && token === undefined) {
      throw new UsageError(
        `nats ${JSON.stringify(server)} is not on this machine: it needs credentials (an NKey's seed or a token)`,
      );
    }
    if (!isLocal && scheme !== 'tls' && ca === undefined) {
      throw new UsageError(`nats ${JSON.stringify(server)} is not on this machine: it must be tls://`);
    }
  }
  return servers;
}
