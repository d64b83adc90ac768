import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinRun, type TrainOptions, train } from '@flotilla/server';
import { createUser } from '@nats-io/nkeys';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Broker, hasBroker } from './nats-broker.js';

const JOB: TrainOptions = { problem: 'heterogeneous-quadratic:d=20', workers: 4, rounds: 30, seed: 'safe' };
const expected = () => train({ ...JOB, transport: 'loopback' }).result;

test.each([
  ['nats://broker.example:4222', {}, /is not on this machine: it needs credentials/],
  ['nats://broker.example:4222', { token: 'file' }, /is not on this machine: it must be tls/],
  ['nats://10.0.0.1:4222', {}, /is not on this machine/],
  ['nats://127.0.0.1:4222,nats://10.0.0.1:4222', {}, /"nats:\/\/10.0.0.1:4222" is not on this machine/],
  ['nats://user:secret@127.0.0.1:4222', {}, /credentials are in files/],
  ['http://127.0.0.1:4222', {}, /must be nats:\/\/HOST:PORT/],
  ['nats://127.0.0.1:4222/path', {}, /must be nats:\/\/HOST:PORT/],
])('the broker %s %o is refused before anybody connects', async (url, more, words) => {
  await expect(joinRun({ nats: { url, ...more }, run: 'r' })).rejects.toMatchObject({ code: 'usage', message: words });
});

test.each(['', 'a.b', 'a b', '*', '>', 'x'.repeat(65)])('a run cannot be called %j', async (run) => {
  const options = { ...JOB, transport: 'nats', nats: 'nats://127.0.0.1:1', run } as const;
  await expect((async () => train(options).result)()).rejects.toMatchObject({ code: 'usage' });
  // before there is a connection that would keep the process
  await expect(joinRun({ nats: { url: options.nats }, run })).rejects.toMatchObject({ code: 'usage' });
});

