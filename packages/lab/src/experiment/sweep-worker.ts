import { DivergedError, systemRuntime } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import { parseLinkModel } from '@flotilla/protocol';
import { type Metrics, parseOptions, type Summary } from '@flotilla/server';
import { aboutRun, planRun, summarize, Training } from '@flotilla/server/internal';
import type { SweepOutcome, SweepRun } from './run-record.js';

/** Rows of a record unless it asks for fewer; a longer run keeps every second, fourth, … of its rows. */
const MAX_ROWS = 600;

/** One run of a sweep, on the thread it is called on. */
export default async function sweepRun(run: SweepRun): Promise<SweepOutcome> {
  const { options, targets, rows: most = MAX_ROWS, linkModels = [] } = run;
  let rows: Metrics[] = [];
  const hits: (Metrics | null)[] = targets.map(() => null);
  let seen = 0;
  let stride = 1;
  let start: Metrics | undefined;
  let last: Metrics | undefined;
  const onMetrics = (row: Metrics) => {
    start ??= row;
    last = row;
    for (const [k, target] of targets.entries()) {
      const value = target.of === 'loss' ? row.loss : row.gradNormSq;
      const bound = target.relative === true ? target.value * start.gradNormSq : target.value;
      if (hits[k] === null && value <= bound) hits[k] = row;
    }
    if (seen++ % stride !== 0) return;
    rows.push(row);
    if (rows.length > most) {
      rows = rows.filter((_, k) => k % 2 === 0);
      stride *= 2;
    }
  };
  let summary: Summary | null = null;
  let diverged: string | null = null;
  let training: Training | undefined;
  try {
    const from = systemRuntime.now();
    const parsed = parseOptions(options);
    const plan = await planRun(parsed);
    const models = [...plan.linkModels, ...linkModels.map(parseLinkModel)];
    training = await Training.open(parsed, { plan: { ...plan, linkModels: models } });
    const secondsToFirstRound = (systemRuntime.now() - from) / 1000;
    const { metrics, stopReason } = await training.run({ onMetrics });
    summary = await summarize(training, aboutRun(training, secondsToFirstRound), metrics, stopReason);
  } catch (thrown) {
    const { code, message } = asFlotillaError(thrown);
    if (!(thrown instanceof DivergedError) && code !== 'diverged') return { failed: code, message };
    diverged = message;
  } finally {
    await training?.close();
  }
  if (last !== undefined && rows.at(-1) !== last) rows.push(last);
  const modelSeconds = linkModels.length === 0 ? undefined : training?.linkModel?.seconds.slice(-linkModels.length);
  return { rows, hits, summary, diverged, ...(modelSeconds && { modelSeconds }) };
}
