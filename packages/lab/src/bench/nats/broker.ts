import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { FlotillaError } from '@flotilla/core';

/** Whether there is a broker on this machine. */
export const hasBroker = (): boolean => spawnSync('nats-server', ['--version']).status === 0;

/** nats-server on loopback, in a process of its own. */
export class LocalBroker {
  #process: ChildProcess | undefined;

  private constructor(readonly port: number) {}

  static async start(): Promise<LocalBroker> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const broker = new LocalBroker((server.address() as AddressInfo).port);
    server.close();
    await once(server, 'close');
    await broker.up();
    return broker;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async up(): Promise<void> {
    this.#process = spawn('nats-server', ['-a', '127.0.0.1', '-p', `${this.port}`], { stdio: 'ignore' });
    for (let tries = 0; tries < 400; tries++) {
      const socket = connect(this.port, '127.0.0.1');
      const isThere = await Promise.race([
        once(socket, 'connect').then(
          () => true,
          () => false,
        ),
        setTimeout(500, false),
      ]);
      socket.destroy();
      if (isThere) return;
      await setTimeout(20);
    }
    throw new FlotillaError('io', 'nats-server does not come up');
  }

  async kill(): Promise<void> {
    const gone = this.#process && once(this.#process, 'exit');
    this.#process?.kill('SIGKILL');
    await gone;
  }

  /** Milliseconds of processor time so far; undefined where /proc does not say. */
  get cpuMs(): number | undefined {
    try {
      const stat = readFileSync(`/proc/${this.#process?.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // user and system time, in hundredths of a second on every Linux there is
      return 10 * (Number(fields[11]) + Number(fields[12]));
    } catch {
      return undefined;
    }
  }
}
