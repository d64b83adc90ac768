import type { ChartSpec } from '../../report/chart.js';
import { spread, spreadText } from '../../report/statistics.js';
import type { Table } from '../../report/table.js';
import { CURVE, type Job, type Paced, type Result } from './runs.js';

/** Mbit/s of the tables; the curves have more. */
const SPEEDS = [1, 10, 100, 1000];

/** Mbit/s at which a method takes as long as `base`; Infinity when it is faster without links, 0 when nowhere, else null. */
export function crossover(one: Result, base: Result): number | 'always' | 'never' | null {
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

export type Compared = Result & { readonly beatsGdBelow: ReturnType<typeof crossover> };

/** Places in `seconds` of the tables' columns. */
const COLUMNS = [...SPEEDS.map((speed) => CURVE.findIndex((at) => Math.abs(at / speed - 1) < 1e-9)), CURVE.length];
const HEADINGS = [...SPEEDS.map((speed) => `${speed} Mbit/s`), 'no links'];

/** Styles that a chart has. */
const STYLES = 8;

/** What is drawn, with its style: the entries that have one, and as many others as styles are free. */
function styled(results: readonly Compared[]) {
  const free = Array.from({ length: STYLES }, (_, k) => k).filter((k) => results.every(({ style }) => style !== k));
  return results.flatMap((one) => {
    const style = one.style ?? free.shift();
    return style === undefined ? [] : [{ ...one, style }];
  });
}

/** Seconds, and times sooner than GD. */
export function chartsOf(results: readonly Compared[], base: Result, { target, workers }: Job): [ChartSpec, ChartSpec] {
  const drawn = styled(results.filter(({ label, runs }) => runs.length > 0 && label !== 'GD (default step)'));
  const axes = { xLabel: 'each link, Mbit/s, both ways', xLog: true, yLog: true };
  const at = ({ runs }: Result, k: number) => runs.map(({ seconds }) => seconds[k] as number);
  return [
    {
      ...axes,
      title: `Seconds to f = ${target.toFixed(2)}, n = ${workers}`,
      yLabel: 'seconds',
      series: drawn.map((one) => ({
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
      series: drawn
        .filter(({ label }) => label !== base.label)
        .map((one) => ({
          name: one.label,
          style: one.style,
          points: CURVE.map((speed, k) => [speed, meanAt(base, k) / meanAt(one, k)] as const),
        })),
    },
  ];
}

export function secondsTable(results: readonly Compared[]): Table {
  return {
    title: 'Seconds to the target (virtual time, mean ± standard deviation over seeds)',
    columns: ['method', ...HEADINGS, 'beats GD below, Mbit/s'],
    rows: results.map((one) => [
      one.label,
      ...COLUMNS.map((k) => spreadOf(one.runs.map(({ seconds }) => seconds[k] as number))),
      typeof one.beatsGdBelow === 'number' ? Number(one.beatsGdBelow.toPrecision(3)) : one.beatsGdBelow,
    ]),
  };
}

export function speedUpTable(results: readonly Compared[], base: Result): Table {
  return {
    title: 'Times sooner than GD',
    columns: ['method', ...HEADINGS],
    rows: results.map((one) => [
      one.label,
      ...COLUMNS.map((k) => (one.runs.length === 0 ? null : Number((meanAt(base, k) / meanAt(one, k)).toPrecision(3)))),
    ]),
  };
}

export function costTable(results: readonly Compared[]): Table {
  return {
    title: 'What it takes',
    columns: ['method', 'spec', 'step size', 'rounds', 'kB up a worker', 'kB down a worker', 'ms worker', 'ms server'],
    rows: results.map(({ label, method, uplink, downlink, coins, stepSize, work, runs }) => [
      label,
      [method, uplink, downlink, coins && `coins ${coins}`].filter((spec) => spec !== undefined).join(' '),
      String(stepSize),
      spreadOf(runs.map(({ rounds }) => rounds)),
      spreadOf(runs.map(({ uplinkBytes }) => uplinkBytes / 1000)),
      spreadOf(runs.map(({ downlinkBytes }) => downlinkBytes / 1000)),
      work.worker.toFixed(2),
      work.server.toFixed(2),
    ]),
  };
}

export function pacedTable(paced: readonly Paced[], speed: number): Table[] {
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

const meanAt = ({ runs }: Result, k: number) => spread(runs.map(({ seconds }) => seconds[k] as number)).mean;

/** `12.3 ± 0.4`, one value or equal ones as they are, none as null. */
const spreadOf = (values: readonly number[]) =>
  values.length === 0 ? null : spreadText(values, (value) => String(Number(value.toPrecision(3))));
