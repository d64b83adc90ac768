import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FlotillaError, makeFolder, methods, Spec, UsageError } from '@flotilla/core';
import { parseLinkModel } from '@flotilla/protocol';
import { launch } from '../launch.js';
import { type Options, parseOptions } from '../options.js';
import { planRun } from '../plan.js';
import { type ChartSpec, drawChart } from '../report/chart.js';
import type { Table } from '../report/table.js';
import { train } from '../train.js';
import type { Bench, BenchContext, BenchReport } from './bench.js';

/** A method as it is compared: what it is run with. */
interface Entry {
  readonly label: string;
  readonly method: string;
  readonly stepSize: number;
  readonly uplink?: string;
  readonly downlink?: string;
}

/**
 * Own compressors where none is named; K = d/n. Step sizes: of 0.002 and 0.003 the one that reaches the target of the default job
 * in fewer rounds with seed 0. (GD diverges at 0.004, MARINA-P at 0.003; EF21-P + DCGD does not get there with 0.003.) MARINA's is
 * its default, CORE's follows gradient descent's curve for 150 rounds; neither was tuned further. `--tune` tries others.
 */
const ENTRIES: readonly Entry[] = [
  { label: 'GD', method: 'gd', stepSize: 0.003 },
  { label: 'GD (default step)', method: 'gd', stepSize: 0.002 },
  { label: 'DCGD', method: 'dcgd', stepSize: 0.003 },
  { label: 'DIANA', method: 'diana', stepSize: 0.003 },
  { label: 'MARINA', method: 'marina', stepSize: 0.0005 },
  { label: 'MARINA-P', method: 'marina-p', stepSize: 0.002 },
  { label: 'M3', method: 'm3', stepSize: 0.003 },
  {
    label: 'M3 + natural',
    method: 'm3:p=0.01',
    stepSize: 0.003,
    uplink: 'rand-k:k=d/n+natural',
    downlink: 'perm-k+natural',
  },
  { label: 'EF21-P + DCGD', method: 'ef21-p-dcgd', stepSize: 0.002 },
  { label: 'CORE', method: 'core:m=100', stepSize: 0.001 },
];
const BASE = 'GD';
/** Whose loss is the target. */
const TARGET: Entry = { label: '', method: 'gd', stepSize: 0.002 };
const PACED = ['GD', 'GD (default step)', 'M3 + natural'];

/** Mbit/s of the tables; the curves have more. */
const SPEEDS = [1, 10, 100, 1000];
const CURVE = Array.from({ length: 21 }, (_, k) => 10 ** (k / 4 - 1));
const EVAL_EVERY = 5;
/** A method that needs more than this many times GD's rounds is given up. */
const MOST_ROUNDS = 6;
/** Rounds of which the working times are measured, after some for the compiler. */
const MEASURED_ROUNDS = 60;
const WARM_UP_ROUNDS = 15;

/** How long the ends of one method work in a round, milliseconds. */
interface Work {
  readonly worker: number;
  readonly server: number;
}

/** One run to the target, on links of every speed. */
interface Measured {
  readonly seed: string;
  readonly rounds: number;
  readonly loss: number;
  /** Frame bytes a worker. */
  readonly uplinkBytes: number;
  readonly downlinkBytes: number;
  /** Rounds, and one more for initial gradients: how often both ends work. */
  readonly exchanges: number;
  /** Virtual seconds on the links, at the speeds of CURVE and then without a rate. */
  readonly linkSeconds: readonly number[];
}

/** A run, and how long it takes. */
interface TimedRun extends Measured {
  /** Links and work: all workers work equally long, so that no link hides it. */
  readonly seconds: readonly number[];
}

interface Job {
  readonly workers: number;
  readonly latency: string;
  /** f to reach. */
  readonly target: number;
  readonly rounds: number;
}

const optionsOf = ({ method, stepSize, uplink, downlink }: Entry, workers: number, seed: string): Options =>
  parseOptions({ method, stepSize, uplink, downlink, workers, seed, threads: 'auto' });

