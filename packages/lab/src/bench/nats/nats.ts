// Long: one run of each bench, and what they have in common: brokers, hosts, what is counted.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlotillaError, type Runtime } from '@flotilla/core';
import { parseOptions, type TrainOptions, train } from '@flotilla/server';
import { Training } from '@flotilla/server/internal';
import { median } from '../../report/statistics.js';
import type { Bench, BenchContext } from '../bench.js';
import { bareRounds } from './bare.js';
import { Broker, cpuMsOf, hasBroker } from './broker.js';
import { tcpRounds } from './tcp.js';

const PROCESSES = 4;
/** n and bytes of a dense message. */
const SIZES = [
  { workers: 20, bytes: 100, rounds: 2000 },
  { workers: 20, bytes: 10_000, rounds: 1000 },
  { workers: 20, bytes: 100_000, rounds: 300 },
  { workers: 20, bytes: 10_000_000, rounds: 6 },
  { workers: 1000, bytes: 100, rounds: 200 },
];
const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

interface Row {
  readonly workers: number;
  /** Of a dense message. */
  readonly bytes: number;
  /** Milliseconds of the hosts' processor time a round and worker, and the most memory they had, megabytes a worker. */
  readonly hostCpu: number | undefined;
  readonly hostMegabytes: number | undefined;
  /** Bytes that the broker was handed a round. */
  readonly published: number;
  /** Milliseconds a round. */
  readonly threads: number;
  readonly tcp: number;
  /** The same through a broker, with nothing computed. */
  readonly bare: number;
  readonly nats: number;
  /** Milliseconds of the broker's processor time a round. */
  readonly broker: number | undefined;
  readonly hashesAgree: boolean;
}

/** What a broker between processes costs. */
export const nats: Bench = {
  name: 'nats',
  summary: `milliseconds a round with workers in ${PROCESSES} processes over NATS, beside threads and plain TCP; how fast it recovers`,
  async run(context) {
    const { log, quick, smoke } = context;
    if (!hasBroker()) {
      throw new FlotillaError(
        'usage',
        'bench nats needs nats-server: apt-get install -y --no-install-recommends nats-server',
      );
    }
    const broker = await Broker.start();
    try {
      const rows: Row[] = [];
      for (const size of smoke ? SIZES.slice(0, 1) : SIZES) {
        const rounds = smoke ? 20 : quick ? Math.ceil(size.rounds / 5) : size.rounds;
        rows.push(await oneSize(broker, { ...size, rounds }, context));
        log(`${size.workers} workers, ${size.bytes} bytes: measured`);
      }
      const job = smoke ? undefined : await defaultJob(broker, quick ? 40 : 200, context);
      const recovery = smoke ? [] : [...(await recoveries(broker, context)), await serverRecovery(broker, context)];
      return {
        results: { processes: PROCESSES, rows, job, recovery },
        tables: [
          {
            title: `Milliseconds a round of gradient descent, medians: a dense message down to and up from each worker, ${PROCESSES} host processes`,
            columns: [
              'n',
              'bytes a message',
              'threads',
              'plain TCP',
              'bare NATS',
              'NATS',
              'NATS / TCP',
              'NATS / bare',
              'x',
            ],
            rows: rows.map((row) => [
              ...[row.workers, row.bytes, ms(row.threads), ms(row.tcp), ms(row.bare), ms(row.nats)],
              ...[(row.nats / row.tcp).toFixed(2), (row.nats / row.bare).toFixed(2)],
              row.hashesAgree ? 'the same' : 'ANOTHER',
            ]),
          },
          {
            title: 'What that takes over NATS: processor time and memory',
            columns: [
              ...['n', 'bytes a message', 'broker, ms a round', 'broker, ns a published byte'],
              ...['hosts, ms a round and worker', 'hosts, MB a worker'],
            ],
            rows: rows.map(({ workers, bytes, broker: cpu, published, hostCpu, hostMegabytes }) => [
              ...[workers, bytes, cpu === undefined ? '–' : ms(cpu)],
              cpu === undefined ? '–' : ((1e6 * cpu) / published).toFixed(1),
              ...[hostCpu, hostMegabytes].map((value) => (value === undefined ? '–' : value.toPrecision(3))),
            ]),
          },
          ...(job === undefined
            ? []
            : [
                {
                  title: 'Milliseconds a round of the default job',
                  columns: ['threads', 'NATS', 'NATS / threads', 'x'],
                  rows: [
                    [
                      ms(job.threads),
                      ms(job.nats),
                      (job.nats / job.threads).toFixed(2),
                      job.hashesAgree ? 'the same' : 'ANOTHER',
                    ],
                  ],
                },
              ]),
          ...(recovery.length === 0
            ? []
            : [
                {
                  title: 'Seconds until there is a round again',
                  columns: ['what is killed', 'seconds'],
                  rows: recovery.map(({ what, seconds }) => [what, seconds.toFixed(2)]),
                },
              ]),
        ],
        notes: [
          'Rounds of gradient descent on heterogeneous quadratics: what is computed is small, and is in “threads” (one a core) and NATS but not in TCP, which moves the same number of bytes through sockets and does nothing else, nor in bare NATS, which moves them through the broker. NATS has checksums, which threads have not.',
          'Down goes one broadcast to each process over NATS, n messages over TCP.',
        ],
      };
    } finally {
      await broker.close();
    }
  },
};

