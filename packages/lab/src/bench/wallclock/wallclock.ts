import { join } from 'node:path';
import { methods, Spec, UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';
import { keptIn } from '../../experiment/record-cache.js';
import { type ChartSpec, drawChart } from '../../report/chart.js';
import { numberOption } from '../../terminal/command-line.js';
import type { Bench, BenchContext, BenchReport } from '../bench.js';
import { CURVE, type Entry, type Job, lossAfter, measureToTarget, type Paced, runPaced } from './runs.js';
import { runShaped } from './shaped.js';
import { missingForShaping } from './shaped-network.js';
import { chartsOf, costTable, crossover, pacedTable, secondsTable, speedUpTable } from './tables.js';

const NATURAL = {
  method: 'm3:p=0.01',
  stepSize: 0.003,
  uplink: 'rand-k:k=d/n+natural',
  downlink: 'perm-k+natural',
};

/**
 * Own compressors where none is named; K = d/n. Step sizes: of 0.002 and 0.003 the one that reaches the target of the default job
 * in fewer rounds with seed 0, for MARINA and CORE 0.001. (GD diverges at 0.004, MARINA-P at 0.003, MARINA and CORE at 0.002;
 * EF21-P + DCGD does not get there with 0.003.) The default step sizes of EF21-P + DIANA, EF21-BC, DORE, MCM, Rand-MCM and
 * dist-EF-SGD. `--tune` tries others.
 */
const ENTRIES: readonly Entry[] = [
  { label: 'GD', style: 0, method: 'gd', stepSize: 0.003 },
  { label: 'GD (default step)', method: 'gd', stepSize: 0.002 },
  { label: 'DCGD', method: 'dcgd', stepSize: 0.003 },
  { label: 'DIANA', style: 1, method: 'diana', stepSize: 0.003 },
  { label: 'MARINA', style: 2, method: 'marina', stepSize: 0.001 },
  { label: 'MARINA-P', style: 3, method: 'marina-p', stepSize: 0.002 },
  { label: 'M3', style: 4, method: 'm3', stepSize: 0.003 },
  { label: 'M3 + natural', ...NATURAL },
  { label: 'M3 + natural (even coins)', style: 5, ...NATURAL, coins: 'even' },
  { label: 'EF21-P + DCGD', style: 6, method: 'ef21-p-dcgd', stepSize: 0.002 },
  { label: 'EF21-P + DIANA', method: 'ef21-p-diana', stepSize: 0.002 },
  { label: 'EF21-BC', method: 'ef21-bc', stepSize: 0.002 },
  { label: 'DORE', method: 'dore', stepSize: 0.004 },
  { label: 'MCM', method: 'mcm', stepSize: 0.001 },
  { label: 'Rand-MCM', method: 'rand-mcm', stepSize: 0.001 },
  { label: 'dist-EF-SGD', method: 'dist-ef-sgd', stepSize: 0.002 },
  { label: 'CORE', style: 7, method: 'core:m=100', stepSize: 0.001 },
];
const BASE = 'GD';
/** Whose loss is the target. */
const TARGET: Entry = { label: '', method: 'gd', stepSize: 0.002 };
/** What runs over a broker on kernel links. */
const SHAPED = ['GD', 'M3', 'M3 + natural'];
const PACED = ['GD', 'GD (default step)', 'M3 + natural', 'M3 + natural (even coins)'];

/** A method that needs more than this many times GD's rounds is given up. */
const MAX_ROUNDS = 6;

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
  flags: {
    nats: `instead: ${SHAPED.join(', ')} at 10 and 100 Mbit/s over nats-server on links whose rate the kernel keeps, beside paced links and the model; root, --workers (4), --rounds (100)`,
  },
  async run(context): Promise<BenchReport> {
    if (context.flags.has('nats')) return overBroker(context);
    const { quick, log, options } = context;
    const workers = numberOf(options, 'workers', 20);
    const baseRounds = numberOf(options, 'rounds', quick ? 40 : 500);
    const latency = options.latency ?? '0ms';
    const factors = (options.tune ?? '1').split(',').map((factor) => positiveOf('tune', factor));
    const pacedSpeed = numberOf(options, 'paced', quick ? 0 : 10);
    const seeds = Array.from({ length: context.seeds ?? (quick ? 1 : 3) }, (_, k) => String(k));

    const entries = chosen(options.methods, log);
    const keep = keptIn(join(context.out, 'cache'));
    const target = await keep(['target', TARGET, workers, baseRounds], () => lossAfter(TARGET, workers, baseRounds));
    const job: Job = { workers, latency, target, rounds: baseRounds * MAX_ROUNDS };
    log(`target: f = ${target}, GD's after ${baseRounds} rounds`);

    const results = [];
    for (const entry of entries) results.push(await measureToTarget(entry, job, seeds, factors, context, keep));
    const base = results[0] as (typeof results)[number];
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
    const files: Record<string, string> = {};
    for (const [k, name] of ['seconds', 'times-sooner'].entries()) {
      const { svg } = await drawChart(charts[k] as ChartSpec, 760, 520);
      files[`${name}.svg`] = `${svg}\n`;
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
      files,
      notes: NOTES,
    };
  },
};

