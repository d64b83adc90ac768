import type { Metrics } from '@flotilla/server';
import type { Panel } from './figure.js';
import { coordinates, frameBytes, valueBits } from './measure.js';
import { type FigureResult, panelCharts } from './run-figure.js';

/** A figure for results.json: everything a reader may want to compute with; curves as rounded points. */
export function figureJson({ panels, claims }: FigureResult) {
  return {
    claims,
    panels: panels.map((result) => ({
      id: result.panel.id,
      title: result.panel.title,
      ...(result.skipped === undefined ? {} : { skipped: result.skipped }),
      curves: result.curves.map(({ curve, outcome }) => ({
        ...curve,
        factor: outcome.factor,
        steps: outcome.records.map(({ summary }) => summary?.stepSize ?? null),
        diverged: outcome.records.filter(({ diverged }) => diverged !== null).length,
        targets: result.panel.targets.map((target, k) => ({
          ...target,
          hits: outcome.records.map(({ hits }) => short(result.panel, hits[k] ?? null)),
        })),
      })),
      charts: panelCharts(result).map(({ title, xLabel, yLabel, series }) => ({
        title,
        xLabel,
        yLabel,
        series: series.map(({ name, points }) => ({
          name,
          points: every(points, 60).map(([x, y]) => [Number(x.toPrecision(5)), Number(y.toPrecision(5))]),
        })),
      })),
    })),
  };
}

/** A row as far as tables need it, for one worker. */
function short(panel: Panel, row: Metrics | null) {
  if (row === null) return null;
  return {
    round: row.round,
    valueBits: Math.round(valueBits(panel, row)),
    coordinates: Math.round(coordinates(panel, row)),
    uplinkBytes: Math.round(frameBytes(panel, row, 'uplink')),
    downlinkBytes: Math.round(frameBytes(panel, row, 'downlink')),
  };
}

/** At most `count` of the points, ends kept. */
function every<T>(points: readonly T[], count: number): T[] {
  const stride = Math.max(1, Math.ceil(points.length / count));
  return points.filter((_, k) => k % stride === 0 || k === points.length - 1);
}
