import { join } from 'node:path';
import { type Method, methods, problems, Spec } from '@flotilla/core';
import { lookUp } from '@flotilla/core/internal';
import type { Metrics, Summary } from '@flotilla/server';
import { Sweep } from '../experiment/sweep.js';
import { type Outcome, type Trial, tune } from '../experiment/tune.js';
import type { ChartSpec } from '../report/chart.js';
import { meanCurve } from '../report/curves.js';
import { spread, spreadText } from '../report/statistics.js';
import type { Table } from '../report/table.js';
import { numberOption } from '../terminal/command-line.js';
import { bytes, grouped, number } from '../terminal/format.js';
import type { Bench, BenchContext, BenchReport } from './bench.js';

/** A method and the compressors on its links. */
export interface Combination {
  /** A spec. */
  readonly method: string;
  readonly uplink?: string;
  readonly downlink?: string;
}

/** Every method with the compressors that its theory covers; `k` is d/n. */
const COMBINATIONS: readonly Combination[] = [
  { method: 'gd' },
  { method: 'dcgd', uplink: 'natural' },
  { method: 'dcgd', uplink: 'rand-k:k=d/n' },
  { method: 'diana', uplink: 'natural' },
  { method: 'diana', uplink: 'rand-k:k=d/n' },
  { method: 'diana', uplink: 'perm-k' },
  { method: 'vr-diana', uplink: 'rand-k:k=d/n' },
  { method: 'marina', uplink: 'natural' },
  { method: 'marina', uplink: 'rand-k:k=d/n' },
  { method: 'marina', uplink: 'perm-k' },
  { method: 'marina', uplink: 'perm-k+natural' },
  { method: 'vr-marina', uplink: 'rand-k:k=d/n' },
  { method: 'vr-marina', uplink: 'perm-k' },
  { method: 'pp-marina', uplink: 'rand-k:k=d/n' },
  { method: 'marina-p', downlink: 'perm-k' },
  { method: 'marina-p', downlink: 'rand-k:k=d/n' },
  { method: 'marina-p', downlink: 'same-rand-k:k=d/n' },
  { method: 'marina-p', downlink: 'perm-k+natural' },
  { method: 'm3', downlink: 'perm-k', uplink: 'rand-k:k=d/n' },
  { method: 'm3', downlink: 'perm-k', uplink: 'perm-k' },
  { method: 'm3', downlink: 'perm-k+natural', uplink: 'perm-k+natural' },
  { method: 'ef21-p', downlink: 'top-k:k=d/n' },
  { method: 'ef21-p', downlink: 'natural' },
  { method: 'ef21-p-dcgd', downlink: 'top-k:k=d/n', uplink: 'natural' },
  { method: 'core' },
  { method: 'ef21', uplink: 'top-k:k=d/n' },
  { method: 'dasha', uplink: 'rand-k:k=d/n' },
  { method: 'ef21-bc', uplink: 'top-k:k=d/n', downlink: 'top-k:k=d/n' },
  { method: 'ef21-p-diana', downlink: 'top-k:k=d/n', uplink: 'rand-k:k=d/n' },
  { method: 'dore', downlink: 'rand-k:k=d/n', uplink: 'rand-k:k=d/n' },
  { method: 'dore', downlink: 'natural', uplink: 'natural' },
  { method: 'mcm:memory=true', downlink: 'rand-k:k=d/n', uplink: 'rand-k:k=d/n' },
  { method: 'mcm:memory=true', downlink: 'natural', uplink: 'natural' },
  { method: 'rand-mcm:memory=true', downlink: 'rand-k:k=d/n', uplink: 'rand-k:k=d/n' },
  { method: 'dist-ef-sgd', uplink: 'top-k:k=d/n', downlink: 'top-k:k=d/n' },
];

/** Link speeds of the table, in Mbit/s; each worker has one such link. */
const SPEEDS = [1, 10, 100, 1000];

interface Measured extends Combination {
  readonly outcome: Outcome;
  /** Of the seeds, when all of them reached the target. */
  readonly summaries: readonly Summary[] | undefined;
}

export const methodsBench: Bench = {
  name: 'methods',
  summary: 'all methods and compressors on one problem, step sizes tuned, compared where they reach the same target',
  options: {
    problem: 'problem spec (default heterogeneous-quadratic:la2=1,lb2=100)',
    data: 'data set of the problem',
    workers: 'n (default 10)',
    target: '‖∇f‖² to reach, relative to x⁰’s (default 0.01, quick 0.1)',
    rounds: 'rounds after which a run is given up (default 20000, quick 1000)',
    methods: 'names of methods, joined by commas (default all)',
    'eval-every': 'rounds between evaluations, and so the resolution of rounds (default 5, quick 1)',
    'step-base': 'the step size that powers of two multiply, for problems without theory (default theory)',
  },
  run,
};

