import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { asFlotillaError, systemRuntime } from '@flotilla/core';
import type { Metrics } from '@flotilla/server';
import { type Options, parseOptions } from '@flotilla/server';
import { type RunEvent, serve } from '@flotilla/server/internal';
import type { SweepOutcome, SweepRun } from './run-record.js';

/** Rows of a record; a longer run keeps every second, fourth, … of its rows. */
const MAX_ROWS = 600;

/** One run of a sweep, on the thread it is called on. */
export default async function sweepRun({ options, targets }: SweepRun): Promise<SweepOutcome> {
  const { port1, port2 } = new MessageChannel();
  let rows: Metrics[] = [];
  const hits: (Metrics | null)[] = targets.map(() => null);
  let seen = 0;
  let stride = 1;
  let start: Metrics | undefined;
  let last: Metrics | undefined;
  port1.on('message', (event: RunEvent) => {
    if (event.type !== 'metrics') return;
    const row = event.metrics;
    start ??= row;
    last = row;
    for (const [k, target] of targets.entries()) {
      const value = target.of === 'loss' ? row.loss : row.gradNormSq;
      const bound = target.relative === true ? target.value * start.gradNormSq : target.value;
      if (hits[k] === null && value <= bound) hits[k] = row;
    }
    if (seen++ % stride !== 0) return;
    rows.push(row);
    if (rows.length > MAX_ROWS) {
      rows = rows.filter((_, k) => k % 2 === 0);
      stride *= 2;
    }
  });
  const drained = once(port1, 'close');
  let parsed: Options;
  try {
    parsed = parseOptions(options);
  } catch (thrown) {
    port1.close();
    const { code, message } = asFlotillaError(thrown);
    return { failed: code, message };
  }
  const outcome = await serve({ options: parsed, calledAt: systemRuntime.now(), port: port2 });
  await drained;
  if (last !== undefined && rows.at(-1) !== last) rows.push(last);
  if (outcome.ok) return { rows, hits, summary: outcome.summary, diverged: null };
  if (outcome.code !== 'diverged') return { failed: outcome.code, message: outcome.message };
  return { rows, hits, summary: null, diverged: outcome.message };
}
