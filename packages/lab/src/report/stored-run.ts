import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@flotilla/core';
import { printed, readRegular, reasonOf } from '@flotilla/core/internal';
import type { InterruptedSummary, Metrics } from '@flotilla/server';

/** Numbers of a problem by their name, such as `accuracy`. */
type NamedNumbers = Readonly<Record<string, unknown>>;

/** A row, with what problems that have metrics, and runs that are validated, have beside f. */
export type Row = Metrics & { readonly metrics?: NamedNumbers; readonly validation?: NamedNumbers };

/** A run as its folder has it. */
export interface StoredRun {
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly rows: readonly Row[];
  /** Missing when the run failed. */
  readonly summary: InterruptedSummary | undefined;
  /** What of the folder could not be read, a line each. */
  readonly notes: readonly string[];
}

const MAX_OBJECT_BYTES = 1 << 20;
const MAX_ROWS_BYTES = 400e6;

/**
 * The run folders that paths stand for: a run's own, those of its seeds below the folder of `start --seeds`, or those below the
 * folder of a sweep.
 */
export function runFolders(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (existsSync(join(path, 'config.json'))) return [path];
    for (const [folder, name] of [
      [path, /^seed-/],
      // any folder may have one called runs; a sweep's has its results beside it
      ...(existsSync(join(path, 'results.json')) ? ([[join(path, 'runs'), /./]] as const) : []),
    ] as const) {
      const below = names(folder).filter((one) => name.test(one));
      const runs = below.map((one) => join(folder, one)).filter((one) => existsSync(join(one, 'config.json')));
      if (runs.length > 0) return runs;
    }
    // readRun says what is missing
    return [path];
  });
}

/** Names of the folders in a folder, numbers within them by their value; none where it cannot be read. */
function names(folder: string): string[] {
  const order = new Intl.Collator('en', { numeric: true });
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return entries.map(({ name }) => name).sort(order.compare);
  } catch {
    return [];
  }
}

/**
 * Reads a run folder. Rows that are not whole, as a run that was killed may leave one, are left out, and a note says so.
 * @throws UsageError when the folder holds no run
 */
export function readRun(folder: string): StoredRun {
  try {
    const config = record(readRegular(join(folder, 'config.json'), MAX_OBJECT_BYTES), 'config.json');
    const { rows, broken } = readRows(readRegular(join(folder, 'metrics.jsonl'), MAX_ROWS_BYTES));
    const path = join(folder, 'summary.json');
    const summary = existsSync(path) ? readSummary(readRegular(path, MAX_OBJECT_BYTES)) : undefined;
    const where = `${join(folder, 'metrics.jsonl')}, line ${broken.slice(0, 3).join(', ')}${broken.length > 3 ? ', …' : ''}`;
    const notes = broken.length === 0 ? [] : [`${where}: not a whole row, left out`];
    return { folder, config, rows, summary, notes };
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
  const below = names(folder).filter((one) => existsSync(join(folder, one, 'config.json')));
  const hint = below.length === 0 ? '' : `; its folders do: ${join(folder, '*')}`;
  return `it has no ${missing.join(' and no ')}${hint}`;
}

function record(text: string, file: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${file} is not an object`);
  return value as Record<string, unknown>;
}

const SUMMARY_NUMBERS = [
  ...['workers', 'threads', 'dimension', 'rounds', 'loss', 'gradNormSq', 'stepSize'],
  ...['wallSeconds', 'secondsToFirstRound'],
];
/** A run that was ended in the middle of a round does not know them. */
const MORE_NUMBERS = ['computeSeconds', 'gradientCalls'];

function readSummary(text: string): InterruptedSummary {
  const found = record(text, 'summary.json');
  const more = MORE_NUMBERS.filter((key) => found[key] !== undefined);
  needNumbers(found, [...SUMMARY_NUMBERS, ...more], 'summary.json');
  needNumbers(Object(found.uplink), LINK_NUMBERS, 'uplink of summary.json');
  needNumbers(Object(found.downlink), LINK_NUMBERS, 'downlink of summary.json');
  const parameters: Record<string, unknown> = Object(found.parameters);
  needNumbers(parameters, Object.keys(parameters), 'parameters of summary.json');
  return { ...found, parameters } as unknown as InterruptedSummary;
}

const LINK_NUMBERS = ['messages', 'payloadBytes', 'frameBytes', 'paperBits', 'coordinates'];

/** Has numbers where they must be; JSON has null for those that are not finite. @throws Error */
function needNumbers(object: Record<string, unknown>, keys: readonly string[], place: string): void {
  for (const key of keys) {
    if (object[key] === null) object[key] = Number.NaN;
    if (typeof object[key] !== 'number') throw new Error(`${place} has no ${key}`);
  }
}

/** The rows of a metrics.jsonl that are whole, and the line numbers of those that are not. */
function readRows(text: string): { rows: Row[]; broken: number[] } {
  const rows: Row[] = [];
  const broken: number[] = [];
  for (const [k, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      rows.push(row(line));
    } catch {
      broken.push(k + 1);
    }
  }
  return { rows, broken };
}

function row(line: string): Row {
  const found = record(line, 'a row');
  needNumbers(found, ['round', 'seconds', 'loss', 'gradNormSq'], 'a row');
  for (const link of ['uplink', 'downlink']) needNumbers(Object(found[link]), ['frameBytes'], link);
  return found as unknown as Row;
}
