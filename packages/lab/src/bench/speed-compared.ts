import { readFileSync } from 'node:fs';
import { UsageError } from '@flotilla/core';
import { printed, reasonOf } from '@flotilla/core/internal';
import type { Table } from '../report/table.js';

interface Timed {
  readonly msPerRound: number;
  /** Quartiles; none from before there were any. */
  readonly spread?: readonly [low: number, high: number];
}

/** What a run of the bench has found, as far as it is compared. */
export interface Comparable {
  readonly rows: readonly {
    readonly name: string;
    readonly workers: number;
    readonly dimension: number;
    readonly threaded: Timed;
    readonly itemised: Timed;
    /** Milliseconds of the reference loop beside it; none from before there was one. */
    readonly reference?: number;
  }[];
}

/** @throws UsageError for a file that is none of this bench's */
export function readEarlier(path: string): Comparable {
  const refused = (why: string, cause?: unknown) =>
    new UsageError(`--compare ${printed(path)} must be a results.json of bench speed: ${why}`, { cause });
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw refused(reasonOf(cause), cause);
  }
  const { results } = (content ?? {}) as { results?: Partial<Comparable> };
  const isTimed = (timed: Partial<Timed> | undefined) => typeof timed?.msPerRound === 'number';
  const { rows } = results ?? {};
  if (!Array.isArray(rows) || !rows.every((row) => isTimed(row?.threaded) && isTimed(row?.itemised))) {
    throw refused('it has no rows of jobs');
  }
  return results as Comparable;
}

/**
 * Each job that both have, on threads and on one: milliseconds a round then and now, their ratio, and the ratio of quartiles,
 * low to high, that noise alone explains.
 */
export function compared(then: Comparable, now: Comparable): Table {
  const rows = now.rows.flatMap((row) => {
    const before = then.rows.find(
      ({ name, workers, dimension }) => name === row.name && workers === row.workers && dimension === row.dimension,
    );
    if (before === undefined) return [];
    const { reference = 1 } = row;
    // how much slower the machine itself was
    const machine = reference / (before.reference ?? reference);
    return (['threaded', 'itemised'] as const).map((how) => {
      const [a, b] = [before[how], row[how]];
      const [low, high] = b.spread ?? [b.msPerRound, b.msPerRound];
      const [lowThen, highThen] = a.spread ?? [a.msPerRound, a.msPerRound];
      const ratio = b.msPerRound / a.msPerRound;
      return [
        ...[row.name, row.workers, row.dimension, how === 'threaded' ? 'as given' : 'one thread'],
        ...[a.msPerRound, b.msPerRound, ratio, low / highThen, high / lowThen, ratio / machine],
      ];
    });
  });
  return {
    title:
      'Against the earlier run (low, high: quartile over opposite quartile; by loop: over that of the reference loop)',
    columns: ['job', 'n', 'd', 'threads', 'ms then', 'ms now', 'ratio', 'low', 'high', 'by loop'],
    rows,
  };
}
