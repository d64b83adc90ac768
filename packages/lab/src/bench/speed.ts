import { availableParallelism, freemem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseOptions, type Summary } from '@flotilla/server';
import { planRun, Training } from '@flotilla/server/internal';
import type { Table } from '../report/table.js';
import type { Bench, BenchContext } from './bench.js';
import { inProcess } from './in-process.js';
import { type Measured, measureRounds } from './measure-rounds.js';
import { referenceLoop } from './reference-loop.js';
import { compared, readEarlier } from './speed-compared.js';
import { gate } from './speed-gate.js';
import { besideNumpy, numpyTable } from './speed-numpy.js';

/** How fast rounds are, and where their time goes. */
export const speed: Bench = {
  name: 'speed',
  summary: 'milliseconds a round beside a NumPy program, itemised, for many sizes; start, memory, heap',
  options: {
    mushrooms: 'path of the LIBSVM file mushrooms; without it its rows are left out',
    large: 'no: leave out the problem of 11,689,512 coordinates',
    python: 'interpreter that has NumPy; default /usr/bin/python3',
    compare: 'results.json of an earlier run: adds the ratio of each job to its time then',
    gate: 'file of ratios to a reference loop: measures its jobs alone, and fails where one takes 1.5 times as long',
  },
  async run(context) {
    const { compare } = context.options;
    if (context.options.gate !== undefined) return gate(context, context.options.gate);
    const earlier = compare === undefined ? undefined : readEarlier(compare);
    const numpy = besideNumpy(context, budgetOf(context));
    const rows = await sizes(context);
    const heap = await heapGrowth(context);
    const skipLarge = context.options.large === 'no' || (context.quick && !context.smoke);
    const large: LargeRow[] = [];
    if (!skipLarge) for (const job of LARGE_JOBS) large.push(await largeProblem(context, job));
    return {
      results: { numpy, rows, heap, large },
      tables: [
        ...(earlier === undefined ? [] : [compared(earlier, { rows })]),
        ...[numpyTable(numpy), wallTable(rows), serverTable(rows), threadTable(rows), itemTable(rows)],
        ...[heapTable(heap), largeTable(large)],
      ].filter(({ rows }) => rows.length > 0),
      notes: [
        'overhead: time of a round over the time it would take if gradients were all there is, spread evenly over the cores.',
        'Stages are timed without what they call. What a thread does beside gradient and wait: the method, encode, decode, and waiting for a core when threads outnumber them.',
        'Times of one machine hold against each other only within one table of one run.',
      ],
    };
  },
};

const BUDGET_MS = { smoke: 10, quick: 400, full: 2000 };
const budgetOf = ({ quick, smoke }: BenchContext) => BUDGET_MS[smoke ? 'smoke' : quick ? 'quick' : 'full'];

/** A job of the bench: on threads, and on one. */
interface SizeRow {
  readonly name: string;
  readonly workers: number;
  readonly dimension: number;
  readonly threaded: Measured;
  readonly itemised: Measured;
  /** Milliseconds of the reference loop, beside it. */
  readonly reference: number;
}

/** Measures a job on threads and, itemised, on one thread. */
async function size(context: BenchContext, name: string, job: Record<string, unknown>): Promise<SizeRow> {
  const budget = budgetOf(context);
  const before = referenceLoop(context.runtime);
  const threaded = await measureRounds(job, budget, context.runtime);
  const itemised = await measureRounds({ ...job, transport: 'loopback' }, budget, context.runtime);
  const { dimension } = await planRun(parseOptions(job));
  context.log(`${name}: ${threaded.msPerRound.toFixed(3)} ms a round on ${threaded.threads} threads`);
  const reference = (before + referenceLoop(context.runtime)) / 2;
  return { name, workers: job.workers as number, dimension, threaded, itemised, reference };
}