/** `--nats`: the same rounds on links of three kinds. */
async function overBroker(context: BenchContext): Promise<BenchReport> {
  const { options, quick, smoke } = context;
  for (const name of Object.keys(options)) {
    if (name !== 'workers' && name !== 'rounds') throw new UsageError(`--${name} and --nats cannot both be given`);
  }
  const workers = numberOf(options, 'workers', smoke ? 2 : 4);
  if (workers < 1 || workers > 100) throw new UsageError(`--workers must be 1 to 100 with --nats, not ${workers}`);
  const rounds = numberOf(options, 'rounds', smoke ? 3 : quick ? 20 : 100);
  if (rounds < 1) throw new UsageError('--rounds must be 1 or more with --nats');
  const missing = missingForShaping();
  if (missing !== undefined) return { results: {}, tables: [], skipped: `bench wallclock --nats needs ${missing}` };
  const entries = ENTRIES.filter(({ label }) => (smoke ? [BASE] : SHAPED).includes(label))
    // rounds are timed, wherever they lead: with fewer workers these steps are too long
    .map((entry) => ({ ...entry, stepSize: entry.stepSize / 10 }));
  const job = smoke ? { workers, rounds, problem: 'heterogeneous-quadratic:d=2500' } : { workers, rounds };
  const { rows, tables, notes } = await runShaped(entries, job, context);
  return { results: { workers, rounds, rows }, tables, notes };
}

const NOTES = [
  'Virtual time: the frames of real runs on links with a rate, each worker as if it had a core of its own, with the processor time that the slowest and the server take for a round (see docs/links.md). Frame bytes are the ledger’s, headers and initial gradients included. The target is looked for every 5 rounds.',
  'A method’s time is rounds · (work + bytes · 8 / rate): on slow links bytes decide, on fast ones rounds and work do. The crossover is the speed at which a method and gradient descent take equally long; above it compression does not pay.',
];

function numberOf(options: Readonly<Record<string, string>>, name: string, preset: number): number {
  const fits = (value: number) => Number.isInteger(value) && value >= 0 && value <= 1e6;
  return numberOption(name, options[name], 'a whole number from 0 to 1000000', fits) ?? preset;
}

const positiveOf = (name: string, text: string) =>
  numberOption(name, text, 'numbers > 0, joined by commas', (value) => value > 0) as number;

/** The entries that were asked for, GD first, those whose method there is. */
function chosen(text: string | undefined, log: BenchContext['log']): Entry[] {
  const wanted = text?.split(',').map((label) => label.trim().toLowerCase());
  const known = ENTRIES.map(({ label }) => label.toLowerCase());
  for (const label of wanted ?? []) {
    if (!known.includes(label)) throw new UsageError(`unknown method ${printed(label)}; known: ${known.join(', ')}`);
  }
  return ENTRIES.filter(({ label, method }) => {
    if (label !== BASE && wanted?.includes(label.toLowerCase()) === false) return false;
    const { name } = Spec.parse('method', method);
    const known = Object.hasOwn(methods, name);
    if (!known) log(`${label}: left out, there is no method ${name}`);
    return known;
  });
}
