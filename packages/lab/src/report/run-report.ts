import { join } from 'node:path';
import { writeWhole } from '@flotilla/core/internal';
import { denseFrameBytes, type InterruptedSummary, type Summary } from '@flotilla/server';
import { bytes, number } from '../terminal/format.js';
import type { ChartSpec, Series } from './chart.js';
import { differencesTable, goalTable, outcomeTable } from './comparison.js';
import { AXES, meanCurve } from './curves.js';
import { groupRuns, type RunGroup } from './groups.js';
import { commonGoal, extrasIn, type Goal, measuresOf } from './measures.js';
import { isPage, renderPage, type Section } from './page.js';
import { type Row, readRun, runFolders, type StoredRun } from './stored-run.js';
import type { Table } from './table.js';

/**
 * Writes report.html into a run folder from config.json, metrics.jsonl and, as far as there is one, summary.json.
 * @param failure Why the run ended before its time.
 * @throws FlotillaError `io` when it cannot be written, or another file has its name
 */
export async function writeRunReport(folder: string, failure?: string): Promise<void> {
  writeWhole(join(folder, 'report.html'), await runReport([folder], { failure }), isPage);
}

/** What a page of runs is asked to show beside the runs. */
export interface ReportOptions {
  /** Why the run ended before its time. */
  readonly failure?: string | undefined;
  /** Values that the costs of reaching them are told of; of several runs, what all reached when there is none. */
  readonly goals?: readonly Goal[];
}

/** A page: its title, and what stands on it. */
export interface Report {
  readonly title: string;
  readonly sections: readonly Section[];
  readonly charts: readonly ChartSpec[];
}

/**
 * The page of one or several runs: those that differ in their seed only become one curve, with the seeds as a band.
 * @param folders Of runs, of `start --seeds`, or of sweeps.
 */
export async function runReport(folders: readonly string[], options: ReportOptions = {}): Promise<string> {
  const { title, sections } = reportOf(runFolders(folders).map(readRun), options);
  return renderPage(title, sections);
}

export function reportOf(runs: readonly StoredRun[], { failure, goals = [] }: ReportOptions = {}): Report {
  const grouped = groupRuns(runs);
  const { groups, title, common } = grouped;
  const [run] = runs;
  const single = runs.length === 1 && run !== undefined ? run : undefined;
  const banded = groups.some((group) => group.runs.length > 1);
  const text = [
    ...(failure === undefined ? [] : [`The run ended before its time: ${failure}.`]),
    ...(single?.summary === undefined ? [] : [outcome(single.summary)]),
    ...runs.flatMap(({ notes }) => notes),
    ...(banded
      ? ['A curve is the mean over seeds at equal abscissa, its band reaches from the smallest to the largest value.']
      : []),
  ];
  const drawn = runCharts(groups);
  const shared = groups.length > 1 && goals.length === 0 ? commonGoal(runs) : undefined;
  const sections: Section[] = [
    { text, charts: drawn },
    ...(single?.summary === undefined ? [] : [{ tables: [byteTable(single.summary), roundTable(single.summary)] }]),
    ...(single === undefined ? [{ tables: [outcomeTable(grouped)] }] : []),
    ...(goals.length === 0 ? [] : [{ tables: goals.map((goal) => goalTable(grouped, goal)) }]),
    ...(shared === undefined ? [] : [{ tables: [goalTable(grouped, shared, ', what every run has reached')] }]),
    ...(groups.length > 1 ? [{ tables: [differencesTable(grouped)] }] : []),
    {
      title: groups.length > 1 ? 'Configuration that all runs share' : 'Configuration',
      code: JSON.stringify(common, null, 2),
    },
  ];
  return { title, sections, charts: drawn };
}

/** Axes that metrics and validation are drawn against. */
const FEW_AXES = new Set(['rounds', 'total', 'seconds']);

