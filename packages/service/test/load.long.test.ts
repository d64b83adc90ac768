import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { json, LONG } from './host.js';

const READERS = 200;
const REQUESTS_A_SECOND = 50;
const SECONDS = Number(process.env.FLOTILLA_LOAD_SECONDS ?? 60);
const CLOCK_TICKS = 100;

const sleep = (ms: number) => new Promise((next) => setTimeout(next, ms));

/** Processor seconds of a process's first thread, and the memory of all in MB, as Linux counts them. */
function usageOf(pid: number) {
  const [, after = ''] = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8').split(') ');
  const fields = after.split(' ').map(Number);
  const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return { seconds: ((fields[11] ?? 0) + (fields[12] ?? 0)) / CLOCK_TICKS, megabytes: memory / 1024 };
}

it.skipIf(process.platform !== 'linux')(
  `${READERS} readers of events and ${REQUESTS_A_SECOND} requests a second take no more and more memory`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-load-'));
    const program = fileURLToPath(new URL('killed-host.js', import.meta.url));
    const host = spawn(process.execPath, ['--expose-gc', program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = host.pid ?? 0;
    try {
      const [line] = await once(host.stdout, 'data');
      const port = Number(line);
      const asked = { ...LONG, workers: 8, threads: 1, evalEvery: 50 };
      const { id } = (await (await fetch(`http://127.0.0.1:${port}/runs`, json(asked))).json()) as { id: string };
      await sleep(5000);
      /** Share of a core that the host's own thread takes. */
      const share = async (seconds: number) => {
        const [before, began] = [usageOf(pid).seconds, performance.now()];
        await sleep(1000 * seconds);
        return (100_000 * (usageOf(pid).seconds - before)) / (performance.now() - began);
      };
      const alone = await share(10);
      let bytes = 0;
      const sockets = Array.from({ length: READERS }, () => {
        const socket = connect(port, '127.0.0.1');
        socket.on('data', (piece) => {
          bytes += piece.length;
        });
        socket.on('error', () => undefined);
        socket.write(`GET /runs/${id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        return socket;
      });
      const readers = await share(10);
      const agent = new Agent({ keepAlive: true });
      let answered = 0;
      const ask = () =>
        get({ port, host: '127.0.0.1', path: `/runs/${id}`, agent }, (response) => {
          response.resume();
          answered += response.statusCode === 200 ? 1 : 0;
        }).on('error', () => undefined);
      const asking = setInterval(ask, 1000 / REQUESTS_A_SECOND);
      await sleep(5000);
      /** MB that the host's own thread has reached, in its heap. */
      const heap = async () => {
        host.kill('SIGUSR2');
        const [bytesUsed] = await once(host.stdout, 'data');
        return Number(bytesUsed) / 1e6;
      };
      const before = await heap();
      const both = await share(SECONDS);
      const grown = (await heap()) - before;
      clearInterval(asking);
      agent.destroy();
      for (const socket of sockets) socket.destroy();
      const percent = (value: number) => `${value.toFixed(1)} %`;
      console.log(
        `the host's own thread, of a core: ${percent(alone)} for the run alone, ${percent(readers)} with ${READERS} readers, ` +
          `${percent(both)} with ${REQUESTS_A_SECOND} requests a second too; ${answered} answers, ${(bytes / 1e6).toFixed(0)} MB of ` +
          `events; heap ${before.toFixed(1)} MB, ${grown.toFixed(1)} MB more after ${SECONDS} s, ${usageOf(pid).megabytes.toFixed(0)} MB in all`,
      );
      expect(bytes).toBeGreaterThan(READERS * 1000);
      expect(answered).toBeGreaterThan(SECONDS);
      // a run keeps its last 10,000 rows for readers of its own process
      expect(grown).toBeLessThan(20);
    } finally {
      host.kill('SIGKILL');
      await once(host, 'exit');
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
