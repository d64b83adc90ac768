import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { train } from '@flotilla/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flotilla } from './command-line.js';
import { Broker, hasBroker } from './nats-broker.js';
import { Command } from './nats-command.js';

// Real processes and a real broker: a server, hosts, and what happens to each of them. The oracle: same options and seed, same x.

test('--seeds would leave all seeds but the first without hosts, and is refused', async () => {
  const words = 'start --seeds 0..1 --transport nats --nats nats://127.0.0.1:1 --run many';
  const { code, stderr } = await flotilla(words.split(' '), tmpdir());
  expect(code).toBe(2);
  expect(stderr).toMatch(/^flotilla: --seeds and --transport nats cannot both be given: .*\n$/);
});

const JOB = ['--problem', 'heterogeneous-quadratic:d=300', '--workers', '8', '--seed', 'over a broker'];

describe.skipIf(!hasBroker)('a run over a broker', () => {
  let folder = '';
  let broker: Broker;
  const running: Command[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flotilla-nats-'));
    broker = await Broker.start();
  });
  afterAll(async () => {
    for (const command of running) await command.kill();
    await broker.close();
    rmSync(folder, { recursive: true });
  });

  let runs = 0;
  const start = (words: readonly string[], variables = {}) => {
    const command = new Command(folder, words, variables);
    running.push(command);
    return command;
  };
  const host = (run: string, workers: string, more: readonly string[] = [], variables = {}) =>
    start(['worker', '--nats', broker.url, '--run', run, '--workers', workers, '--threads', '1', ...more], variables);
  const serve = (run: string, words: readonly string[]) =>
    start(['start', ...JOB, '--transport', 'nats', '--nats', broker.url, '--run', run, '--out', run, ...words]);
  const summary = (run: string) => JSON.parse(readFileSync(join(folder, run, 'summary.json'), 'utf8'));
  const expected = (more: object) =>
    train({
      problem: JOB[1] as string,
      workers: 8,
      seed: 'over a broker',
      transport: 'loopback',
      checksum: 'on',
      ...more,
    }).result;

  test.each(['m3', 'marina --uplink perm-k', 'pp-marina:sampled=3', 'diana --wire f64', 'core', 'm3 --precision f32'])(
    'two hosts, %s: the x, the bytes and the counters of one process',
    async (words) => {
      const [method, option, value] = words.split(' ') as [string, string?, string?];
      const run = `plain-${runs++}`;
      const hosts = [host(run, '0..3'), host(run, '4..7')];
      const given = option === undefined ? [] : [option, value as string];
      const server = serve(run, ['--method', method, ...given, '--rounds', '40']);
      expect(await server.ended, server.said).toBe(0);
      for (const one of hosts) expect(await one.ended, one.said).toBe(0);
      const { xHash, uplink, downlink, gradientCalls } = await expected({
        method,
        rounds: 40,
        ...(option === undefined ? {} : { [option.slice(2)]: value }),
      });
      expect(summary(run)).toMatchObject({ xHash, uplink, downlink, gradientCalls, transport: 'nats' });
    },
  );

  test('the broker is killed, and comes back: nothing but time is lost', async () => {
    const run = `broker-${runs++}`;
    const hosts = [host(run, '0..3'), host(run, '4..7')];
    const server = serve(run, ['--rounds', '3000', '--eval-every', '100']);
    for (const round of [300, 900]) {
      await server.until(`round ${round} `);
      await broker.down();
      await setTimeout(700);
      await broker.up();
    }
    expect(await server.ended, server.said).toBe(0);
    for (const one of hosts) expect(await one.ended, one.said).toBe(0);
    expect(server.said).toContain('the connection to the broker is back');
    const { xHash } = await expected({ rounds: 3000, evalEvery: 100 });
    expect(summary(run).xHash).toBe(xHash);
    expect(summary(run).repeated, 'no worker was started again').toBeUndefined();
  });

  test('a host is killed, and another one comes in its place', async () => {
    const run = `host-${runs++}`;
    host(run, '0..3');
    const victim = host(run, '4..7');
    const server = serve(run, ['--rounds', '2000', '--eval-every', '100', '--checkpoint-every', '50']);
    await server.until('round 300 ');
    await victim.kill();
    const successor = host(run, '4..7');
    expect(await server.ended, server.said).toBe(0);
    expect(await successor.ended, successor.said).toBe(0);
    const { xHash } = await expected({ rounds: 2000, evalEvery: 100 });
    expect(summary(run)).toMatchObject({ xHash, repeated: { restarts: 1 } });
  });

  test('the server is killed, and goes on with the same hosts', async () => {
    const run = `server-${runs++}`;
    const hosts = [host(run, '0..3'), host(run, '4..7')];
    const server = serve(run, ['--rounds', '2000', '--eval-every', '100', '--checkpoint-every', '50']);
    await server.until('round 300 ');
    await server.kill();
    const again = start(['start', '--resume', run]);
    expect(await again.ended, again.said).toBe(0);
    for (const one of hosts) expect(await one.ended, one.said).toBe(0);
    const { xHash } = await expected({ rounds: 2000, evalEvery: 100 });
    expect(summary(run)).toMatchObject({ xHash, resumed: 1 });
    // and on threads, without the broker
    const further = start(['start', '--resume', run, '--rounds', '2100', '--transport', 'threads']);
    expect(await further.ended, further.said).toBe(0);
    expect(summary(run).xHash).toBe((await expected({ rounds: 2100, evalEvery: 100 })).xHash);
  });

  test('a host whose thread ends while it builds its shards is asked again, and so is the other one', async () => {
    const run = `building-${runs++}`;
    const module = fileURLToPath(new URL('../../server/test/problems/tripping.js', import.meta.url));
    const problem = `${module}:marker=${join(folder, run)},how=exit,calls=0`;
    const hosts = [host(run, '0..3', ['--problem', problem]), host(run, '4..7', ['--problem', problem])];
    const server = serve(run, ['--problem', problem, '--rounds', '10', '--round-timeout', '20']);
    expect(await server.ended, server.said).toBe(0);
    for (const one of hosts) expect(await one.ended, one.said).toBe(0);
    expect(summary(run)).toMatchObject({ rounds: 10, repeated: { restarts: 1 } });
  });

  test('a run that no host comes to ends, and says whom it waited for', async () => {
    const server = serve(`nobody-${runs++}`, ['--rounds', '10', '--round-timeout', '1.5']);
    expect(await server.ended).toBe(1);
    expect(server.said).toContain('no host came for workers 0 to 7 within 1.5 s');
  });

  test('hosts without the data are sent them, where the server says so; they leave no file', async () => {
    const data = join(folder, 'samples.svm.csv');
    // several megabytes: in pieces, and asked for more than once
    const row = (s: number) => Array.from({ length: 12 }, (_, j) => Math.sin(s * (j + 1)).toFixed(15)).join(',');
    writeFileSync(data, Array.from({ length: 25_000 }, (_, s) => `${row(s)},${s % 2}`).join('\n'));
    const run = `sent-${runs++}`;
    const words = ['--problem', 'logistic', '--data', data, '--rounds', '5'];
    // the others' temporary files are elsewhere
    const temporary = mkdtempSync(join(folder, 'tmp-'));
    const hosts = ['0..1', '2..3'].map((workers) => host(run, workers, [], { TMPDIR: temporary }));
    // a copy of one's own has another path, and the same contents
    const copy = join(folder, 'copy.csv');
    copyFileSync(data, copy);
    hosts.push(host(run, '4..7', ['--data', copy]));
    const server = serve(run, [...words, '--send-data']);
    expect(await server.ended, server.said).toBe(0);
    for (const one of hosts) expect(await one.ended, one.said).toBe(0);
    expect(hosts[0]?.said).toContain(`the server sends the data: ${statSync(data).size} bytes`);
    expect(readdirSync(temporary)).toEqual([]);
    const { xHash } = await expected({ problem: 'logistic', data, rounds: 5 });
    expect(summary(run)).toMatchObject({ xHash, broker: { sent: { data: 2 * statSync(data).size } } });
    // and where it does not say so, they have none
    const silent = `unsent-${runs++}`;
    const without = host(silent, '0..7');
    const alone = serve(silent, [...words, '--round-timeout', '5']);
    expect(await without.ended, without.said).toBe(2);
    await alone.kill();
  });

  test('a host with other data or other code is not taken, and both sides say why', async () => {
    const run = `other-${runs++}`;
    const server = serve(run, ['--rounds', '10']);
    await server.until('waiting for workers 0 to 7');
    const wrong = host(run, '0..3', ['--problem', 'heterogeneous-quadratic:d=30']);
    expect(await wrong.ended).toBe(2);
    expect(wrong.said).toMatch(/--problem "heterogeneous-quadratic:d=30" is not the run's/);
    await server.until('does not take part: --problem');
    const beyond = host(run, '4..8');
    expect(await beyond.ended).toBe(2);
    expect(beyond.said).toContain('the run has workers 0 to 7');
    const hosts = [host(run, '0..3'), host(run, '4..7')];
    expect(await server.ended, server.said).toBe(0);
    for (const one of hosts) expect(await one.ended, one.said).toBe(0);
  });
});
