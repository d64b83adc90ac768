import { type ChartSpec, MAX_CURVES } from '../report/chart.js';
import { csv } from '../report/csv.js';
import { groupRuns } from '../report/groups.js';
import { COSTS, firstAt, lastOf, type Measure, type Measures, measuresIn, measuresOf } from '../report/measures.js';
import type { Section } from '../report/page.js';
import { runCharts } from '../report/run-report.js';
import { meanAndStd, spread, spreadText } from '../report/statistics.js';
import type { StoredRun } from '../report/stored-run.js';
import type { Table } from '../report/table.js';
import { bytes, number } from '../terminal/format.js';
import type { Ending } from './folder-runs.js';
import { type Axis, axisNumbers } from './grid.js';
import { goalOf, type Score } from './score.js';

/** A run of a point: its folder, how it ended, and what it left if it came to its end. */
interface PointRun {
  readonly seed: string;
  readonly folder: string;
  readonly ending: Ending;
  readonly stored: StoredRun | undefined;
}

/** A point of the grid: the value of each axis, and a run for each seed. */
export interface SweepPoint {
  readonly values: readonly string[];
  readonly runs: readonly PointRun[];
}

const storedOf = ({ runs }: SweepPoint) => runs.flatMap(({ stored }) => (stored === undefined ? [] : [stored]));

function toTarget(run: StoredRun): Measures | undefined {
  const goal = goalOf(run);
  const row = goal === undefined ? undefined : firstAt(run.rows, goal);
  return row === undefined ? undefined : measuresOf(row);
}

/** The mean score of a point's seeds; undefined unless all of them have one. */
function scoreOf({ runs }: SweepPoint, score: Score): number | undefined {
  const values = runs.map(({ stored }) => (stored === undefined ? undefined : score.of(stored)));
  const found = values.filter((value) => value !== undefined && Number.isFinite(value)) as number[];
  return found.length === runs.length ? spread(found).mean : undefined;
}

/** Points from the best to those without a score, which keep their order. */
function ranked(points: readonly SweepPoint[], score: Score): SweepPoint[] {
  const worst = Number.POSITIVE_INFINITY;
  const cost = (point: SweepPoint) =>
    (scoreOf(point, score) ?? worst * (score.largest ? -1 : 1)) * (score.largest ? -1 : 1);
  const costs = new Map(points.map((point) => [point, cost(point)]));
  const of = (point: SweepPoint) => costs.get(point) ?? worst;
  return [...points].sort((a, b) => (of(a) === of(b) ? 0 : of(a) - of(b)));
}

/** results.json. */
export function sweepResults(points: readonly SweepPoint[], axes: readonly Axis[], score: Score, command: string) {
  const named = ({ values }: SweepPoint) =>
    Object.fromEntries(axes.map(({ option }, k) => [option, values[k] ?? null]));
  const [best] = ranked(points, score);
  const bestScore = best === undefined ? undefined : scoreOf(best, score);
  const folders = ({ runs }: SweepPoint) => runs.map(({ folder }) => folder);
  return {
    sweep: command,
    ranked: { by: score.name, best: score.largest ? 'largest' : 'smallest' },
    axes,
    best:
      best === undefined || bestScore === undefined
        ? null
        : { options: named(best), score: bestScore, folders: folders(best) },
    points: points.map((point) => ({
      options: named(point),
      score: scoreOf(point, score) ?? null,
      runs: point.runs.map(({ seed, folder, ending, stored }) => ({
        seed,
        folder,
        ...ending,
        ...(stored === undefined ? {} : { stepSize: stored.summary?.stepSize, ...lastOf(stored)[0] }),
        ...(stored === undefined || goalOf(stored) === undefined ? {} : { toTarget: toTarget(stored) ?? null }),
      })),
      ...meanAndStd(storedOf(point).flatMap(lastOf)),
    })),
  };
}

/** results.csv: a line for each run, its options under `options.`, as config.json calls them. */
export function sweepCsv(points: readonly SweepPoint[], axes: readonly Axis[], score: Score): string {
  return csv(
    points.flatMap(({ values, runs }) =>
      runs.map(({ seed, folder, ending, stored }) => ({
        folder,
        seed,
        status: ending.status,
        options: Object.fromEntries(axes.map(({ option }, k) => [camel(option), values[k]])),
        score: stored === undefined ? undefined : score.of(stored),
        stepSize: stored?.summary?.stepSize,
        ...(stored === undefined ? {} : lastOf(stored)[0]),
        toTarget: (stored === undefined ? undefined : toTarget(stored)) ?? {},
      })),
    ),
  );
}

