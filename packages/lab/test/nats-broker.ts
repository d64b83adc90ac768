import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Whether there is a broker to test with; said once where there is none. */
export const hasBroker = spawnSync('nats-server', ['--version']).status === 0;
if (!hasBroker) console.warn('tests with a broker are skipped: apt-get install -y --no-install-recommends nats-server');

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Connections of a broker, by its own count of payload bytes. */
export interface Connection {
  readonly name: string;
  readonly in_bytes: number;
  readonly out_bytes: number;
}

/** nats-server in a process of its own, on loopback. */
export class Broker {
  readonly folder = mkdtempSync(join(tmpdir(), 'flotilla-broker-'));
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    readonly monitoring: number,
    private readonly more: string,
  ) {}

  /** @param more Further lines of its configuration. */
  static async start(more = '', port?: number): Promise<Broker> {
    const broker = new Broker(port ?? (await freePort()), await freePort(), more);
    await broker.up();
    return broker;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async up(): Promise<void> {
    const path = join(this.folder, 'nats.conf');
    writeFileSync(path, `listen: 127.0.0.1:${this.port}\nhttp: 127.0.0.1:${this.monitoring}\n${this.more}`);
    this.#process = spawn('nats-server', ['-c', path], { stdio: 'ignore' });
    for (let k = 0; k < 200; k++) {
      const found = await fetch(`http://127.0.0.1:${this.monitoring}/healthz`).catch(() => undefined);
      if (found?.ok === true) return;
      await setTimeout(25);
    }
    throw new Error('nats-server does not come up');
  }

  /** As a crash: SIGKILL. */
  async down(): Promise<void> {
    const process = this.#process;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    const gone = once(process, 'exit');
    process.kill('SIGKILL');
    await gone;
  }

  async connections(): Promise<readonly Connection[]> {
    const answer = await fetch(`http://127.0.0.1:${this.monitoring}/connz?state=all`);
    return ((await answer.json()) as { connections: Connection[] }).connections;
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