/** f, ‖∇f‖² and whatever else the rows have against each axis. */
export function runCharts(groups: readonly RunGroup[]): ChartSpec[] {
  const runs = groups.flatMap((group) => group.runs);
  const axes = Object.entries(AXES).filter(([, { of }]) => runs.some(({ rows }) => rows.some(of)));
  const values: { name: string; file: string; of: (row: Row) => number | undefined; few: boolean }[] = [
    { name: 'f(x)', file: 'loss', of: (row) => row.loss, few: false },
    { name: '‖∇f(x)‖²', file: 'gradient', of: (row) => row.gradNormSq, few: false },
    ...extrasIn(runs).map(({ name, of }) => ({
      name,
      file: name.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
      of: (row: Row) => of(measuresOf(row)),
      few: true,
    })),
  ];
  return axes.flatMap(([axisName, axis]) =>
    values
      .filter(({ few }) => !few || FEW_AXES.has(axisName))
      .map(({ name, file, of }): ChartSpec => {
        const series = groups.map(
          ({ label, runs }): Series =>
            meanCurve(
              label,
              runs.map(({ rows }) =>
                rows.flatMap((row): [number, number][] => {
                  const y = of(row);
                  return y === undefined ? [] : [[axis.of(row), y]];
                }),
              ),
            ),
        );
        const all = series.flatMap(({ points }) => points.map(([, v]) => v)).filter(Number.isFinite);
        const [low, high] = [Math.min(...all), Math.max(...all)];
        const ends = series.map(({ points }) => points.at(-1)?.[0] ?? 0).filter((end) => end > 0);
        return {
          title: `${name} against ${axis.label}`,
          file: `${file}-${axisName === 'modelSeconds' ? 'modelled-seconds' : axisName}`,
          xLabel: axis.label,
          xUnit: axis.unit,
          yLabel: name,
          series,
          // a logarithmic axis shows at least a decade: less than that is better seen on a linear one
          yLog: low > 0 && high > 10 * low,
          xLog: Math.max(...ends) > 20 * Math.min(...ends),
        };
      }),
  );
}

function outcome({
  rounds,
  loss,
  gradNormSq,
  stepSize,
  parameters,
  stopReason,
  seed,
  xHash,
}: InterruptedSummary): string {
  const named = Object.entries(parameters).map(([name, value]) => `, ${name} ${number(value)}`);
  const hash = xHash === undefined ? '' : `; SHA-256 of the final x ${xHash}`;
  return `${rounds} rounds (stopped by ${stopReason}), f ${number(loss)}, ‖∇f‖² ${number(gradNormSq)}; step size ${number(stepSize)}${named.join('')}; seed ${seed}${hash}.`;
}

/** Measured bytes beside what gradient descent would have sent. */
function byteTable(summary: InterruptedSummary): Table {
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
function roundTable(summary: InterruptedSummary): Table {
  const { rounds, wallSeconds, computeSeconds, gradientCalls, workers, threads, secondsToFirstRound } = summary;
  const each = (seconds: number) => `${((1000 * seconds) / Math.max(1, rounds)).toPrecision(3)} ms`;
  return {
    title: 'A round, on average',
    columns: ['', 'each', 'whole run'],
    rows: [
      ['round, from its start to the next iterate', each(wallSeconds), `${wallSeconds.toPrecision(4)} s`],
      ...(computeSeconds === undefined
        ? []
        : [
            [`gradients, summed over ${workers} workers`, each(computeSeconds), `${computeSeconds.toPrecision(4)} s`],
            [
              `gradients, over ${threads} threads`,
              each(computeSeconds / threads),
              `${(computeSeconds / threads).toPrecision(4)} s`,
            ],
          ]),
      ...(gradientCalls === undefined
        ? []
        : [['gradient calls, over all workers', number(gradientCalls / Math.max(1, rounds)), number(gradientCalls)]]),
      ['before the first round: threads, data, set-up', '–', `${secondsToFirstRound.toPrecision(3)} s`],
    ],
  };
}
