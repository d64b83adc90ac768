import { fork } from 'node:child_process';
import { on } from 'node:events';
import { Agent, get } from 'node:http';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { FlotillaError, type Runtime } from '@flotilla/core';
import type { TrainOptions } from '@flotilla/server';
import { median } from '../report/statistics.js';
import { numberOption } from '../terminal/command-line.js';
import type { Bench } from './bench.js';
import type { HostReply, HostTask, LoopDelay } from './embed-host.js';

const JOBS: Readonly<Record<string, TrainOptions | undefined>> = {
  idle: undefined,
  'the default job': {},
  'the same, a thread a core': { threads: 'auto' },
  'gradient descent': { method: 'gd' },
  'short rounds': { problem: 'heterogeneous-quadratic:d=112', method: 'm3', workers: 20 },
};
/** Milliseconds between two requests. */
const BETWEEN = 10;

interface Turn {
  readonly starting: LoopDelay;
  readonly delay: LoopDelay;
  readonly rounds: number;
  /** Milliseconds from a request to its answer. */
  readonly requests: readonly number[];
}

/** Whether a host that trains still answers. */
export const embed: Bench = {
  name: 'embed',
  summary: 'how late the event loop of a service is while it trains, and how long its requests take, beside idle',
  options: { seconds: 'of each turn (default 10)', turns: 'of each job (default 5)' },
  async run({ quick, smoke, log, options, runtime }) {
    const positive = (value: number) => value > 0 && value <= 3600;
    const seconds =
      numberOption('seconds', options.seconds, 'a number up to 3600', positive) ?? (smoke ? 0.5 : quick ? 3 : 10);
    const isCount = (value: number) => Number.isInteger(value) && value > 0 && value <= 1000;
    const turns =
      numberOption('turns', options.turns, 'a whole number from 1 to 1000', isCount) ?? (smoke ? 1 : quick ? 2 : 5);
    const jobs = Object.entries(JOBS).slice(0, smoke ? 2 : undefined);
    const found = new Map<string, Turn[]>(jobs.map(([name]) => [name, []]));
    const host = startHost();
    try {
      const { port } = await host.next('listening');
      for (let turn = 0; turn < turns; turn++) {
        for (const [name, job] of jobs) {
          found.get(name)?.push(await measure(host, port, { seconds, options: job }, runtime));
        }
        log(`turn ${turn + 1} of ${turns} is over`);
      }
    } finally {
      host.kill();
    }
    const rows = Array.from(found, ([name, list]) => ({ name, ...pooled(list), seconds, turns }));
    const [idle] = rows;
    return {
      results: rows,
      tables: [
        {
          title: `Milliseconds between two turns of a timer of 1 ms in the host, and from a request to its answer, on ${availableParallelism()} cores`,
          columns: [
            'the host',
            'p50',
            'p50 over idle',
            'p99',
            'max',
            'request p50',
            'p99',
            'max',
            'starting: max',
            'rounds/s',
          ],
          rows: rows.map((row) => [
            ...[row.name, ms(row.p50), ms(row.p50 - (idle?.p50 ?? 0)), ms(row.p99), ms(row.max)],
            ...[ms(row.requestP50), ms(row.requestP99), ms(row.requestMax), ms(row.startingMax), row.pace.toFixed(1)],
          ]),
        },
      ],
      notes: [
        `${turns} turns of ${seconds} s for each row, one after the other; p50 and p99 of the loop are medians over turns, max is over all of them. A request goes out every ${BETWEEN} ms from another process of the same machine, which waits for a core itself.`,
        'starting: the longest pause from the call of train() to the first round.',
      ],
    };
  },
};

/** The host's process, and what it says in turn. */
function startHost() {
  const process = fork(fileURLToPath(new URL('./embed-host.js', import.meta.url)));
  const replies = on(process, 'message', { close: ['exit'] });
  return {
    send: (task: HostTask) => process.send(task),
    kill: () => process.kill(),
    async next<T extends HostReply['type']>(type: T): Promise<Extract<HostReply, { type: T }>> {
      // not `for await`, which would close it behind the first one
      for (let got = await replies.next(); got.done !== true; got = await replies.next()) {
        const [reply] = got.value as [HostReply];
        if (reply.type === type) return reply as Extract<HostReply, { type: T }>;
      }
      throw new FlotillaError('internal', 'the host of the bench has ended');
    },
  };
}

async function measure(host: Host, port: number, task: HostTask, runtime: Runtime): Promise<Turn> {
  host.send(task);
  await host.next('begun');
  const requests: number[] = [];
  const agent = new Agent({ keepAlive: true });
  const ask = () => {
    const from = runtime.now();
    const request = get({ port, host: '127.0.0.1', agent }, (response) => {
      response.resume().on('end', () => requests.push(runtime.now() - from));
    });
    // of a host that has ended it is told otherwise
    request.on('error', () => undefined);
  };
  const asking = setInterval(ask, BETWEEN);
  try {
    const { starting, delay, rounds } = await host.next('ended');
    clearInterval(asking);
    await host.next('free');
    return { starting, delay, rounds: rounds / task.seconds, requests };
  } finally {
    clearInterval(asking);
    agent.destroy();
  }
}

type Host = ReturnType<typeof startHost>;

function pooled(turns: readonly Turn[]) {
  const requests = turns.flatMap((turn) => turn.requests).sort((a, b) => a - b);
  const at = (share: number) =>
    requests[Math.min(requests.length - 1, Math.floor(share * requests.length))] ?? Number.NaN;
  const middle = (of: (turn: Turn) => number) => median(turns.map(of));
  return {
    p50: middle(({ delay }) => delay.p50),
    p99: middle(({ delay }) => delay.p99),
    max: Math.max(...turns.map(({ delay }) => delay.max)),
    startingMax: Math.max(...turns.map(({ starting }) => starting.max)),
    requestP50: at(0.5),
    requestP99: at(0.99),
    requestMax: at(1),
    requests: requests.length,
    pace: middle(({ rounds }) => rounds),
  };
}

const ms = (value: number) => value.toFixed(2);
