import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { UsageError } from '@flotilla/core';
import { reasonOf } from '@flotilla/core/internal';
import type { Run } from '@flotilla/server';
import { type Dashboard, openDashboard, RunFeed } from '@flotilla/service';
import { renderReport } from '../report/index.js';
import { numberOption } from '../terminal/command-line.js';
import { interruptible } from '../terminal/interrupt.js';

/** By when readers that are still there have been told that the run has ended, in ms. */
const TOLD_MS = 600;
const LOOK_MS = 300;

/**
 * The port that `--dashboard` or `--port` gives, 0 for none, once it is known to be free: nothing is trained for a page that nobody
 * will see. @throws UsageError
 */
export async function freePort(option: string, text: string | undefined): Promise<number> {
  const fits = (value: number) => Number.isInteger(value) && value >= 1 && value <= 65535;
  const given = text === '' ? undefined : text;
  const port = numberOption(option, given, 'a port, a whole number from 1 to 65535', fits) ?? 0;
  if (port === 0) return port;
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (cause) {
    throw new UsageError(
      `--${option} ${port} cannot be had: ${reasonOf(cause)}; without a number any that is free is taken`,
      {
        cause,
      },
    );
  }
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The page of a run that this process trains. */
export class LivePage {
  readonly #feed = new RunFeed();
  readonly #stop = new AbortController();
  #dashboard: Dashboard | undefined;

  private constructor(private readonly port: number) {}

  /** @param port As it was given; empty for any that is free. @throws UsageError */
  static async prepare(port: string): Promise<LivePage> {
    return new LivePage(await freePort('dashboard', port));
  }

  /** What the run tells the page. */
  get callbacks() {
    return this.#feed.callbacks;
  }

  /** Fires when somebody stops the run on the page. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** Opens the page, and says where. */
  async open(folder: string, run: Run, say: (text: string) => void): Promise<void> {
    const stop = () => this.#stop.abort();
    try {
      this.#dashboard = await openDashboard({
        port: this.port,
        report: renderReport,
        runs: [{ folder, run, feed: this.#feed, stop }],
      });
    } catch (error) {
      run.terminate();
      throw error;
    }
    say(`dashboard: ${this.#dashboard.url}`);
  }

  /** Closes it when its readers know how the run has ended. */
  async close(): Promise<void> {
    if (this.#dashboard === undefined) return;
    if ((await this.#dashboard.connections()) > 0) await after(TOLD_MS);
    await this.#dashboard.close();
  }

  /** Closes it when no browser shows it any more, or when the process is asked to end. */
  async closeUnwatched(): Promise<void> {
    const dashboard = this.#dashboard;
    if (dashboard === undefined) return;
    if ((await dashboard.connections()) > 0) {
      process.stderr.write(
        'dashboard: the run has ended; the page stays until it is closed in the browser, or Ctrl-C\n',
      );
      await interruptible(async (signal) => {
        while (!signal.aborted && (await dashboard.connections()) > 0) {
          await after(LOOK_MS, undefined, { signal }).catch(() => undefined);
        }
      });
    }
    await dashboard.close();
  }
}