describe.skipIf(!hasBroker)('with a broker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-safe-'));
  const brokers: Broker[] = [];
  const brokerWith = async (lines: string) => {
    const broker = await Broker.start({ more: lines });
    brokers.push(broker);
    return broker;
  };
  afterAll(async () => {
    for (const broker of brokers) await broker.close();
    rmSync(folder, { recursive: true });
  });
  /** NAME.key and NAME.pem, signed by itself. */
  const makeCertificate = (name: string, subject: string, alternative: string) => {
    const out = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)];
    const about = ['-subj', `/CN=${subject}`, '-addext', `subjectAltName=${alternative}`];
    const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
    const made = spawnSync('openssl', ['req', ...kind, ...out, ...about]);
    expect(made.status, `${made.stderr}`).toBe(0);
  };
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };

  describe('every party with an NKey, and with its own subjects alone', () => {
    const keys = Object.fromEntries(
      ['server', 'low', 'high'].map((name) => {
        const pair = createUser();
        return [name, { id: pair.getPublicKey(), seed: file(`${name}.nk`, new TextDecoder().decode(pair.getSeed())) }];
      }),
    );
    const seed = (name: string) => keys[name]?.seed as string;
    let broker: Broker;
    beforeAll(async () => {
      const hostOf = (workers: readonly number[]) => ({
        publish: ['flotilla.safe.join', ...workers.map((worker) => `flotilla.safe.up.${worker}`)],
        subscribe: [
          'flotilla.safe.offer',
          'flotilla.safe.all',
          ...workers.map((worker) => `flotilla.safe.down.${worker}`),
        ],
      });
      const permissions = {
        server: { publish: ['flotilla.safe.>'], subscribe: ['flotilla.safe.join', 'flotilla.safe.up.*'] },
        low: hostOf([0, 1]),
        high: hostOf([2, 3]),
      };
      const users = Object.entries(permissions).map(([name, permission]) =>
        JSON.stringify({ nkey: keys[name]?.id, permissions: permission }),
      );
      broker = await brokerWith(`authorization: { users: [${users.join(', ')}] }\n`);
    });

    test('a run, and a host that asks for the workers of another one: the broker refuses it', async () => {
      const nats = (name: string) => ({ url: broker.url, nkey: seed(name) });
      const log: string[] = [];
      const logger = { debug: () => {}, error: () => {}, info: (_: object, line: string) => log.push(line) };
      const running = train({
        ...JOB,
        transport: 'nats',
        nats: broker.url,
        run: 'safe',
        natsNkey: seed('server'),
        logger,
      });
      const said: string[] = [];
      const stop = new AbortController();
      const thief = joinRun({
        nats: nats('high'),
        run: 'safe',
        workers: { from: 0, to: 1 },
        signal: stop.signal,
        onNote: (line) => {
          said.push(line);
          if (line.startsWith('the broker refuses')) stop.abort();
        },
      });
      await thief;
      expect(said.join('\n')).toMatch(
        /the broker refuses: .*ermissions .*iolation for (Subscription|Publish).*flotilla\.safe\.(down|up)\.[01]/,
      );
      await vi.waitFor(() => expect(log.join('\n')).toContain('waiting for workers 0 to 3'), 20_000);
      const hosts = [
        joinRun({ nats: nats('low'), run: 'safe', workers: { from: 0, to: 1 } }),
        joinRun({ nats: nats('high'), run: 'safe', workers: { from: 2, to: 3 } }),
      ];
      const { xHash } = await running.result;
      await Promise.all(hosts);
      expect(xHash).toBe((await expected()).xHash);
    });

    test('a stranger without a key is not let in, and is told so', async () => {
      const joined = joinRun({ nats: { url: broker.url }, run: 'safe' });
      await expect(joined).rejects.toMatchObject({
        code: 'io',
        message: /no connection to the broker at .*uthorization/,
      });
    });
  });

  test.each([
    ['localhost', 'DNS', '127.0.0.1'],
    ['127.0.0.1', 'IP', 'localhost'],
  ])(
    'TLS with a broker called %s: with the right certificates a run, with others none',
    async (host, kind, another) => {
      for (const name of ['right', 'other']) {
        makeCertificate(name, host, `${kind}:${host}`);
      }
      const pem = (name: string) => join(folder, `${name}.pem`);
      const broker = await brokerWith(
        `tls: { cert_file: "${pem('right')}", key_file: "${join(folder, 'right.key')}" }\nauthorization: { token: "a word" }\n`,
      );
      const url = broker.url.replace('nats://127.0.0.1', `tls://${host}`);
      const token = file('token', 'a word\n');
      const nats = { url, token, ca: pem('right') };
      const options = { ...JOB, transport: 'nats', nats: url, run: 'tls', natsToken: token } as const;
      const [, { xHash }] = await Promise.all([
        joinRun({ nats, run: 'tls' }),
        train({ ...options, natsCa: pem('right') }).result,
      ]);
      expect(xHash).toBe((await expected()).xHash);
      await expect(train({ ...options, natsCa: pem('other') }).result).rejects.toMatchObject({
        code: 'io',
        message: /self-signed certificate/,
      });
      await expect(
        train({ ...options, nats: url.replace(host, another), natsCa: pem('right') }).result,
      ).rejects.toMatchObject({ code: 'io', message: /does not match certificate/ });
      await expect(
        train({ ...options, natsCa: pem('right'), natsToken: file('wrong', 'no') }).result,
      ).rejects.toMatchObject({ code: 'io', message: /uthorization/ });
    },
  );

  test('a cluster listed by addresses, with TLS: a certificate must be for one of them', async () => {
    for (const [name, address] of [
      ['listed', '127.0.0.2'],
      ['stranger', '127.0.0.3'],
    ]) {
      makeCertificate(name, 'broker', `IP:${address}`);
    }
    const token = file('cluster-token', 'a word\n');
    const joined = async (name: string) => {
      const at = (end: string) => join(folder, `${name}.${end}`);
      const more = `tls: { cert_file: "${at('pem')}", key_file: "${at('key')}" }\nauthorization: { token: "a word" }\n`;
      const broker = await Broker.start({ more, address: '127.0.0.2' });
      brokers.push(broker);
      // the first one is not there
      const nats = { url: `tls://127.0.0.1:1,tls://127.0.0.2:${broker.port}`, token, ca: at('pem') };
      const run = `cluster-${name}`;
      const joining = joinRun({ nats, run });
      const options = { ...JOB, transport: 'nats', nats: nats.url, run, natsToken: token, natsCa: at('pem') } as const;
      const [, { xHash }] = await Promise.all([joining, train(options).result]);
      return xHash;
    };
    expect(await joined('listed')).toBe((await expected()).xHash);
    await expect(joined('stranger')).rejects.toMatchObject({ code: 'io', message: /does not match certificate/ });
  });

  test('what strangers publish on the subjects of a run changes nothing, and opens nothing', async () => {
    const broker = await brokerWith('');
    const stranger = await connect({ servers: `127.0.0.1:${broker.port}` });
    const log: string[] = [];
    const logger = { debug: () => {}, error: () => {}, info: (_: object, line: string) => log.push(line) };
    const running = train({ ...JOB, rounds: 300, transport: 'nats', nats: broker.url, run: 'open', logger });
    const junk = [
      new Uint8Array(0),
      new Uint8Array(5),
      new Uint8Array(40).fill(255),
      new Uint8Array(40).fill(1),
      new Uint8Array(900_000).fill(5),
    ];
    const noise = setInterval(() => {
      for (const subject of ['join', 'up.0', 'up.3', 'up.99', 'up.x', 'offer', 'all', 'down.0']) {
        for (const message of junk) stranger.publish(`flotilla.open.${subject}`, message);
      }
    }, 200);
    const host = joinRun({ nats: { url: broker.url }, run: 'open' });
    const { xHash } = await running.result;
    clearInterval(noise);
    await host;
    await stranger.close();
    expect(xHash).toBe((await train({ ...JOB, rounds: 300, transport: 'loopback' }).result).xHash);
    expect(log.length, 'a stranger cannot fill the log').toBeLessThan(120);
    expect(log.join('\n')).toContain('a message was dropped');
  });
});