async function sizes(context: BenchContext): Promise<SizeRow[]> {
  const jobs: [string, Record<string, unknown>][] = [
    ['m3, autoencoder (default)', { workers: 20 }],
    ['m3, autoencoder, --threads auto', { workers: 20, threads: 'auto' }],
    ['gd, autoencoder, --threads auto', { workers: 20, threads: 'auto', method: 'gd' }],
  ];
  const rows: SizeRow[] = [];
  for (const [name, job] of context.smoke ? jobs.slice(1, 2) : jobs) rows.push(await size(context, name, job));
  const { mushrooms } = context.options;
  if (mushrooms === undefined) context.log('no --mushrooms FILE: rows of mushrooms left out');
  for (const workers of mushrooms === undefined ? [] : [5, 20]) {
    const marina = { method: 'marina', uplink: 'rand-k:k=10', threads: 'auto', data: mushrooms };
    const job = { ...marina, problem: 'nonconvex-logistic', workers };
    rows.push(await size(context, 'marina K=10, mushrooms, --threads auto', job));
  }
  for (const dimension of context.smoke ? [112] : [112, 1000, 25_088, 1_000_000]) {
    for (const workers of context.smoke ? [20] : context.quick ? [1, 20, 1000] : [1, 5, 20, 100, 1000, 10_000]) {
      const bytes = 80 * workers * dimension;
      if (bytes > freemem() / 2 || (context.quick && bytes > 1e9)) {
        context.log(`n = ${workers}, d = ${dimension}: left out, it needs about ${(bytes / 1e9).toFixed(0)} GB`);
        continue;
      }
      const problem = `heterogeneous-quadratic:d=${dimension}`;
      rows.push(await size(context, 'm3, quadratics, --threads auto', { problem, workers, threads: 'auto' }));
    }
  }
  return rows;
}

interface HeapRow {
  readonly job: string;
  readonly rounds: number;
  readonly bytesPerRound: number;
}

/** What stays on the heap of a thread that is server and workers at once. */
async function heapGrowth(context: BenchContext): Promise<HeapRow[]> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const rounds = context.smoke ? 200 : context.quick ? 20_000 : 100_000;
  const rows: HeapRow[] = [];
  for (const method of ['m3', 'marina', 'gd']) {
    const job = { problem: 'heterogeneous-quadratic:d=112', workers: 2, method, transport: 'loopback' };
    const training = await Training.open(parseOptions(job), { runtime: context.runtime });
    for (let k = 0; k < (context.smoke ? 100 : 10_000); k++) await training.round();
    const used = () => {
      collect();
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = used();
    for (let k = 0; k < rounds; k++) await training.round();
    rows.push({ job: `${method}, quadratics, n = 2, d = 112`, rounds, bytesPerRound: (used() - before) / rounds });
    await training.close();
  }
  return rows;
}

/** As many coordinates as ResNet-18 has, a hundredth of which travel, and fewer of them in f32. */
const LARGE_JOBS = [{ uplink: 'rand-k:k=1%' }, { uplink: 'rand-k:k=100000', precision: 'f32', threads: 2 }];

interface LargeRow {
  readonly name: string;
  readonly dimension: number;
  readonly msPerRound: number;
  /** Less the gradients, spread evenly over the cores. */
  readonly ownMsPerRound: number;
  readonly startSeconds: number;
  readonly uplinkBytes: number;
  readonly downlinkBytes: number;
  readonly peakBytes: number;
}

async function largeProblem(context: BenchContext, own: (typeof LARGE_JOBS)[number]): Promise<LargeRow> {
  const dimension = context.smoke ? 100_000 : 11_689_512;
  const name = [own.uplink, own.precision ?? 'f64'].join(', ');
  context.log(`${dimension.toLocaleString('en')} coordinates, ${name} …`);
  const job = {
    problem: `heterogeneous-quadratic:d=${dimension}`,
    workers: 5,
    method: 'marina',
    rounds: 20,
    evalEvery: 1000,
    ...own,
  };
  // in a process of its own, whose peak is the run's
  const script = `import { existsSync, readFileSync } from 'node:fs';
    import { train } from ${JSON.stringify(import.meta.resolve('@flotilla/server'))};
    const summary = await train(${JSON.stringify(job)}).result;
    // maxRSS of a process begins with what its parent had; Linux knows the process's own
    const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'latin1') : '';
    const peak = Number(/^VmHWM:\\s*(\\d+) kB/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
    console.log(JSON.stringify({ ...summary, peakBytes: 1024 * peak }));`;
  const summary = inProcess(script) as Summary & { readonly peakBytes: number };
  const { rounds, workers, threads, wallSeconds, computeSeconds } = summary;
  const gradients = computeSeconds / Math.min(availableParallelism(), threads);
  return {
    name,
    dimension,
    msPerRound: (1000 * wallSeconds) / rounds,
    ownMsPerRound: (1000 * (wallSeconds - gradients)) / rounds,
    startSeconds: summary.secondsToFirstRound,
    uplinkBytes: summary.uplink.frameBytes / rounds / workers,
    downlinkBytes: summary.downlink.frameBytes / rounds / workers,
    peakBytes: summary.peakBytes,
  };
}

