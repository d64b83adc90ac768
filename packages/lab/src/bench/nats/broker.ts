import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlotillaError } from '@flotilla/core';

/** Whether there is a broker on this machine. */
export const hasBroker = (): boolean => spawnSync('nats-server', ['--version']).status === 0;

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A connection of a broker, by its own count of payload bytes. */
export interface Connection {
  readonly name: string;
  readonly in_bytes: number;
  readonly out_bytes: number;
}

interface BrokerOptions {
  /** Further lines of its configuration. */
  readonly more?: string | undefined;
  readonly port?: number | undefined;
  /** 127.0.0.1 when left out. */
  readonly address?: string | undefined;
  /** A command that runs what follows it elsewhere, as in a namespace. */
  readonly within?: readonly string[] | undefined;
  /** Where its folder is made: among temporary ones when left out. */
  readonly parent?: string | undefined;
}

/** nats-server in a process of its own. */
export class Broker {
  readonly folder: string;
  #process: ChildProcess | undefined;

  private constructor(
    readonly address: string,
    readonly port: number,
    private readonly monitoring: number,
    private readonly more: string,
    private readonly within: readonly string[],
    parent: string,
  ) {
    this.folder = mkdtempSync(join(parent, 'flotilla-broker-'));
  }

  /** @throws FlotillaError with what it says, where it does not come up */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const { more = '', port = await freePort(), address = '127.0.0.1', within = [], parent = tmpdir() } = options;
    const broker = new Broker(address, port, await freePort(), more, within, parent);
    await broker.up();
    return broker;
  }

  get url(): string {
    return `nats://${this.address}:${this.port}`;
  }

  async up(): Promise<void> {
    const path = join(this.folder, 'nats.conf');
    writeFileSync(path, `listen: "${this.address}:${this.port}"\nhttp: "127.0.0.1:${this.monitoring}"\n${this.more}`);
    const [command = '', ...words] = [...this.within, 'nats-server', '-c', path];
    const child = spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-2000);
        if (said.includes('Server is ready')) resolve();
      });
      const failed = () => reject(new FlotillaError('io', `nats-server does not come up: ${said.trim()}`));
      child.once('error', failed);
      child.once('exit', failed);
    });
  }

  /** As a crash: SIGKILL. */
  async down(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async connections(): Promise<readonly Connection[]> {
    const answer = await fetch(`http://127.0.0.1:${this.monitoring}/connz?state=all`);
    return ((await answer.json()) as { connections: Connection[] }).connections;
  }

  /** Milliseconds of processor time so far; undefined where /proc does not say. */
  get cpuMs(): number | undefined {
    return cpuMsOf(this.#process?.pid);
  }
}

/** Milliseconds of processor time that a process has had; undefined where /proc does not say. */
export function cpuMsOf(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // user and system time, in hundredths of a second on every Linux there is
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return undefined;
  }
}