async function oneSize(
  broker: Broker,
  { workers, bytes, rounds }: { workers: number; bytes: number; rounds: number },
  { runtime }: BenchContext,
): Promise<Row> {
  const job: TrainOptions = {
    problem: `heterogeneous-quadratic:d=${bytes / 4}`,
    method: 'gd',
    workers,
    rounds,
    evalEvery: 1e9,
    stepSize: 1e-3,
  };
  const threads = await timed({ ...job, threads: 'auto' }, runtime);
  const tcp = median(await tcpRounds({ workers, processes: PROCESSES, bytes, rounds }, runtime));
  const bare = median(await bareRounds(broker.url, { workers, processes: PROCESSES, bytes, rounds }, runtime));
  const run = `bench-${workers}-${bytes}`;
  const hosts = startHosts(broker.url, run);
  const from = broker.cpuMs;
  const cpu = () => total(hosts.map(({ pid }) => cpuMsOf(pid)));
  const half = Math.floor(rounds / 2);
  let began: number | undefined;
  let spent: number | undefined;
  let megabytes: number | undefined;
  const over = await timed({ ...job, transport: 'nats', nats: broker.url, run }, runtime, (round) => {
    if (round === half) began = cpu();
    if (round < rounds) return;
    spent = cpu();
    megabytes = total(hosts.map(({ pid }) => peakMegabytesOf(pid)));
  });
  const to = broker.cpuMs;
  await Promise.all(hosts.map(ended));
  return {
    workers,
    bytes,
    hostCpu: began === undefined || spent === undefined ? undefined : (spent - began) / (rounds - half) / workers,
    hostMegabytes: megabytes && megabytes / workers,
    // one broadcast down, n messages up
    published: (workers + 1) * bytes,
    threads: threads.ms,
    tcp,
    bare,
    nats: over.ms,
    broker: from === undefined || to === undefined ? undefined : (to - from) / rounds,
    hashesAgree: threads.xHash === over.xHash,
  };
}

const total = (values: readonly (number | undefined)[]): number | undefined =>
  values.reduce<number | undefined>(
    (sum, value) => (sum === undefined || value === undefined ? undefined : sum + value),
    0,
  );

/** The most memory that a process has had, in megabytes; undefined where /proc does not say. */
function peakMegabytesOf(pid: number | undefined): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / 1e6;
  } catch {
    return undefined;
  }
}

/** The default job on threads, one a core, and over the broker. */
async function defaultJob(broker: Broker, rounds: number, { runtime }: BenchContext) {
  const job: TrainOptions = { rounds, evalEvery: 1e9 };
  const threads = await timed({ ...job, threads: 'auto' }, runtime);
  const run = 'bench-default';
  const hosts = startHosts(broker.url, run);
  const over = await timed({ ...job, transport: 'nats', nats: broker.url, run }, runtime);
  await Promise.all(hosts.map(ended));
  return { rounds, threads: threads.ms, nats: over.ms, hashesAgree: threads.xHash === over.xHash };
}

/** The median of rounds, in milliseconds; every round takes part, the first ones too. `watch` is told of each. */
async function timed(
  job: TrainOptions,
  runtime: Runtime,
  watch: (round: number) => void = () => undefined,
): Promise<{ ms: number; xHash: string }> {
  const { rounds = 0 } = job;
  const training = await Training.open(parseOptions(job), { runtime });
  try {
    await training.start();
    const times: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const from = runtime.now();
      await training.round();
      times.push(runtime.now() - from);
      watch(round);
    }
    return { ms: median(times), xHash: training.xHash() };
  } finally {
    await training.close();
  }
}

