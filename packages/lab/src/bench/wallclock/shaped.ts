import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlotillaError } from '@flotilla/core';
import { type Options, train } from '@flotilla/server';
import { dashed } from '../../cli/arguments.js';
import type { Table } from '../../report/table.js';
import type { BenchContext } from '../bench.js';
import { Broker } from '../nats/broker.js';
import type { Entry } from './runs.js';
import { BROKER_ADDRESS, ShapedNetwork } from './shaped-network.js';

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const SPEEDS = [10, 100];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** What a packet of 1,448 bytes is for tbf: with the headers of TCP and its time stamps, of IP and of Ethernet. */
const HEADERS = 1514 / 1448;

/** One method on links of one speed, three times the same run: bytes, x and all. */
interface Shaped {
  readonly label: string;
  readonly mbit: number;
  readonly rounds: number;
  /** Seconds of all rounds: over nats-server and kernel links, over paced links, and by the model beside those. */
  readonly natsSeconds: number;
  readonly pacedSeconds: number;
  readonly modelSeconds: number;
  /** The same over nats-server without any rate. */
  readonly freeSeconds: number;
  /** That, and what the bytes of all frames take on a link with the headers of packets. */
  readonly expectedSeconds: number;
  /** Kilobytes of frames a worker and round, both ways. */
  readonly kilobytes: number;
  readonly hashesAgree: boolean;
}

export interface ShapedReport {
  readonly rows: readonly Shaped[];
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
}

/** What all runs have in common. */
interface ShapedJob {
  readonly workers: number;
  readonly rounds: number;
  /** The default job's when left out. */
  readonly problem?: string;
}

interface Found {
  readonly xHash: string;
  readonly seconds: number;
}

/**
 * Methods over a broker on links whose rate the kernel keeps, each worker in a process and a network namespace of its own, beside
 * the same run on paced links and the model's clock beside that.
 * @throws FlotillaError when a network, the broker or a run does not come up
 */
export async function runShaped(
  entries: readonly Entry[],
  job: ShapedJob,
  { log }: Pick<BenchContext, 'log'>,
): Promise<ShapedReport> {
  const { workers, rounds } = job;
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-shaped-'));
  const tidy = () => rmSync(folder, { recursive: true, force: true });
  // processes and networks end with this process by themselves
  const onSignal = (signal: NodeJS.Signals) => {
    tidy();
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.once(signal, onSignal);
  const rows: Shaped[] = [];
  const kept: { congestion: string; bursts: string[] } = { congestion: '', bursts: [] };
  try {
    const secrets = makeSecrets(folder);
    const free = await measured(undefined, entries, job, secrets, folder);
    for (const mbit of SPEEDS) {
      const network = await ShapedNetwork.open(workers, mbit);
      kept.congestion = network.congestion;
      kept.bursts.push(`${network.burst} bytes at ${mbit} Mbit/s`);
      const found = await measured(network, entries, job, secrets, folder).finally(() => network.close());
      for (const [k, entry] of entries.entries()) {
        // the kernel's rate is of packets, with their headers; a frame gets what is left
        const rate = (mbit / HEADERS).toFixed(3);
        const link = `up=${rate}mbit,down=${rate}mbit`;
        const options = { ...jobOf(entry, job), threads: 'auto' as const, link, linkModel: link };
        const { xHash, wallSeconds, modelSeconds, uplink, downlink } = await train({ ...options, checksum: 'on' })
          .result;
        const bytes = (uplink.frameBytes + downlink.frameBytes) / workers;
        const over = found[k] as Found;
        const unshaped = free[k] as Found;
        rows.push({
          label: entry.label,
          mbit,
          rounds,
          natsSeconds: over.seconds,
          pacedSeconds: wallSeconds,
          modelSeconds: modelSeconds as number,
          freeSeconds: unshaped.seconds,
          expectedSeconds: unshaped.seconds + (HEADERS * 8 * bytes) / (1e6 * mbit),
          kilobytes: bytes / (1000 * rounds),
          hashesAgree: xHash === over.xHash && xHash === unshaped.xHash,
        });
        log(`${entry.label} at ${mbit} Mbit/s: ${over.seconds.toFixed(1)} s over nats-server`);
      }
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    tidy();
  }
  return { rows, tables: [tableOf(rows)], notes: notesOf(rows, workers, kept) };
}

const jobOf = ({ method, stepSize, uplink, downlink, coins }: Entry, { workers, rounds, problem }: ShapedJob) => ({
  problem,
  method,
  stepSize,
  uplink,
  downlink,
  coins: coins as Options['coins'],
  workers,
  rounds,
  evalEvery: rounds,
  seed: '0',
});

/** A certificate for the broker and a token, as a broker that is not on this machine must have them. */
function makeSecrets(folder: string) {
  const [key, certificate, token] = ['key.pem', 'certificate.pem', 'token'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
  const name = ['-subj', '/CN=flotilla', '-addext', `subjectAltName=IP:${BROKER_ADDRESS}`, '-days', '2'];
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', ...kind, ...name, '-out', certificate]);
  if (status !== 0) throw new FlotillaError('io', `openssl: ${stderr}`);
  writeFileSync(token, 'of a bench\n', { mode: 0o600 });
  const more = `tls { cert_file: "${certificate}", key_file: "${key}" }\nauthorization { token: "of a bench" }\n`;
  return { more, options: ['--nats-token', token, '--nats-ca', certificate] };
}

/** Every method over a broker in `network`, with a process for each worker; without a network, over loopback. */
async function measured(
  network: ShapedNetwork | undefined,
  entries: readonly Entry[],
  job: ShapedJob,
  secrets: ReturnType<typeof makeSecrets>,
  folder: string,
): Promise<Found[]> {
  const within = (where: 'broker' | number) => network?.within(where) ?? [];
  const broker = await Broker.start(
    network === undefined
      ? { parent: folder }
      : { more: secrets.more, address: BROKER_ADDRESS, within: within('broker'), parent: folder },
  );
  const children: ChildProcess[] = [];
  try {
    const connect =
      network === undefined
        ? ['--nats', broker.url]
        : ['--nats', broker.url.replace('nats:', 'tls:'), ...secrets.options];
    const found: Found[] = [];
    for (const [k, entry] of entries.entries()) {
      const run = `shaped-${k}`;
      const start = (where: 'broker' | number, words: readonly string[]) => {
        const child = command([...within(where), process.execPath, main, ...words, ...connect, '--run', run]);
        children.push(child.process);
        return child;
      };
      const hosts = Array.from({ length: job.workers }, (_, worker) =>
        start(worker, ['worker', '--workers', `${worker}..${worker}`, '--threads', '1']),
      );
      const out = join(folder, `run-${network?.mbit ?? 'free'}-${k}`);
      const options = Object.entries(jobOf(entry, job))
        .filter(([, value]) => value !== undefined)
        .flatMap(([name, value]) => [`--${dashed(name)}`, `${value}`]);
      const server = start('broker', ['start', ...options, '--transport', 'nats', '--quiet', '--out', out]);
      await Promise.all([server, ...hosts].map(({ ended }) => ended));
      const { xHash, wallSeconds } = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'));
      found.push({ xHash, seconds: wallSeconds });
    }
    return found;
  } finally {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
    await broker.close();
  }
}

/** A process that must end well. */
function command([program = '', ...words]: readonly string[]) {
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => {
    said = (said + text).slice(-2000);
  });
  const ended = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new FlotillaError('io', `${words.find((word) => !word.startsWith('-'))}: ${said.trim()}`);
  });
  // the first one that fails is told
  ended.catch(() => undefined);
  return { process: child, ended };
}

