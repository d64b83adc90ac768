import type { Metrics } from '@flotilla/server';
import { agreement, type Reference } from '../experiment/agreement.js';
import { spread } from '../report/statistics.js';
import type { Claim, CurveResult, Panel, PanelResult } from './figure.js';

/** The bits that the papers count, for one worker, on the panel's link. */
export function valueBits({ axis, workers }: Panel, row: Metrics): number {
  const { uplink, downlink } = row;
  const bits = { uplink: uplink.paperBits, downlink: downlink.paperBits, both: uplink.paperBits + downlink.paperBits };
  return bits[axis] / workers;
}

/** Frame bytes of one worker, on the panel's link or on both. */
export function frameBytes({ workers }: Panel, row: Metrics, axis: Panel['axis']): number {
  const { uplink, downlink } = row;
  const bytes = {
    uplink: uplink.frameBytes,
    downlink: downlink.frameBytes,
    both: uplink.frameBytes + downlink.frameBytes,
  };
  return bytes[axis] / workers;
}

/** Coordinates of one worker on the panel's link. */
export function coordinates({ axis, workers }: Panel, { uplink, downlink }: Metrics): number {
  const sums = {
    uplink: uplink.coordinates,
    downlink: downlink.coordinates,
    both: uplink.coordinates + downlink.coordinates,
  };
  return sums[axis] / workers;
}

/** A measure of every seed of a curve at the first evaluation that meets a target; empty unless all seeds met it. */
export function atTarget({ outcome }: CurveResult, target: number, of: (row: Metrics) => number): number[] {
  const hits = outcome.records.map(({ hits }) => hits[target] ?? null);
  return hits.every((hit) => hit !== null) ? hits.map(of) : [];
}

/** The curve of a panel with this label. */
export function curveOf(panels: readonly PanelResult[], id: string, label: string): CurveResult | undefined {
  return panels.find(({ panel }) => panel.id === id)?.curves.find(({ curve }) => curve.label === label);
}

/** How far a measure at a target may lie above its value where the target was met, for want of an evaluation there. */
function gridOf(curve: CurveResult, target: number, values: readonly number[]): { every: number; step: number } {
  const every = curve.outcome.evalEvery;
  const rounds = spread(atTarget(curve, target, (row) => row.round)).mean;
  return { every, step: rounds === 0 ? 0 : ((every - 1) * spread(values).mean) / rounds };
}

/** Compares a curve at a target with an independent program. */
export function checkReference(
  panels: readonly PanelResult[],
  where: { readonly id: string; readonly label: string; readonly target: number },
  what: string,
  of: (row: Metrics) => number,
  reference: Reference,
): Claim {
  const claim = `${where.label}: ${what}, as an independent program has them`;
  const curve = curveOf(panels, where.id, where.label);
  if (curve === undefined || curve.outcome.records.length === 0)
    return { claim, verdict: 'not run', numbers: 'no data' };
  const values = atTarget(curve, where.target, of);
  if (values.length === 0) {
    const { records } = curve.outcome;
    const reached = records.filter(({ hits }) => (hits[where.target] ?? null) !== null).length;
    const numbers = `the target was reached by ${reached} of ${records.length} seeds`;
    return { claim, verdict: 'not decided', numbers };
  }
  const { verdict, text } = agreement(values, reference, gridOf(curve, where.target, values));
  return { claim, verdict, numbers: text };
}

/** Mean of a measure at a target; infinite when a seed did not meet it. */
export function meanAt(curve: CurveResult | undefined, target: number, of: (row: Metrics) => number): number {
  const values = curve === undefined ? [] : atTarget(curve, target, of);
  return values.length === 0 ? Number.POSITIVE_INFINITY : spread(values).mean;
}