/** Time to a target loss against the speed of the links, for every method. */
export const wallclock: Bench = {
  name: 'wallclock',
  summary:
    'seconds to gradient descent’s loss against the speed of the links, and below which speed each method beats it',
  options: {
    workers: 'n (20)',
    rounds: 'rounds of GD with its default step size whose loss is the target (500)',
    methods: `which of ${ENTRIES.map(({ label }) => label).join(', ')}; GD always is`,
    latency: 'latency of the links (0ms)',
    tune: 'factors of the step size to try, for the fewest seconds at 10 Mbit/s: 0.5,1,2 (1)',
    paced: `Mbit/s at which ${PACED.join(' and ')} are also run for real (10; none with --quick; 0: none)`,
  },
  async run(context): Promise<BenchReport> {
    const { quick, log, options } = context;
    const workers = numberOf(options, 'workers', 20);
    const baseRounds = numberOf(options, 'rounds', quick ? 40 : 500);
    const latency = options.latency ?? '0ms';
    const factors = (options.tune ?? '1').split(',').map(Number);
    if (!factors.every((factor) => factor > 0)) throw new UsageError(`tune ${options.tune} is not a list of factors`);
    const pacedSpeed = numberOf(options, 'paced', quick ? 0 : 10);
    const seeds = Array.from({ length: context.seeds ?? (quick ? 1 : 3) }, (_, k) => String(k));

    const entries = chosen(options.methods, log);
    const target = await kept(context.out)(['target', TARGET, workers, baseRounds], () =>
      lossAfter(TARGET, workers, baseRounds),
    );
    const job: Job = { workers, latency, target, rounds: baseRounds * MOST_ROUNDS };
    log(`target: f = ${target}, GD's after ${baseRounds} rounds`);

    const results = [];
    for (const entry of entries) results.push(await measure(entry, job, seeds, factors, log, kept(context.out)));
    const base = results[0] as Result;
    const compared = results.map((one) => ({ ...one, beatsGdBelow: crossover(one, base) }));
    const paced: Paced[] =
      pacedSpeed === 0
        ? []
        : await runPaced(
            results.filter(({ label }) => PACED.includes(label)),
            job,
            pacedSpeed,
            log,
          );

    const charts = chartsOf(compared, base, job);
    for (const [k, name] of ['seconds', 'times-sooner'].entries()) {
      const { svg } = await drawChart(charts[k] as ChartSpec, 760, 520);
      writeFileSync(join(context.out, `${name}.svg`), `${svg}\n`);
    }
    const speeds = [...CURVE.map((speed) => Number(speed.toPrecision(4))), null];
    return {
      results: { ...job, baseRounds, speeds, entries: compared, paced },
      tables: [
        secondsTable(compared),
        speedUpTable(compared, base),
        costTable(compared),
        ...pacedTable(paced, pacedSpeed),
      ],
      charts,
      notes: NOTES,
    };
  },
};

const NOTES = [
  'Virtual time: the frames of real runs on links with a rate, each worker as if it had a core of its own, with the processor time that the slowest and the server take for a round (see docs/links.md). Frame bytes are the ledger’s, headers and initial gradients included. The target is looked for every 5 rounds.',
  'A method’s time is rounds · (work + bytes · 8 / rate): on slow links bytes decide, on fast ones rounds and work do. The crossover is the speed at which a method and gradient descent take equally long; above it compression does not pay.',
];

function numberOf(options: Readonly<Record<string, string>>, name: string, preset: number): number {
  const text = options[name];
  const value = text === undefined ? preset : Number(text);
  if (!(Number.isInteger(value) && value >= 0 && value <= 1e6)) {
    throw new UsageError(`${name} cannot be ${JSON.stringify(text)}; it is a whole number`);
  }
  return value;
}

/** The entries that were asked for, GD first, those whose method there is. */
function chosen(text: string | undefined, log: BenchContext['log']): Entry[] {
  const wanted = text?.split(',').map((label) => label.trim().toLowerCase());
  const known = ENTRIES.map(({ label }) => label.toLowerCase());
  for (const label of wanted ?? []) {
    if (!known.includes(label)) throw new UsageError(`unknown method ${label}; known: ${known.join(', ')}`);
  }
  return ENTRIES.filter(({ label, method }) => {
    if (label !== BASE && wanted?.includes(label.toLowerCase()) === false) return false;
    const { name } = Spec.parse('method', method);
    const known = Object.hasOwn(methods, name);
    if (!known) log(`${label}: left out, there is no method ${name}`);
    return known;
  });
}

async function lossAfter(entry: Entry, workers: number, rounds: number): Promise<number> {
  const { loss } = await train({ ...optionsOf(entry, workers, '0'), rounds, evalEvery: rounds }).result;
  return loss;
}

