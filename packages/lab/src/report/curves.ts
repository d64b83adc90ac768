import type { Metrics } from '@flotilla/server';
import type { Series } from './chart.js';

type Point = readonly [x: number, y: number];

/** Points of the grid on which curves of several seeds are averaged. */
const GRID = 240;

/**
 * One curve of several repetitions: the mean over seeds at equal x, and the band from the smallest to the largest. Every
 * seed's points are joined by straight lines; the curve ends where the first seed ends. One repetition stays as it is.
 */
export function meanCurve(name: string, repetitions: readonly (readonly Point[])[]): Series {
  const curves = repetitions.filter(({ length }) => length > 0);
  const [only] = curves;
  if (only === undefined) return { name, points: [] };
  if (curves.length === 1) return { name, points: only };
  const last = Math.min(...curves.map((curve) => curve.at(-1)?.[0] ?? 0));
  // where the longest curve has its own points, as far as there are not too many of them
  const own = only.map(([x]) => x).filter((x) => x <= last);
  const grid = own.length <= GRID ? [...own, last] : Array.from({ length: GRID }, (_, k) => (k * last) / (GRID - 1));
  const cursors = curves.map(() => 0);
  const points: [number, number][] = [];
  const band: [number, number, number][] = [];
  for (const x of new Set(grid)) {
    const values = curves.map((curve, c) => {
      while ((curve[(cursors[c] as number) + 1]?.[0] ?? Number.POSITIVE_INFINITY) <= x)
        cursors[c] = (cursors[c] as number) + 1;
      const k = cursors[c] as number;
      const [x0, y0] = curve[k] as Point;
      const [x1, y1] = curve[k + 1] ?? [x0, y0];
      return x1 > x0 ? y0 + ((y1 - y0) * (x - x0)) / (x1 - x0) : y0;
    });
    points.push([x, values.reduce((sum, v) => sum + v, 0) / values.length]);
    band.push([x, Math.min(...values), Math.max(...values)]);
  }
  return { name, points, band };
}

/** What a curve can be drawn against. `bits` are what the papers count for one worker. */
export const AXES = {
  rounds: { label: 'rounds', unit: undefined, of: (row: Metrics) => row.round },
  uplink: { label: 'uplink frame bytes', unit: 'bytes', of: (row: Metrics) => row.uplink.frameBytes },
  downlink: { label: 'downlink frame bytes', unit: 'bytes', of: (row: Metrics) => row.downlink.frameBytes },
  total: {
    label: 'total frame bytes',
    unit: 'bytes',
    of: (row: Metrics) => row.uplink.frameBytes + row.downlink.frameBytes,
  },
  seconds: { label: 'seconds', unit: undefined, of: (row: Metrics) => row.seconds },
  modelSeconds: {
    label: 'seconds on the modelled links',
    unit: undefined,
    of: (row: Metrics) => row.modelSeconds ?? 0,
  },
} as const;
