import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@flotilla/core';
import type { Metrics, Summary } from '@flotilla/server';
import { readRegular } from '../files/read-regular.js';

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
  readonly summary: Summary | undefined;
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
      [join(path, 'runs'), /./],
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

/** @throws UsageError when the folder holds no run. */
export function readRun(folder: string): StoredRun {
  try {
    const config = record(readRegular(join(folder, 'config.json'), MAX_OBJECT_BYTES), 'config.json');
    const rows = readRows(readRegular(join(folder, 'metrics.jsonl'), MAX_ROWS_BYTES));
    const path = join(folder, 'summary.json');
    const summary = existsSync(path) ? readSummary(readRegular(path, MAX_OBJECT_BYTES)) : undefined;
    return { folder, config, rows, summary };
  } catch (cause) {
    const why = (cause as Error).message.replace(/\s+/g, ' ');
    throw new UsageError(`${JSON.stringify(folder)} does not hold a run: ${why}`, { cause });
  }
}

function record(text: string, file: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${file} is not an object`);
  return value as Record<string, unknown>;
}

const SUMMARY_NUMBERS = ['workers', 'threads', 'dimension', 'rounds', 'loss', 'gradNormSq', 'stepSize', 'wallSeconds'];
const MORE_NUMBERS = ['computeSeconds', 'gradientCalls', 'secondsToFirstRound'];

function readSummary(text: string): Summary {
  const found = record(text, 'summary.json');
  needNumbers(found, [...SUMMARY_NUMBERS, ...MORE_NUMBERS], 'summary.json');
  needNumbers(Object(found.uplink), LINK_NUMBERS, 'uplink of summary.json');
  needNumbers(Object(found.downlink), LINK_NUMBERS, 'downlink of summary.json');
  const parameters: Record<string, unknown> = Object(found.parameters);
  needNumbers(parameters, Object.keys(parameters), 'parameters of summary.json');
  return { ...found, parameters } as unknown as Summary;
}

const LINK_NUMBERS = ['messages', 'payloadBytes', 'frameBytes', 'paperBits', 'coordinates'];

/** Has numbers where they must be; JSON has null for those that are not finite. @throws Error */
function needNumbers(object: Record<string, unknown>, keys: readonly string[], place: string): void {
  for (const key of keys) {
    if (object[key] === null) object[key] = Number.NaN;
    if (typeof object[key] !== 'number') throw new Error(`${place} has no ${key}`);
  }
}

/** The rows of metrics.jsonl; a last one that was cut, by a kill or a full disk, is left out. */
function readRows(text: string): Row[] {
  const lines = text.split('\n');
  const cut = lines.pop() ?? '';
  const rows = lines.filter((line) => line !== '').map((line, k) => row(line, `line ${k + 1} of metrics.jsonl`));
  try {
    if (cut !== '') rows.push(row(cut, ''));
  } catch {
    // not written to its end
  }
  return rows;
}

function row(line: string, place: string): Row {
  let found: Record<string, unknown>;
  try {
    found = record(line, place);
  } catch {
    throw new Error(`${place} is not a row of a run`);
  }
  needNumbers(found, ['round', 'seconds', 'loss', 'gradNormSq'], place);
  for (const link of ['uplink', 'downlink']) needNumbers(Object(found[link]), ['frameBytes'], `${link} in ${place}`);
  return found as unknown as Row;
}
