import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { FlotillaError, UsageError } from '@flotilla/core';
import { messageOf } from '@flotilla/core/internal';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import { checkNats, type NatsOptions, URL_FORM } from './address.js';
import type { Wire, WireStatus } from './wire.js';

function secretIn(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new UsageError(`${name} ${JSON.stringify(path)} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Connects to a broker. What is lost later is dialled again for ever.
 * @param name What the broker calls the connection.
 * @throws FlotillaError
 */
export async function connectNats(options: NatsOptions, name: string): Promise<Wire> {
  const servers = checkNats(options);
  const { nkey, token, ca } = options;
  let library: typeof import('@nats-io/transport-node');
  try {
    library = await import('@nats-io/transport-node');
  } catch (cause) {
    throw new UsageError(
      'the transport nats needs the package @nats-io/transport-node: npm install @nats-io/transport-node',
      { cause },
    );
  }
  const settings: ConnectionOptions = {
    servers: servers.map((server) => server.replace(/^(nats|tls):\/\//, '')),
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    pingInterval: 2_000,
    maxPingOut: 3,
    timeout: 5_000,
    noRandomize: true,
    // what was not named here has not been checked
    ignoreClusterUpdates: true,
  };
  if (nkey !== undefined)
    settings.authenticator = library.nkeyAuthenticator(new TextEncoder().encode(secretIn('nkey', nkey)));
  if (token !== undefined) settings.token = secretIn('token', token);
  if (ca !== undefined) settings.tls = { ca: secretIn('ca', ca), ...addressOf(servers) };
  else if (servers.some((server) => server.startsWith('tls:'))) settings.tls = addressOf(servers);
  let connection: NatsConnection;
  try {
    connection = await library.connect(settings);
  } catch (cause) {
    throw new FlotillaError('io', `no connection to the broker at ${options.url}: ${messageOf(cause)}`, { cause });
  }
  return wireOf(connection);
}

/**
 * What a certificate must be for, where brokers are called by addresses: the library says so for names alone. It does not say which of
 * several it has dialled: then the certificate must be for one of them.
 */
function addressOf(servers: readonly string[]): ConnectionOptions['tls'] & object {
  const hosts = servers.map((server) => URL_FORM.exec(server)?.[2]?.replace(/^\[|\]$/g, '') ?? '');
  const addresses = hosts.filter((host) => isIP(host) !== 0);
  if (addresses.length === 0) return {};
  const check = (dialled: string, certificate: PeerCertificate) => {
    // without a name Node takes localhost
    const isName = hosts.includes(dialled) && dialled !== 'localhost';
    const known = isName ? [dialled] : [...addresses, ...hosts.filter((host) => host === 'localhost')];
    const errors = known.map((host) => checkServerIdentity(host, certificate));
    return errors.includes(undefined) ? undefined : errors[0];
  };
  return { checkServerIdentity: check } as object;
}

function wireOf(connection: NatsConnection): Wire {
  let told: (status: WireStatus) => void = () => undefined;
  const follow = async () => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') told({ type: 'disconnected' });
      else if (status.type === 'reconnect') told({ type: 'connected' });
      else if (status.type === 'error') told({ type: 'refused', what: messageOf(status.error) });
    }
  };
  void follow();
  return {
    maxMessageBytes: connection.info?.max_payload ?? 1 << 20,
    publish(subject, message) {
      // lost while there is no connection: what matters is sent again
      if (!connection.isClosed()) connection.publish(subject, message);
    },
    subscribe(subject, take) {
      connection.subscribe(subject, {
        callback(error, message) {
          if (error === null) take(message.subject, message.data);
          else told({ type: 'refused', what: messageOf(error) });
        },
      });
    },
    onStatus(listener) {
      told = listener;
    },
    async close() {
      // what has been published goes out, and what is on its way here arrives
      await connection.drain().catch(() => connection.close());
    },
  };
}