const camel = (option: string) => option.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The points from best to worst. */
export function sweepTable(points: readonly SweepPoint[], axes: readonly Axis[], score: Score): Table {
  const stored = points.flatMap(storedOf);
  const seeds = Math.max(...points.map(({ runs }) => runs.length));
  // what it sent one way, and its rounds, are in results.csv
  const measures = measuresIn(stored).filter(({ name }) => !['rounds', 'uplink', 'downlink'].includes(name));
  const targets = stored.some((run) => goalOf(run) !== undefined);
  const told = score.name === 'bytes-to-target' ? ['wall seconds'] : ['total', 'wall seconds'];
  const atTarget = targets ? COSTS.filter(({ name }) => told.includes(name)) : [];
  const over = (values: readonly (Measures | undefined)[], { of, show }: Measure) =>
    spreadText(
      values.map((value) => value && of(value)).filter((value) => value !== undefined),
      show,
    );
  return {
    title: `By ${score.name}, the ${score.largest ? 'largest' : 'smallest'} first${seeds > 1 ? '; mean ± standard deviation over seeds' : ''}`,
    columns: [
      ...axes.map(({ option }) => option),
      ...(seeds > 1 ? ['seeds'] : []),
      score.name,
      ...atTarget.map(({ name }) => `${name} to target`),
      ...measures.map(({ name }) => name),
    ],
    rows: ranked(points, score).map((point) => {
      const runs = storedOf(point);
      const scores = runs.map((run) => score.of(run)).filter((value) => value !== undefined);
      const whole = scores.length === point.runs.length;
      const [unfinished] = point.runs.filter(({ ending }) => ending.status !== 'finished');
      return [
        ...point.values,
        ...(seeds > 1 ? [`${runs.length} of ${point.runs.length}`] : []),
        whole
          ? spreadText(scores, score.unit === 'bytes' ? bytes : number)
          : (unfinished?.ending.status ?? `${scores.length} of ${runs.length} reached`),
        ...atTarget.map((measure) => over(runs.map(toTarget), measure)),
        ...measures.map((measure) => over(runs.flatMap(lastOf), measure)),
      ];
    }),
  };
}

/** The page: scores against each axis of numbers, the table, and the curves of the best points. */
export function sweepSections(points: readonly SweepPoint[], axes: readonly Axis[], score: Score, command: string) {
  const best = ranked(points, score)
    .filter((point) => storedOf(point).length > 0)
    .slice(0, MAX_CURVES);
  const runs = best.flatMap(storedOf);
  const { groups, common } = groupRuns(runs);
  const all = points.flatMap(storedOf);
  const { title } = groupRuns(all);
  const lost = points.flatMap((point) => point.runs.filter(({ ending }) => 'message' in ending));
  const charts = axes.flatMap((_, k) => scoreChart(points, axes, k, score));
  const sections: Section[] = [
    {
      text: [`${points.length} points, ranked by ${score.name}.`],
      charts,
      tables: [sweepTable(points, axes, score)],
    },
    ...(runs.length === 0
      ? []
      : [{ title: best.length < points.length ? `The best ${best.length}` : 'Curves', charts: runCharts(groups) }]),
    ...(lost.length === 0
      ? []
      : [
          {
            title: 'Runs without an end',
            tables: [
              {
                title: '',
                columns: ['run', 'status', 'why'],
                rows: lost.map(({ folder, ending }) => [
                  folder,
                  ending.status,
                  'message' in ending ? ending.message : '',
                ]),
              },
            ],
          },
        ]),
    { title: 'How this was made', code: command },
    { title: 'Configuration that these runs share', code: JSON.stringify(common, null, 2) },
  ];
  return { title: all.length === 0 ? 'Sweep' : `Sweep: ${title}`, sections };
}

/** The score against an axis of numbers, a curve for each value of the others; none for other axes, or for too many curves. */
function scoreChart(points: readonly SweepPoint[], axes: readonly Axis[], k: number, score: Score): ChartSpec[] {
  const axis = axes[k] as Axis;
  const numbers = axisNumbers(axis);
  if (numbers === undefined) return [];
  const curves = new Map<string, { x: number; values: number[] }[]>();
  for (const point of points) {
    const others = axes.flatMap(({ option }, j) => (j === k ? [] : [`${option} ${point.values[j]}`]));
    const values = storedOf(point)
      .map((run) => score.of(run))
      .filter((value) => value !== undefined);
    const x = numbers[axis.values.indexOf(point.values[k] ?? '')];
    if (x === undefined || values.length < point.runs.length) continue;
    const name = others.join(', ') || score.name;
    curves.set(name, [...(curves.get(name) ?? []), { x, values }]);
  }
  const drawable = [...curves.values()].some(({ length }) => length > 1);
  if (!drawable || curves.size > MAX_CURVES) return [];
  const series = [...curves].map(([name, curve]) => {
    const ordered = curve.sort((a, b) => a.x - b.x);
    return {
      name,
      points: ordered.map(({ x, values }): [number, number] => [x, spread(values).mean]),
      ...(ordered.every(({ values }) => values.length > 1)
        ? {
            band: ordered.map(({ x, values }): [number, number, number] => [
              x,
              Math.min(...values),
              Math.max(...values),
            ]),
          }
        : {}),
    };
  });
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  return [
    {
      title: `${score.name} against ${axis.option}`,
      file: `score-${axis.option}`,
      xLabel: `${axis.option}: ${axis.values[0]} … ${axis.values.at(-1)}`,
      yLabel: score.name,
      yUnit: score.unit,
      series,
      xLog: Math.min(...numbers) > 0 && Math.max(...numbers) >= 8 * Math.min(...numbers),
      yLog: low > 0 && high > 10 * low,
    },
  ];
}
