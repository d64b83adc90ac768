import type { Meters } from '@flotilla/server';
import { arrayOf, type Rows } from './rows.js';

/** A server-sent event. */
export const sse = (event: string, data: unknown) => Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);

/** Rows as one event, whose id is the round of the last one. */
export function rowsEvent({ lines, end }: Rows): Buffer {
  return Buffer.concat([Buffer.from(`id: ${end.round}\nevent: rows\ndata: `), arrayOf(lines), Buffer.from('\n\n')]);
}

/** Meters as JSON: arrays of workers are plain, and seconds are told to the microsecond. */
export function metersEvent(meters: Meters): Buffer {
  const seconds = (values: Float64Array) => Array.from(values, (value) => Math.round(1e6 * value) / 1e6);
  const { uplinkBytes, downlinkBytes, computeSeconds, waitedSeconds, losses } = meters.workers;
  const workers = {
    uplinkBytes: Array.from(uplinkBytes),
    downlinkBytes: Array.from(downlinkBytes),
    computeSeconds: seconds(computeSeconds),
    waitedSeconds: seconds(waitedSeconds),
    losses: Array.from(losses),
  };
  return sse('meters', { ...meters, workers });
}

/** Until which round a reader that comes back has rows, by its Last-Event-ID; −1 for one that has none. */
export function roundOf(lastEventId: unknown): number {
  return typeof lastEventId === 'string' && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : -1;
}
