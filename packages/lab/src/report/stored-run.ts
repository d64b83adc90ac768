import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@flotilla/core';
import { printed, reasonOf } from '@flotilla/core/internal';
import type { Metrics, Summary } from '@flotilla/server';

/** A run as its folder has it. */
export interface StoredRun {
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly rows: readonly Metrics[];
  /** Missing when the run failed. */
  readonly summary: Summary | undefined;
  /** What of the folder could not be read, a line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a run folder. Rows that are not whole, as a run that was killed may leave one, are left out, and a note says so.
 * @throws UsageError when the folder holds no run
 */
export function readRun(folder: string): StoredRun {
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  try {
    const config = JSON.parse(read('config.json')) as StoredRun['config'];
    const { rows, broken } = wholeRows(read('metrics.jsonl'));
    let summary: Summary | undefined;
    try {
      summary = JSON.parse(read('summary.json')) as Summary;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    }
    const where = `${join(folder, 'metrics.jsonl')}, line ${broken.slice(0, 3).join(', ')}${broken.length > 3 ? ', …' : ''}`;
    return { folder, config, rows, summary, notes: broken.length === 0 ? [] : [`${where}: not a whole row, left out`] };
  } catch (cause) {
    throw new UsageError(`${printed(folder)} does not hold a run: ${noRun(folder, cause)}`, { cause });
  }
}

/** Why a folder has no run that can be read. */
function noRun(folder: string, cause: unknown): string {
  if (cause instanceof SyntaxError) return 'one of its files is not whole';
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOTDIR') return 'it is a file, not a folder';
  if (code !== 'ENOENT') return reasonOf(cause);
  if (!existsSync(folder)) return 'no folder is there';
  const missing = ['config.json', 'metrics.jsonl'].filter((file) => !existsSync(join(folder, file)));
  return `it has no ${missing.join(' and no ')}`;
}

/** The rows of a metrics.jsonl that are whole, and the line numbers of those that are not. */
function wholeRows(text: string): { rows: Metrics[]; broken: number[] } {
  const rows: Metrics[] = [];
  const broken: number[] = [];
  for (const [k, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const row = parsed(line);
    if (isRow(row)) rows.push(row);
    else broken.push(k + 1);
  }
  return { rows, broken };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isRow(value: unknown): value is Metrics {
  const row = value as Partial<Metrics> | null | undefined;
  const numbers = [
    row?.round,
    row?.seconds,
    row?.loss,
    row?.gradNormSq,
    row?.uplink?.frameBytes,
    row?.downlink?.frameBytes,
  ];
  return numbers.every((number) => typeof number === 'number');
}