async function run(context: BenchContext): Promise<BenchReport> {
  const { quick, options, progress } = context;
  const { problem = 'heterogeneous-quadratic:la2=1,lb2=100', data } = options;
  const workers = positive(options, 'workers') ?? 10;
  const target = positive(options, 'target') ?? (quick ? 0.1 : 0.01);
  const rounds = positive(options, 'rounds') ?? (quick ? 1000 : 20_000);
  const evalEvery = positive(options, 'eval-every') ?? (quick ? 1 : 5);
  const base = positive(options, 'step-base');
  const count = context.seeds ?? (quick ? 2 : 5);
  const asked = options.methods?.split(',').map((name) => lookUp('method', methods, name).name);
  const combinations = COMBINATIONS.filter(
    ({ method }) => (asked === undefined || asked.includes(methodOf(method).name)) && hasSamplesFor(method, problem),
  );

  const sweep = new Sweep({ cache: join(context.out, 'cache'), runtime: context.runtime, progress });
  try {
    const targets = [{ value: target, relative: true }];
    const seeds = Array.from({ length: count }, (_, k) => String(k));
    const measured = await Promise.all(
      combinations.map(async (combination): Promise<Measured> => {
        const trial: Trial = {
          options: { ...combination, problem, data, workers, evalEvery, transport: 'loopback', targetRelative: target },
          seeds,
          targets,
          rounds,
          ...(base === undefined ? {} : { base }),
        };
        const outcome = await tune(sweep, trial, 0);
        const all = outcome.records.every(({ hits }) => hits[0] !== null);
        const summaries = all
          ? outcome.records.flatMap(({ summary }) => (summary === null ? [] : [summary]))
          : undefined;
        return { ...combination, outcome, summaries };
      }),
    );
    const sorted = measured.sort((a, b) => cost(a) - cost(b));
    const rows = sorted.map(toRow);
    const where = `${problem}${data === undefined ? '' : `, ${data}`}, ${workers} workers, to ‖∇f‖² ≤ ${target} ‖∇f(x⁰)‖²`;
    return {
      results: { problem, data: data ?? null, workers, target, rounds, evalEvery, seeds: count, rows },
      tables: [costTable(sorted, where), timeTable(sorted, where)],
      charts: charts(sorted),
      files: { 'results.csv': csv(rows) },
      notes: [
        `${where}. Step sizes: the power of two times theory that needs the fewest rounds, by the first two seeds. Mean ± standard deviation over ${count} seeds; bytes over all workers; sorted by total bytes.`,
        'Seconds are arithmetic: for each worker a link of that speed, downlink and uplink one after the other, and a core of its own for its gradients. A method without figures did not reach the target within the rounds given.',
      ],
    };
  } finally {
    await sweep.close();
  }
}

/** The method that a spec names. */
export const methodOf = (spec: string): Method => lookUp('method', methods, Spec.parse('method', spec).name);

/** Whether a problem has the samples that a method draws batches of, if it does. Both are specs. */
export function hasSamplesFor(method: string, problem: string): boolean {
  const sampled = lookUp('problem', problems, Spec.parse('problem', problem).name).data === 'samples';
  return sampled || methodOf(method).batches !== true;
}

function positive(options: Readonly<Record<string, string>>, name: string): number | undefined {
  return numberOption(name, options[name], 'a number > 0', (value) => value > 0);
}

const totalBytes = ({ uplink, downlink }: Summary) => uplink.frameBytes + downlink.frameBytes;

function cost({ summaries }: Measured): number {
  return summaries === undefined ? Number.POSITIVE_INFINITY : spread(summaries.map(totalBytes)).mean;
}

/** Seconds to the target when every worker has a link of `speed` Mbit/s. */
function seconds(summary: Summary, speed: number): number {
  const { workers, computeSeconds } = summary;
  return (8 * totalBytes(summary)) / workers / (1e6 * speed) + computeSeconds / workers;
}

export const label = ({ method, uplink, downlink }: Combination) =>
  [method, uplink === undefined ? '' : `↑${uplink}`, downlink === undefined ? '' : `↓${downlink}`]
    .filter(Boolean)
    .join(' ');

