import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@flotilla/core';
import { fileReason, printed } from '@flotilla/core/internal';
import { denseFrameBytes, type Metrics, type Summary } from '@flotilla/server';
import { bytes, number } from '../terminal/format.js';
import type { ChartSpec, Series } from './chart.js';
import { AXES, meanCurve, spreadText } from './curves.js';
import { renderPage, type Section } from './page.js';
import type { Table } from './table.js';

/** A run as its folder has it. */
interface StoredRun {
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly rows: readonly Metrics[];
  /** Missing when the run failed. */
  readonly summary: Summary | undefined;
}

/** Options that do not change what a run computes. */
const BYSTANDERS = new Set(['seed', 'out', 'threads', 'transport', 'workerTimeout']);

/**
 * Writes report.html into a run folder from config.json, metrics.jsonl and, as far as there is one, summary.json.
 * @param failure Why the run ended before its time.
 */
export async function writeRunReport(folder: string, failure?: string): Promise<void> {
  const path = join(folder, 'report.html');
  writeFileSync(`${path}.part`, await runReport([folder], failure));
  renameSync(`${path}.part`, path);
}

/** The page of one or several runs: those that differ in their seed only become one curve, with the seeds as a band. */
export async function runReport(folders: readonly string[], failure?: string): Promise<string> {
  const runs = folders.map(readRun);
  const groups = groupRuns(runs);
  const [run] = runs;
  const single = runs.length === 1 && run !== undefined ? run : undefined;
  const about = ({ config }: StoredRun) =>
    `${config.method} on ${config.problem}${config.data === undefined ? '' : ` (${config.data})`}, ${config.workers} workers`;
  const title = single === undefined ? `${runs.length} runs` : about(single);
  const text = [
    ...(failure === undefined ? [] : [`The run ended before its time: ${failure}.`]),
    ...(single?.summary === undefined ? [] : [outcome(single.summary)]),
    ...(single === undefined
      ? ['A curve is the mean over seeds at equal abscissa, its band reaches from the smallest to the largest value.']
      : []),
  ];
  const sections: Section[] = [
    { text, charts: charts(groups) },
    ...(single?.summary === undefined ? [] : [{ tables: [byteTable(single.summary), roundTable(single.summary)] }]),
    ...(single === undefined ? [{ tables: [comparison(groups)] }] : []),
    ...groups.map(([label, [first]]) => ({
      title: single === undefined ? `Configuration: ${label}` : 'Configuration',
      code: JSON.stringify(first?.config, null, 2),
    })),
  ];
  return renderPage(title, sections);
}

/** @throws UsageError when the folder holds no run. */
function readRun(folder: string): StoredRun {
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  try {
    const config = JSON.parse(read('config.json')) as StoredRun['config'];
    const lines = read('metrics.jsonl').split('\n');
    // a run that was killed may leave half a line
    const rows = lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as Metrics);
    let summary: Summary | undefined;
    try {
      summary = JSON.parse(read('summary.json')) as Summary;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    }
    return { folder, config, rows, summary };
  } catch (cause) {
    throw new UsageError(`${printed(folder)} does not hold a run: ${noRun(folder, cause)}`, { cause });
  }
}

/** Why a folder has no run that can be read. */
function noRun(folder: string, cause: unknown): string {
  if (cause instanceof SyntaxError) return 'one of its files is not whole';
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOTDIR') return 'it is a file, not a folder';
  if (code !== 'ENOENT') return fileReason(cause);
  if (!existsSync(folder)) return 'no folder is there';
  const missing = ['config.json', 'metrics.jsonl'].filter((file) => !existsSync(join(folder, file)));
  return `it has no ${missing.join(' and no ')}`;
}

/** Runs by what they compute, seeds apart, and a name for each: the method and what else differs. */
function groupRuns(runs: readonly StoredRun[]): [label: string, runs: StoredRun[]][] {
  const keys = [...new Set(runs.flatMap(({ config }) => Object.keys(config)))].filter((key) => !BYSTANDERS.has(key));
  const differing = keys.filter((key) => new Set(runs.map(({ config }) => JSON.stringify(config[key]))).size > 1);
  const groups = new Map<string, StoredRun[]>();
  for (const run of runs) {
    const { config } = run;
    const others = differing.filter((key) => key !== 'method' && config[key] !== undefined);
    const label = [String(config.method), ...others.map((key) => `${key} ${config[key]}`)].join(', ');
    groups.set(label, [...(groups.get(label) ?? []), run]);
  }
  return [...groups];
}