function tableOf(rows: readonly Shaped[]): Table {
  return {
    title: 'Seconds for the same rounds: kernel links and nats-server, paced links, modelled links',
    columns: [
      ...['method', 'Mbit/s', 'rounds', 'kB a worker and round'],
      ...['nats-server, veth and tbf', 'paced', 'model', 'nats / paced', 'nats / model'],
      ...['nats-server, no rate', 'that and the links', 'x'],
    ],
    rows: rows.map((row) => [
      ...[row.label, row.mbit, row.rounds, Number(row.kilobytes.toPrecision(3))],
      ...[row.natsSeconds, row.pacedSeconds, row.modelSeconds].map((seconds) => Number(seconds.toPrecision(4))),
      ...[row.natsSeconds / row.pacedSeconds, row.natsSeconds / row.modelSeconds].map((ratio) => ratio.toFixed(3)),
      ...[row.freeSeconds, row.expectedSeconds].map((seconds) => Number(seconds.toPrecision(4))),
      row.hashesAgree ? 'the same' : 'ANOTHER',
    ]),
  };
}

function notesOf(rows: readonly Shaped[], workers: number, kept: { congestion: string; bursts: readonly string[] }) {
  const far = (seconds: number, from: number) => Math.abs(seconds / from - 1) > 0.1;
  const apart = rows.filter((row) => [row.pacedSeconds, row.modelSeconds].some((from) => far(row.natsSeconds, from)));
  const unexplained = apart.filter((row) => far(row.natsSeconds, row.expectedSeconds));
  const named = (list: readonly Shaped[]) => list.map(({ label, mbit }) => `${label} at ${mbit} Mbit/s`).join(', ');
  const headers = ((HEADERS - 1) * 100).toFixed(1);
  return [
    `${workers} workers, each a process in a network namespace of its own, with a veth pair to the broker's that tbf slows both ways (burst ${kept.bursts.join(', ')}); the server runs beside the broker. TCP has ${kept.congestion} and TLS 1.3. Packets have ${headers} % more bytes than the frames in them; paced links and the model have the rate that is left. All share this machine's cores.`,
    apart.length === 0
      ? 'All three agree within 10 %.'
      : `Further than 10 % from paced links or the model: ${named(apart)}. Paced links have none of the broker's hops, and the model gives each worker a core of its own. What the same run takes over nats-server without a rate, and bytes · 8 / rate with headers, come to within 10 % of what was measured ${unexplained.length === 0 ? 'in all of them' : `but for ${named(unexplained)}`}.`,
  ];
}