/** What `make` gives, once for each key. */
type Keep = <T>(key: unknown, make: () => Promise<T>) => Promise<T>;

/** Keeps what has been measured in `<folder>/cache`, so that a bench that was ended goes on where it was. */
function kept(folder: string): Keep {
  const cache = join(folder, 'cache');
  makeFolder(resolve(cache));
  return async (key, make) => {
    const name = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 16);
    const path = join(cache, `${name}.json`);
    if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')).value;
    const value = await make();
    writeFileSync(`${path}.part`, JSON.stringify({ key, value }));
    renameSync(`${path}.part`, path);
    return value;
  };
}

interface Result extends Entry {
  readonly work: Work;
  /** Runs that reached the target, one a seed. */
  readonly runs: readonly TimedRun[];
  /** Step sizes that were tried, and the seconds at 10 Mbit/s of those that reached the target. */
  readonly tuned: readonly { readonly stepSize: number; readonly seconds: number | null }[];
}

async function measure(
  entry: Entry,
  job: Job,
  seeds: readonly string[],
  factors: readonly number[],
  log: BenchContext['log'],
  keep: Keep,
): Promise<Result> {
  const { label: _, ...spec } = entry;
  const work = await keep(['work', spec, job.workers], () => workOf(entry, job.workers));
  const run = async (tried: Entry, seed: string): Promise<TimedRun | null> => {
    const found = await keep([{ ...tried, label: '' }, job, seed], () => toTarget(tried, job, seed));
    if (found === null) return null;
    const worked = (found.exchanges * (work.worker + work.server)) / 1000;
    return { ...found, seconds: found.linkSeconds.map((seconds) => seconds + worked) };
  };
  const first = seeds[0] as string;
  const at10 = CURVE.indexOf(10);
  let best: { entry: Entry; run: TimedRun | undefined } | undefined;
  const tuned = [];
  for (const factor of factors) {
    const tried = { ...entry, stepSize: Number((entry.stepSize * factor).toPrecision(3)) };
    const found = await run(tried, first);
    const seconds = found?.seconds[at10] ?? null;
    log(`${entry.label}, step size ${tried.stepSize}: ${found === null ? 'not reached' : `${found.rounds} rounds`}`);
    tuned.push({ stepSize: tried.stepSize, seconds });
    if (
      best === undefined ||
      (seconds ?? Number.POSITIVE_INFINITY) < (best.run?.seconds[at10] ?? Number.POSITIVE_INFINITY)
    )
      best = { entry: tried, run: found ?? undefined };
  }
  const runs = best?.run === undefined ? [] : [best.run];
  for (const seed of runs.length === 0 ? [] : seeds.slice(1)) {
    const found = await run((best as { entry: Entry }).entry, seed);
    log(`${entry.label}, seed ${seed}: ${found === null ? 'not reached' : `${found.rounds} rounds`}`);
    if (found !== null) runs.push(found);
  }
  return { ...(best?.entry ?? entry), work, runs, tuned };
}

/**
 * What the slowest worker and the server work in a round: processor time of the first rounds on one thread, shared out as the
 * clock saw it, so that other programs on the machine do not count. (The slowest: where workers of a thread share work, one of
 * them does it, as each would on a core of its own.)
 */
async function workOf(entry: Entry, workers: number): Promise<Work> {
  // whatever step is tried later, here it must not diverge; the work is the same
  const options = optionsOf({ ...entry, stepSize: entry.stepSize / 10 }, workers, '0');
  const plan = { ...(await planRun(options)), linkModels: [parseLinkModel('compute=0ms')] };
  const { server, model, fleet } = await launch({ ...options, transport: 'loopback' }, plan, async () => {});
  try {
    await server.start();
    for (let round = 0; round < WARM_UP_ROUNDS; round++) await server.step();
    const ofWorkers = new Float64Array(workers);
    // in this model nothing takes time but the server
    const before = model?.seconds[0] as number;
    const cpu = process.cpuUsage();
    for (let round = 0; round < MEASURED_ROUNDS; round++) {
      await server.step();
      for (let k = 0; k < workers; k++) ofWorkers[k] = (ofWorkers[k] as number) + (fleet.linked?.workOf(k) as number);
    }
    const { user, system } = process.cpuUsage(cpu);
    const ofServer = 1000 * ((model?.seconds[0] as number) - before);
    const clock = ofServer + ofWorkers.reduce((sum, work) => sum + work, 0);
    const share = (user + system) / 1000 / clock / MEASURED_ROUNDS;
    return { worker: Math.max(...ofWorkers) * share, server: ofServer * share };
  } finally {
    await fleet.close();
  }
}