function startHosts(url: string, run: string): ChildProcess[] {
  return Array.from({ length: PROCESSES }, (_, rank) => startHost(url, run, rank));
}

const startHost = (url: string, run: string, rank: number): ChildProcess =>
  spawn(
    process.execPath,
    [main, 'worker', '--nats', url, '--run', run, '--share', `${rank}/${PROCESSES}`, '--threads', '1'],
    { stdio: 'ignore' },
  );

const ended = async (child: ChildProcess) => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
};

/** Seconds from the end of the broker, or of a host, until a round ends after it. */
async function recoveries(broker: Broker, { runtime }: BenchContext) {
  const job: TrainOptions = {
    problem: 'heterogeneous-quadratic:d=2500',
    method: 'm3',
    workers: 20,
    rounds: 1e9,
    evalEvery: 1e9,
  };
  const found: { what: string; seconds: number }[] = [];
  for (const what of ['broker', 'host'] as const) {
    const run = `bench-${what}`;
    const hosts = startHosts(broker.url, run);
    const stop = new AbortController();
    let [round, at] = [0, 0];
    const onProgress = (progress: { round: number }) => {
      [round, at] = [progress.round, runtime.now()];
    };
    const running = train({
      ...job,
      transport: 'nats',
      nats: broker.url,
      run,
      onProgress,
      signal: stop.signal,
      maxRestarts: 5,
    });
    const end = running.result.catch(() => undefined);
    while (round < 200) await runtime.sleep(20);
    const from = runtime.now();
    if (what === 'broker') {
      await broker.down();
      await broker.up();
    } else {
      hosts[0]?.kill('SIGKILL');
      hosts.push(startHost(broker.url, run, 0));
    }
    const lost = round;
    while (at < from + 50 || (what === 'broker' && round <= lost)) await runtime.sleep(5);
    // progress comes every 200 ms while rounds go on: what was under way is no sign
    const resumed = await firstAfterGap(() => at, runtime);
    found.push({
      what:
        what === 'broker'
          ? 'the broker, which is started again at once'
          : 'a host, in whose place another one is started at once',
      seconds: (resumed - from) / 1000,
    });
    stop.abort();
    await end;
    await Promise.all(hosts.map(ended));
  }
  return found;
}

/** The same for the server, which is started again at once and goes on from its checkpoint: until its next evaluated round. */
async function serverRecovery(broker: Broker, { runtime }: BenchContext) {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-'));
  const run = 'bench-server';
  const hosts = startHosts(broker.url, run);
  const rows = () => {
    try {
      return readFileSync(join(folder, 'run', 'metrics.jsonl'), 'utf8').split('\n').length - 1;
    } catch {
      return 0;
    }
  };
  const serve = (words: readonly string[]) =>
    spawn(process.execPath, [main, 'start', ...words, '--quiet'], { cwd: folder, stdio: 'ignore' });
  const job = [
    '--problem',
    'heterogeneous-quadratic:d=2500',
    '--workers',
    '20',
    '--rounds',
    '1e9',
    '--eval-every',
    '20',
  ];
  const connect = ['--transport', 'nats', '--nats', broker.url, '--run', run];
  let server = serve([...job, ...connect, '--checkpoint-every', '20', '--out', 'run']);
  try {
    while (rows() < 5) await runtime.sleep(20);
    server.kill('SIGKILL');
    await ended(server);
    const from = runtime.now();
    const before = rows();
    server = serve(['--resume', 'run']);
    while (rows() <= before) await runtime.sleep(5);
    const seconds = (runtime.now() - from) / 1000;
    server.kill('SIGINT');
    await ended(server);
    await Promise.all(hosts.map(ended));
    return { what: 'the server, which is started again at once', seconds };
  } finally {
    for (const child of [server, ...hosts]) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** When progress comes again after there was none for half a second; the last progress, where there is no such gap within 3 s. */
async function firstAfterGap(at: () => number, runtime: Runtime): Promise<number> {
  const first = at();
  const until = runtime.now() + 3000;
  while (runtime.now() < until && runtime.now() - at() < 500) await runtime.sleep(5);
  if (runtime.now() - at() < 500) return first;
  const last = at();
  while (at() === last) await runtime.sleep(5);
  return at();
}

const ms = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0));