function wallTable(rows: readonly SizeRow[]): Table {
  const cores = availableParallelism();
  return {
    title: `Rounds on threads (${cores} cores)`,
    columns: [
      ...['job', 'n', 'd', 'threads', 'start s', 'rounds/s', 'ms a round', 'on one thread', 'Σ gradient ms'],
      'overhead',
    ],
    rows: rows.map(({ name, workers, dimension, threaded, itemised }) => [
      name,
      workers,
      dimension,
      threaded.threads,
      threaded.startSeconds,
      1000 / threaded.msPerRound,
      threaded.msPerRound,
      itemised.msPerRound,
      threaded.gradientMs,
      threaded.msPerRound / (threaded.gradientMs / Math.min(cores, threaded.threads)),
    ]),
  };
}

/** Shares of the stages of a round, %. */
function shares(stages: Readonly<Record<string, number>>, names: readonly string[]): number[] {
  const total = names.reduce((sum, stage) => sum + (stages[stage] ?? 0), 0);
  return names.map((stage) => Math.round((100 * (stages[stage] ?? 0)) / total));
}

const SERVER_STAGES = ['encode', 'transport', 'workers', 'wait', 'decode', 'aggregate', 'step'];

function serverTable(rows: readonly SizeRow[]): Table {
  return {
    title: 'Where a round of the server’s thread goes, % (workers: those that it hosts itself)',
    columns: ['job', 'n', 'd', 'threads', ...SERVER_STAGES],
    rows: rows.map(({ name, workers, dimension, threaded: { threads, stages } }) => [
      ...[name, workers, dimension, threads],
      ...shares(stages, SERVER_STAGES),
    ]),
  };
}

function threadTable(rows: readonly SizeRow[]): Table {
  return {
    title: 'Where the same round of another thread goes, mean over those, %',
    columns: ['job', 'n', 'd', 'threads', 'gradient', 'wait', 'rest'],
    rows: rows.map(({ name, workers, dimension, threaded: { threads, stages, thread } }) => {
      const total = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
      const rest = Math.max(0, total - thread.gradient - thread.wait);
      return [...[name, workers, dimension, threads], ...shares({ ...thread, rest }, ['gradient', 'wait', 'rest'])];
    }),
  };
}

const STAGES = ['gradient', 'worker', 'encode', 'transport', 'decode', 'aggregate', 'step'];

function itemTable(rows: readonly SizeRow[]): Table {
  return {
    title:
      'Where a round goes on one thread, % (worker: the method there; aggregate: the fold; step: the method on the server)',
    columns: ['job', 'n', 'd', 'ms a round', ...STAGES],
    rows: rows.map(({ name, workers, dimension, itemised }) => [
      ...[name, workers, dimension, itemised.msPerRound],
      ...shares(itemised.stages, STAGES),
    ]),
  };
}

function heapTable(rows: readonly HeapRow[]): Table {
  return {
    title: 'Heap that stays, after a full collection',
    columns: ['job', 'rounds', 'bytes a round'],
    rows: rows.map(({ job, rounds, bytesPerRound }) => [job, rounds, bytesPerRound]),
  };
}

function largeTable(rows: readonly LargeRow[]): Table {
  return {
    title: 'MARINA, n = 5, the rounds with its first gradients among them',
    columns: [
      ...['job', 'd', 'ms a round', 'beside gradients', 'start s'],
      ...['uplink bytes a worker and round', 'downlink bytes', 'peak MB'],
    ],
    rows: rows.map((row) => [
      row.name,
      row.dimension,
      row.msPerRound,
      row.ownMsPerRound,
      row.startSeconds,
      Math.round(row.uplinkBytes),
      Math.round(row.downlinkBytes),
      Math.round(row.peakBytes / 1e6),
    ]),
  };
}