/** Runs until the loss is the target's, over modelled links of all speeds at once; null when it is not reached. */
async function toTarget(entry: Entry, job: Job, seed: string): Promise<Measured | null> {
  const ends = `latency=${job.latency},server=0ms`;
  const rates = CURVE.map((speed) => `up=${speed.toFixed(6)}mbit,down=${speed.toFixed(6)}mbit,`);
  const options = optionsOf(entry, job.workers, seed);
  const links = [...rates, ''].map((rate) => parseLinkModel(`${rate}${ends},compute=0ms`));
  // a second for each answer counts them
  const linkModels = [...links, parseLinkModel('compute=1s,server=0ms')];
  const { server, model, fleet } = await launch(options, { ...(await planRun(options)), linkModels }, async () => {});
  try {
    await server.start();
    while (server.round < job.rounds) {
      await server.step();
      if (server.round % EVAL_EVERY !== 0) continue;
      const { loss, uplink, downlink } = await server.evaluate();
      if (loss > job.target) continue;
      const { workers } = job;
      const [uplinkBytes, downlinkBytes] = [uplink.frameBytes / workers, downlink.frameBytes / workers];
      const seconds = model?.seconds ?? [];
      const [exchanges = 0] = seconds.splice(links.length);
      return { seed, rounds: server.round, loss, uplinkBytes, downlinkBytes, exchanges, linkSeconds: seconds };
    }
    return null;
  } catch (error) {
    if (error instanceof FlotillaError && error.code === 'diverged') return null;
    throw error;
  } finally {
    await fleet.close();
  }
}

interface Paced {
  readonly label: string;
  readonly stepSize: number;
  readonly rounds: number;
  readonly loss: number;
  readonly wallSeconds: number;
  readonly modelSeconds: number | null;
}

/** The same for real: the clock on the wall while every frame waits for its link. */
async function runPaced(
  results: readonly Result[],
  job: Job,
  speed: number,
  log: BenchContext['log'],
): Promise<Paced[]> {
  const list = [];
  const link = `up=${speed}mbit,down=${speed}mbit,latency=${job.latency}`;
  for (const result of results) {
    const options = { ...optionsOf(result, job.workers, '0'), link, linkModel: link };
    const stop = { targetLoss: job.target, rounds: job.rounds, evalEvery: EVAL_EVERY };
    const { rounds, loss, wallSeconds, modelSeconds } = await train({ ...options, ...stop }).result;
    log(`${result.label}, paced at ${speed} Mbit/s: ${wallSeconds.toFixed(1)} s`);
    list.push({ label: result.label, stepSize: result.stepSize, rounds, loss, wallSeconds, modelSeconds });
  }
  return list;
}

/** Mbit/s at which a method takes as long as `base`; Infinity when it is faster without links, 0 when nowhere, else null. */
function crossover(one: Result, base: Result): number | 'always' | 'never' | null {
  if (one.label === base.label || one.runs.length === 0 || base.runs.length === 0) return null;
  const ratio = (k: number) => Math.log(meanAt(one, k) / meanAt(base, k));
  if (ratio(0) >= 0) return 'never';
  for (let k = 1; k < CURVE.length; k++) {
    if (ratio(k) < 0) continue;
    const share = ratio(k - 1) / (ratio(k - 1) - ratio(k));
    return (CURVE[k - 1] as number) * ((CURVE[k] as number) / (CURVE[k - 1] as number)) ** share;
  }
  return ratio(CURVE.length) < 0 ? 'always' : (CURVE.at(-1) as number);
}

type Compared = Result & { readonly beatsGdBelow: ReturnType<typeof crossover> };

/** Places in `seconds` of the tables' columns. */
const COLUMNS = [...SPEEDS.map((speed) => CURVE.findIndex((at) => Math.abs(at / speed - 1) < 1e-9)), CURVE.length];
const HEADINGS = [...SPEEDS.map((speed) => `${speed} Mbit/s`), 'no links'];

