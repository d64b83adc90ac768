import { UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';
import type { Options } from '@flotilla/server';
import { firstAt, type Goal, type Measures, measuresOf } from '../report/measures.js';
import type { StoredRun } from '../report/stored-run.js';

/** What points of a sweep are ranked by. */
export interface Score {
  /** As it was asked for. */
  readonly name: string;
  readonly largest: boolean;
  readonly unit: 'bytes' | undefined;
  /** The score of a run; undefined when it has none, as when it did not reach its target. */
  of(run: StoredRun): number | undefined;
}

const COSTS: Readonly<Record<string, (measures: Measures) => number | undefined>> = {
  rounds: ({ rounds }) => rounds,
  bytes: ({ totalBytes }) => totalBytes,
  'uplink-bytes': ({ uplinkBytes }) => uplinkBytes,
  'downlink-bytes': ({ downlinkBytes }) => downlinkBytes,
  seconds: ({ wallSeconds }) => wallSeconds,
  'modelled-seconds': ({ modelSeconds }) => modelSeconds,
};

const VALUES: typeof COSTS = {
  loss: ({ loss }) => loss,
  gradNormSq: ({ gradNormSq }) => gradNormSq,
  'grad-norm-sq': ({ gradNormSq }) => gradNormSq,
};

const TO_TARGET = '-to-target';

/** What `--best` may be. */
export const SCORE_NAMES = [
  ...['loss', 'gradNormSq', ...Object.keys(COSTS), ...Object.keys(COSTS).map((name) => `${name}${TO_TARGET}`)],
  ...['validation.NAME', 'metrics.NAME'],
];

/** Metrics of which more is better. */
const LARGEST = /accuracy|r2|auc|precision|recall|f1|prog/i;

/**
 * The score that `--best` names; `max:` or `min:` before a name says which end is the better one.
 * @param target Whether runs have a target.
 * @throws UsageError
 */
export function readScore(text: string, target: boolean): Score {
  const [, end, name = ''] = /^(?:(min|max):)?([\s\S]*)$/.exec(text) ?? [];
  const largest = end === 'max' || (end === undefined && /^(validation|metrics)\./.test(name) && LARGEST.test(name));
  const score = (of: Score['of']): Score => ({
    name: text,
    largest,
    unit: /bytes/.test(name) ? 'bytes' : undefined,
    of,
  });
  const last = (of: (measures: Measures) => number | undefined) =>
    score(({ rows }) => rows.slice(-1).map((row) => of(measuresOf(row)))[0]);
  const [, part, key = ''] = /^(validation|metrics)\.(.+)$/.exec(name) ?? [];
  if (part === 'validation' || part === 'metrics') return last((measures) => measures[part]?.[key]);
  const cost = name.endsWith(TO_TARGET) ? name.slice(0, -TO_TARGET.length) : '';
  const atTarget = Object.hasOwn(COSTS, cost) ? COSTS[cost] : undefined;
  if (atTarget !== undefined) {
    if (!target) throw new UsageError(`--best ${name} needs --target, --target-relative or --target-loss`);
    return score((run) => {
      const goal = goalOf(run);
      const row = goal === undefined ? undefined : firstAt(run.rows, goal);
      return row === undefined ? undefined : atTarget(measuresOf(row));
    });
  }
  for (const known of [VALUES, COSTS]) if (Object.hasOwn(known, name)) return last(known[name] as (typeof COSTS)['']);
  throw new UsageError(`--best cannot be ${printed(text)}; it is one of ${SCORE_NAMES.join(', ')}`);
}

/** Whether runs with these options have a target. */
export const hasTarget = ({ targetLoss, target, targetRelative }: Options) =>
  [targetLoss, target, targetRelative].some((value) => value !== undefined);

/** The target that a run was given: of f before those of ‖∇f‖². */
export function goalOf({ config, rows }: StoredRun): Goal | undefined {
  const { targetLoss, target, targetRelative } = config as Partial<Options>;
  if (targetLoss !== undefined) return { of: 'loss', value: targetLoss };
  if (target !== undefined) return { of: 'gradNormSq', value: target };
  const start = rows[0]?.gradNormSq;
  return targetRelative === undefined || start === undefined
    ? undefined
    : { of: 'gradNormSq', value: targetRelative * start };
}