function costTable(measured: readonly Measured[], where: string): Table {
  return {
    title: `What the target costs: ${where}`,
    columns: ['method', 'step × theory', 'rounds', 'uplink', 'downlink', 'total', 'gradient calls', 'GD total / total'],
    rows: measured.map((one) => {
      const { summaries, outcome } = one;
      const over = (of: (summary: Summary) => number, show: (value: number) => string) =>
        summaries === undefined ? '–' : spreadText(summaries.map(of), show);
      const whole = (value: number) => bytes(Math.round(value));
      return [
        label(one),
        number(outcome.factor),
        over(({ rounds }) => rounds, grouped),
        over(({ uplink }) => uplink.frameBytes, whole),
        over(({ downlink }) => downlink.frameBytes, whole),
        over(totalBytes, whole),
        over(({ gradientCalls }) => gradientCalls, grouped),
        advantage(measured, one),
      ];
    }),
  };
}

function advantage(measured: readonly Measured[], one: Measured): string {
  const gd = measured.find(({ method }) => method === 'gd');
  const ratio = gd === undefined ? Number.NaN : cost(gd) / cost(one);
  return ratio > 0 && Number.isFinite(ratio) ? `${ratio.toPrecision(3)} ×` : '–';
}

function timeTable(measured: readonly Measured[], where: string): Table {
  return {
    title: `Seconds by link speed: ${where}`,
    columns: ['method', ...SPEEDS.map((speed) => `${speed} Mbit/s`)],
    rows: measured.map((one) => [
      label(one),
      ...SPEEDS.map((speed) =>
        one.summaries === undefined
          ? null
          : spreadText(
              one.summaries.map((summary) => seconds(summary, speed)),
              (value) => value.toPrecision(3),
            ),
      ),
    ]),
  };
}

/** A measured combination as JSON and CSV have it: means and standard deviations. */
function toRow(one: Measured) {
  const { method, uplink, downlink, outcome, summaries } = one;
  const over = (of: (summary: Summary) => number) => {
    if (summaries === undefined) return { mean: null, sd: null };
    return spread(summaries.map(of));
  };
  return {
    method,
    uplink: uplink ?? null,
    downlink: downlink ?? null,
    factor: outcome.factor,
    reached: outcome.records.filter(({ hits }) => hits[0] !== null).length,
    rounds: over(({ rounds }) => rounds),
    uplinkBytes: over((summary) => summary.uplink.frameBytes),
    downlinkBytes: over((summary) => summary.downlink.frameBytes),
    totalBytes: over(totalBytes),
    gradientCalls: over(({ gradientCalls }) => gradientCalls),
    seconds: Object.fromEntries(SPEEDS.map((speed) => [`${speed} Mbit/s`, over((summary) => seconds(summary, speed))])),
  };
}

function csv(rows: readonly ReturnType<typeof toRow>[]): string {
  const flat = rows.map(({ seconds: bySpeed, ...row }) => {
    const cells: [string, string | number | null][] = [];
    for (const [name, value] of [
      ...Object.entries(row),
      ...Object.entries(bySpeed).map(([k, v]) => [`seconds at ${k}`, v] as const),
    ]) {
      if (typeof value === 'object' && value !== null) cells.push([name, value.mean], [`${name} sd`, value.sd]);
      else cells.push([name, value]);
    }
    return cells;
  });
  const quoted = (cell: string | number | null) =>
    /[",]/.test(String(cell ?? '')) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell ?? '');
  const head = flat[0]?.map(([name]) => quoted(name)).join(',') ?? '';
  return `${[head, ...flat.map((cells) => cells.map(([, value]) => quoted(value)).join(','))].join('\n')}\n`;
}

/** Curves of the best combination of each method: more would not be told apart. */
function charts(measured: readonly Measured[]): ChartSpec[] {
  const best = measured.filter((one, k) => measured.findIndex(({ method }) => method === one.method) === k).slice(0, 8);
  const axes = [
    { label: 'total frame bytes', of: (row: Metrics) => row.uplink.frameBytes + row.downlink.frameBytes },
    { label: 'rounds', of: (row: Metrics) => row.round },
  ];
  return axes.map((axis) => ({
    title: `Best combination of each method, against ${axis.label}`,
    xLabel: axis.label,
    yLabel: '‖∇f(x)‖²',
    yLog: true,
    xLog: true,
    series: best.map((one) =>
      meanCurve(
        label(one),
        one.outcome.records.map(({ rows }) => rows.map((row): [number, number] => [axis.of(row), row.gradNormSq])),
      ),
    ),
  }));
}