/** Seconds, and times sooner than GD. A chart has eight styles; DCGD's curve lies beside DIANA's in the second. */
function chartsOf(results: readonly Compared[], base: Result, { target, workers }: Job): [ChartSpec, ChartSpec] {
  const reached = results
    .filter(({ label, runs }) => runs.length > 0 && label !== 'GD (default step)')
    .map((one, style) => ({ ...one, style }));
  // the ninth method has the style of the one that its chart leaves out
  const styled = (left: string) => {
    const free = reached.findIndex(({ label }) => label === left);
    return reached
      .filter(({ label }) => reached.length <= 8 || label !== left)
      .map((one) => (one.style < 8 ? one : { ...one, style: free }));
  };
  const axes = { xLabel: 'each link, Mbit/s, both ways', xLog: true, yLog: true };
  const at = ({ runs }: Result, k: number) => runs.map(({ seconds }) => seconds[k] as number);
  return [
    {
      ...axes,
      title: `Seconds to f = ${target.toFixed(2)}, n = ${workers}`,
      yLabel: 'seconds',
      series: styled('DCGD').map((one) => ({
        name: one.label,
        style: one.style,
        points: CURVE.map((speed, k) => [speed, meanAt(one, k)] as const),
        band: CURVE.map((speed, k) => [speed, Math.min(...at(one, k)), Math.max(...at(one, k))] as const),
      })),
    },
    {
      ...axes,
      title: 'Times sooner than GD; compression pays above 1',
      yLabel: 'seconds of GD / seconds',
      series: styled(base.label)
        .filter(({ label }) => label !== base.label)
        .map((one) => ({
          name: one.label,
          style: one.style,
          points: CURVE.map((speed, k) => [speed, meanAt(base, k) / meanAt(one, k)] as const),
        })),
    },
  ];
}

function secondsTable(results: readonly Compared[]): Table {
  return {
    title: 'Seconds to the target (virtual time, mean ± standard deviation over seeds)',
    columns: ['method', ...HEADINGS, 'beats GD below, Mbit/s'],
    rows: results.map((one) => [
      one.label,
      ...COLUMNS.map((k) => spread(one.runs.map(({ seconds }) => seconds[k] as number))),
      typeof one.beatsGdBelow === 'number' ? Number(one.beatsGdBelow.toPrecision(3)) : one.beatsGdBelow,
    ]),
  };
}

function speedUpTable(results: readonly Compared[], base: Result): Table {
  return {
    title: 'Times sooner than GD',
    columns: ['method', ...HEADINGS],
    rows: results.map((one) => [
      one.label,
      ...COLUMNS.map((k) => (one.runs.length === 0 ? null : Number((meanAt(base, k) / meanAt(one, k)).toPrecision(3)))),
    ]),
  };
}

function costTable(results: readonly Compared[]): Table {
  return {
    title: 'What it takes',
    columns: ['method', 'spec', 'step size', 'rounds', 'kB up a worker', 'kB down a worker', 'ms worker', 'ms server'],
    rows: results.map(({ label, method, uplink, downlink, stepSize, work, runs }) => [
      label,
      [method, uplink, downlink].filter((spec) => spec !== undefined).join(' '),
      String(stepSize),
      spread(runs.map(({ rounds }) => rounds)),
      spread(runs.map(({ uplinkBytes }) => uplinkBytes / 1000)),
      spread(runs.map(({ downlinkBytes }) => downlinkBytes / 1000)),
      work.worker.toFixed(2),
      work.server.toFixed(2),
    ]),
  };
}

function pacedTable(paced: readonly Paced[], speed: number): Table[] {
  if (paced.length === 0) return [];
  return [
    {
      title: `Really paced at ${speed} Mbit/s both ways: seconds on the wall, all workers on this machine's cores`,
      columns: ['method', 'rounds', 'wall seconds', 'modelled from the same run'],
      rows: paced.map(({ label, rounds, wallSeconds, modelSeconds }) => [
        ...[label, rounds, Number(wallSeconds.toPrecision(4))],
        modelSeconds === null ? null : Number(modelSeconds.toPrecision(4)),
      ]),
    },
  ];
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const meanAt = ({ runs }: Result, k: number) => mean(runs.map(({ seconds }) => seconds[k] as number));

/** `12.3 ± 0.4`, one value as it is, none as null. */
function spread(values: readonly number[]): string | null {
  if (values.length === 0) return null;
  const m = mean(values);
  if (values.length === 1) return String(Number(m.toPrecision(3)));
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - m) ** 2, 0) / (values.length - 1));
  return `${Number(m.toPrecision(3))} ± ${Number(deviation.toPrecision(2))}`;
}