/** f and ‖∇f‖² against each axis. */
function charts(groups: readonly [string, StoredRun[]][]): ChartSpec[] {
  const values = {
    'f(x)': (row: Metrics) => row.loss,
    '‖∇f(x)‖²': (row: Metrics) => row.gradNormSq,
  };
  const axes = Object.values(AXES).filter(({ of }) =>
    groups.some(([, runs]) => runs.some(({ rows }) => rows.some(of))),
  );
  return axes.flatMap((axis) =>
    Object.entries(values).map(([yLabel, y]): ChartSpec => {
      const series = groups.map(
        ([label, runs]): Series =>
          meanCurve(
            label,
            runs.map(({ rows }) => rows.map((row): [number, number] => [axis.of(row), y(row)])),
          ),
      );
      const all = series.flatMap(({ points }) => points.map(([, v]) => v));
      const [low, high] = [Math.min(...all), Math.max(...all)];
      const ends = series.map(({ points }) => points.at(-1)?.[0] ?? 0).filter((end) => end > 0);
      return {
        title: `${yLabel} against ${axis.label}`,
        xLabel: axis.label,
        yLabel,
        series,
        // a logarithmic axis shows at least a decade: less than that is better seen on a linear one
        yLog: low > 0 && high > 10 * low,
        xLog: Math.max(...ends) > 20 * Math.min(...ends),
      };
    }),
  );
}

function outcome({ rounds, loss, gradNormSq, stepSize, parameters, stopReason, seed, xHash }: Summary): string {
  const named = Object.entries(parameters).map(([name, value]) => `, ${name} ${number(value)}`);
  return `${rounds} rounds (stopped by ${stopReason}), f ${number(loss)}, ‖∇f‖² ${number(gradNormSq)}; step size ${number(stepSize)}${named.join('')}; seed ${seed}; SHA-256 of the final x ${xHash}.`;
}

/** Measured bytes beside what gradient descent would have sent. */
function byteTable(summary: Summary): Table {
  const { uplink, downlink, workers, rounds } = summary;
  const gd = denseFrameBytes(summary);
  const row = (name: string, { messages, payloadBytes, frameBytes, paperBits }: Summary['uplink'], dense: number) => [
    ...[name, messages, bytes(payloadBytes), bytes(frameBytes)],
    ...[bytes(paperBits / 8), bytes(frameBytes / workers / Math.max(1, rounds))],
    ...[bytes(dense), `${(dense / frameBytes).toPrecision(3)} ×`],
  ];
  const sum = (key: keyof Summary['uplink']) => uplink[key] + downlink[key];
  const total = {
    messages: sum('messages'),
    payloadBytes: sum('payloadBytes'),
    frameBytes: sum('frameBytes'),
    paperBits: sum('paperBits'),
    coordinates: sum('coordinates'),
  };
  return {
    title: 'Bytes, over all workers',
    columns: [
      ...['', 'messages', 'payload', 'frames', 'values alone', 'frames a worker and round'],
      ...['GD, same rounds', 'fewer'],
    ],
    rows: [row('uplink', uplink, gd), row('downlink', downlink, gd), row('total', total, 2 * gd)],
  };
}

/** Where a round's time goes. */
function roundTable(summary: Summary): Table {
  const { rounds, wallSeconds, computeSeconds, gradientCalls, workers, threads, secondsToFirstRound } = summary;
  const each = (seconds: number) => `${((1000 * seconds) / Math.max(1, rounds)).toPrecision(3)} ms`;
  return {
    title: 'A round, on average',
    columns: ['', 'each', 'whole run'],
    rows: [
      ['round, from its start to the next iterate', each(wallSeconds), `${wallSeconds.toPrecision(4)} s`],
      [`gradients, summed over ${workers} workers`, each(computeSeconds), `${computeSeconds.toPrecision(4)} s`],
      [
        `gradients, over ${threads} threads`,
        each(computeSeconds / threads),
        `${(computeSeconds / threads).toPrecision(4)} s`,
      ],
      ['gradient calls, over all workers', number(gradientCalls / Math.max(1, rounds)), number(gradientCalls)],
      ['before the first round: threads, data, set-up', '–', `${secondsToFirstRound.toPrecision(3)} s`],
    ],
  };
}

/** What the groups came to: mean and standard deviation over seeds. */
function comparison(groups: readonly [string, StoredRun[]][]): Table {
  return {
    title: 'What the runs came to: mean ± standard deviation over seeds',
    columns: ['run', 'seeds', 'rounds', 'f', '‖∇f‖²', 'uplink', 'downlink', 'total', 'seconds'],
    rows: groups.map(([label, runs]) => {
      const last = runs.flatMap(({ rows }) => rows.slice(-1));
      const over = (of: (row: Metrics) => number, show: (value: number) => string) => spreadText(last.map(of), show);
      return [
        label,
        runs.length,
        over(AXES.rounds.of, number),
        over((row) => row.loss, number),
        over((row) => row.gradNormSq, number),
        over(AXES.uplink.of, bytes),
        over(AXES.downlink.of, bytes),
        over(AXES.total.of, bytes),
        over(AXES.seconds.of, (s) => s.toPrecision(3)),
      ];
    }),
  };
}
