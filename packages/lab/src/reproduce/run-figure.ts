import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@flotilla/core';
import { asFlotillaError, printed } from '@flotilla/core/internal';
import type { Metrics } from '@flotilla/server';
import type { Sweep } from '../experiment/sweep.js';
import { runTrial, type Trial, tune } from '../experiment/tune.js';
import type { ChartSpec } from '../report/chart.js';
import { meanCurve } from '../report/curves.js';
import type { Section } from '../report/page.js';
import { spread, spreadText } from '../report/statistics.js';
import type { Table } from '../report/table.js';
import { bytes, grouped, number } from '../terminal/format.js';
import type { Claim, Curve, CurveResult, Figure, Panel, PanelResult, Size } from './figure.js';
import { atTarget, coordinates, frameBytes, valueBits } from './measure.js';

/** A figure as it was computed. */
export interface FigureResult {
  readonly figure: Figure;
  readonly panels: readonly PanelResult[];
  readonly claims: readonly Claim[];
}

export interface RunFigureOptions {
  /** Where data sets lie that are not found by their name. */
  readonly dataFolder: string | undefined;
  /** Ids of the panels to run; all when left out. */
  readonly only: readonly string[] | undefined;
  readonly log: (line: string) => void;
}

/** Runs every curve of a figure, for every seed. */
export async function runFigure(
  figure: Figure,
  size: Size,
  sweep: Sweep,
  { dataFolder, only, log }: RunFigureOptions,
): Promise<FigureResult> {
  const panels: PanelResult[] = [];
  const all = figure.panels(size);
  const unknown = only?.find((id) => all.every((panel) => panel.id !== id));
  if (unknown !== undefined) {
    throw new UsageError(
      `${figure.name} has no panel ${printed(unknown)}; it has ${all.map(({ id }) => id).join(', ')}`,
    );
  }
  for (const panel of all.filter(({ id }) => only === undefined || only.includes(id))) {
    log(`${figure.name}, ${panel.title}`);
    try {
      panels.push({
        panel,
        curves: await runCurves(panel, (curve) => runCurve(panel, curve, size, sweep, dataFolder)),
      });
    } catch (thrown) {
      const { code, message } = asFlotillaError(thrown);
      // without its data a panel is left out; everything else is a defect
      if (panel.data === undefined || (code !== 'usage' && code !== 'io')) throw thrown;
      log(`${panel.title} is left out: ${message}`);
      panels.push({ panel, curves: [], skipped: message });
    }
  }
  return { figure, panels, claims: figure.claims(panels) };
}

/** All curves of a panel; where it has a budget, the curve that sets it first. */
async function runCurves(panel: Panel, run: (curve: Curve) => Promise<CurveResult>): Promise<CurveResult[]> {
  const { budget, curves } = panel;
  const first = curves.find(({ label }) => label === budget?.of);
  const setter = first === undefined ? undefined : await run(first);
  const needs =
    setter === undefined ? [] : atTarget(setter, panel.targets.length - 1, (row) => coordinates(panel, row));
  const sent = needs.length === 0 ? Number.POSITIVE_INFINITY : (budget?.times ?? 1) * spread(needs).mean;
  return Promise.all(
    curves.map((curve) => {
      if (setter !== undefined && curve === first) return setter;
      const { rounds, perRound } = curve;
      return run(perRound === undefined ? curve : { ...curve, rounds: Math.min(rounds, Math.ceil(sent / perRound)) });
    }),
  );
}

async function runCurve(
  panel: Panel,
  curve: Curve,
  size: Size,
  sweep: Sweep,
  dataFolder: string | undefined,
): Promise<CurveResult> {
  const { method, uplink, downlink, rounds, evalEvery = 1, stepSize = 'theory', base, from, goal = panel.goal } = curve;
  const { problem, workers, targets } = panel;
  const last = targets.at(-1);
  const stop = last === undefined || panel.toTheEnd === true || last.of === 'loss' ? {} : stopAt(last);
  const trial: Trial = {
    options: {
      method,
      uplink,
      downlink,
      problem,
      workers,
      evalEvery,
      transport: 'loopback',
      ...stop,
      ...(panel.data === undefined ? {} : { data: resolveData(panel.data, dataFolder) }),
    },
    seeds: Array.from({ length: curve.deterministic === true ? 1 : Math.max(size.seeds, panel.seeds ?? 0) }, (_, k) =>
      String(k),
    ),
    targets,
    rounds,
    ...(from === undefined ? {} : { from }),
    ...(typeof stepSize === 'number' ? { base: stepSize } : base === undefined ? {} : { base }),
  };
  const outcome =
    stepSize === 'tuned' ? await tune(sweep, trial, goal ?? targets.length - 1) : await runTrial(sweep, trial, 1);
  return { curve, outcome };
}

function stopAt({ value, relative }: Panel['targets'][number]): { target?: number; targetRelative?: number } {
  return relative === true ? { targetRelative: value } : { target: value };
}

/** A file of this name in the data folder, packed or not; else the name, for the loader to know or refuse. */
export function resolveData(name: string, folder: string | undefined): string {
  if (folder === undefined) return name;
  const files = ['', '.xz', '.gz', '.bz2'].map((ending) => join(folder, `${name}${ending}`));
  return files.find((file) => existsSync(file)) ?? name;
}

/** The figure as a page: for each panel its charts and table, then the claims. */
export function figureSections({ figure, panels, claims }: FigureResult): Section[] {
  return [
    { text: [`${figure.paper}. ${figure.summary}`] },
    ...panels.map((result) => ({
      title: result.panel.title,
      text: result.skipped === undefined ? [] : [`Left out: ${result.skipped}`],
      charts: panelCharts(result),
      tables: result.skipped === undefined ? [panelTable(result)] : [],
    })),
    {
      title: 'Claims of the paper',
      tables: [claimsTable(claims)],
      text: figure.differences,
    },
  ];
}

export function claimsTable(claims: readonly Claim[]): Table {
  return {
    title: '',
    columns: ['what', 'verdict', 'numbers'],
    rows: claims.map(({ claim, verdict, numbers }) => [claim, verdict, numbers]),
  };
}

/** ‖∇f‖² against the paper's axis and against what really went over the links. */
export function panelCharts({ panel, curves, skipped }: PanelResult): ChartSpec[] {
  if (skipped !== undefined) return [];
  const relative = panel.targets.some((target) => target.relative === true);
  const gradient = {
    label: relative ? '‖∇f(x)‖² / ‖∇f(x⁰)‖²' : '‖∇f(x)‖²',
    of: (row: Metrics, start: Metrics) => row.gradNormSq / (relative ? start.gradNormSq : 1),
  };
  const values = [gradient, ...(panel.loss === true ? [{ label: 'f(x)', of: (row: Metrics) => row.loss }] : [])];
  const link = panel.axis === 'both' ? '' : `${panel.axis} `;
  const axes = [
    { label: `${link}value bits a worker`, of: (row: Metrics) => valueBits(panel, row) },
    { label: 'frame bytes a worker, both links', of: (row: Metrics) => frameBytes(panel, row, 'both') },
  ];
  return values.flatMap((value) =>
    axes.map(
      (axis): ChartSpec => ({
        title: panel.title,
        xLabel: axis.label,
        yLabel: value.label,
        yLog: true,
        xLog: panel.xLog ?? false,
        series: curves.map(({ curve, outcome }, k) => ({
          ...meanCurve(
            curve.label,
            outcome.records.map(({ rows }) => {
              const start = rows[0];
              return start === undefined
                ? []
                : rows.map((row): [number, number] => [axis.of(row), value.of(row, start)]);
            }),
          ),
          style: curve.style ?? k,
        })),
      }),
    ),
  );
}

const wholeBytes = (value: number) => bytes(Math.round(value));

/** What every curve needed to each target: mean ± standard deviation over seeds. */
export function panelTable({ panel, curves }: PanelResult): Table {
  const rows = curves.flatMap((result) => {
    const { curve, outcome } = result;
    const { factor, records } = outcome;
    const grid = outcome.evalEvery > 1 ? ` (grid of ${outcome.evalEvery})` : '';
    const stepSizes = records.flatMap(({ summary }) => (summary === null ? [] : [summary.stepSize]));
    return panel.targets.map((target, k) => {
      const met = records.filter(({ hits }) => hits[k] !== null).length;
      const over = (of: (row: Metrics) => number, show: (value: number) => string) =>
        spreadText(atTarget(result, k, of), show);
      return [
        k === 0 ? curve.label : '',
        k > 0
          ? ''
          : `${spreadText(stepSizes.slice(0, 1), number)}${curve.stepSize === 'tuned' ? ` (× ${factor})` : ''}`,
        `${target.of === 'loss' ? 'f ' : ''}${number(target.value)}`,
        `${met} of ${records.length}`,
        met === records.length ? `${over((row) => row.round, grouped)}${grid}` : '–',
        over((row) => valueBits(panel, row), grouped),
        over((row) => coordinates(panel, row), grouped),
        over((row) => frameBytes(panel, row, 'uplink'), wholeBytes),
        over((row) => frameBytes(panel, row, 'downlink'), wholeBytes),
        over((row) => frameBytes(panel, row, 'both'), wholeBytes),
      ];
    });
  });
  const relative = panel.targets.some((target) => target.relative === true);
  const link = panel.axis === 'both' ? '' : `${panel.axis} `;
  return {
    title: `To ‖∇f‖² ≤ target${relative ? ' · ‖∇f(x⁰)‖²' : ''}, for one worker, ${panel.workers} workers: mean ± standard deviation over seeds`,
    columns: [
      ...['method', 'step size', 'target', 'seeds', 'rounds', `${link}value bits`, `${link}coordinates`],
      ...['uplink frames', 'downlink frames', 'both'],
    ],
    rows,
  };
}
