import { UsageError } from '@flotilla/core';
import { parseDecimal, printed } from '@flotilla/core/internal';
import { bytes, number } from '../terminal/format.js';
import type { Row, StoredRun } from './stored-run.js';

/** A value that a run is asked to reach. */
export interface Goal {
  readonly of: 'gradNormSq' | 'loss';
  readonly value: number;
}

/** ‖∇f‖² ≤ 0.01 */
export const goalText = ({ of, value }: Goal) => `${of === 'loss' ? 'f' : '‖∇f‖²'} ≤ ${number(value)}`;

/** The goals that `--target` and `--target-loss` write. @throws UsageError */
export function readGoals(target: string | undefined, targetLoss: string | undefined): Goal[] {
  const goal = (of: Goal['of'], option: string, text: string | undefined): Goal[] => {
    if (text === undefined) return [];
    const value = parseDecimal(text.trim());
    if (value === undefined) {
      throw new UsageError(`${option} cannot be ${printed(text)}; it is a number`);
    }
    return [{ of, value }];
  };
  return [...goal('gradNormSq', '--target', target), ...goal('loss', '--target-loss', targetLoss)];
}

/** The first evaluated row that meets a goal. */
export function firstAt(rows: readonly Row[], { of, value }: Goal): Row | undefined {
  return rows.find((row) => row[of] <= value);
}

/** The smallest ‖∇f‖² that every run has reached: what they can be compared at when nobody chose a goal. */
export function commonGoal(runs: readonly StoredRun[]): Goal | undefined {
  const reached = runs.map(({ rows }) => Math.min(...rows.map(({ gradNormSq }) => gradNormSq).filter(Number.isFinite)));
  const value = Math.max(...reached);
  return Number.isFinite(value) && value > 0 ? { of: 'gradNormSq', value } : undefined;
}

type NamedNumbers = Readonly<Record<string, number>>;

/** What a row is compared by. */
export interface Measures {
  readonly rounds: number;
  readonly loss: number;
  readonly gradNormSq: number;
  readonly metrics?: NamedNumbers;
  readonly validation?: NamedNumbers;
  readonly uplinkBytes: number;
  readonly downlinkBytes: number;
  readonly totalBytes: number;
  readonly wallSeconds: number;
  readonly modelSeconds?: number;
}

export function measuresOf(row: Row): Measures {
  const { uplink, downlink, modelSeconds } = row;
  return {
    rounds: row.round,
    loss: row.loss,
    gradNormSq: row.gradNormSq,
    ...numbers('metrics', row.metrics),
    ...numbers('validation', row.validation),
    uplinkBytes: uplink.frameBytes,
    downlinkBytes: downlink.frameBytes,
    totalBytes: uplink.frameBytes + downlink.frameBytes,
    wallSeconds: row.seconds,
    ...(typeof modelSeconds === 'number' ? { modelSeconds } : {}),
  };
}

/** What a run came to, as its last row has it; none for a run without rows. */
export const lastOf = ({ rows }: StoredRun): Measures[] => rows.slice(-1).map(measuresOf);

/** A measure as a column: what it is called, where it lies, and how it is written. */
export interface Measure {
  readonly name: string;
  readonly of: (measures: Measures) => number | undefined;
  readonly show: (value: number) => string;
}

const seconds = (value: number) => `${Number(value.toPrecision(3))}`;

/** What a run came to, less its costs. */
const VALUES: readonly Measure[] = [
  { name: 'f', of: ({ loss }) => loss, show: number },
  { name: '‖∇f‖²', of: ({ gradNormSq }) => gradNormSq, show: number },
];

/** What it took. */
export const COSTS: readonly Measure[] = [
  { name: 'rounds', of: ({ rounds }) => rounds, show: number },
  { name: 'uplink', of: ({ uplinkBytes }) => uplinkBytes, show: bytes },
  { name: 'downlink', of: ({ downlinkBytes }) => downlinkBytes, show: bytes },
  { name: 'total', of: ({ totalBytes }) => totalBytes, show: bytes },
  { name: 'wall seconds', of: ({ wallSeconds }) => wallSeconds, show: seconds },
  { name: 'modelled seconds', of: ({ modelSeconds }) => modelSeconds, show: seconds },
];

/** The measures that any of these runs has. */
export function measuresIn(runs: readonly StoredRun[]): Measure[] {
  const lasts = runs.flatMap(({ rows }) => rows.slice(-1)).map(measuresOf);
  const all = [...VALUES, ...extrasIn(runs), ...COSTS];
  return all.filter(({ of }) => lasts.some((measures) => of(measures) !== undefined));
}

/** Metrics and validation, as far as any of these runs has them. */
export function extrasIn(runs: readonly StoredRun[]): Measure[] {
  const lasts = runs.flatMap(({ rows }) => rows.slice(-1)).map(measuresOf);
  return (['metrics', 'validation'] as const).flatMap((part) =>
    [...new Set(lasts.flatMap((measures) => Object.keys(measures[part] ?? {})))].map((key) => ({
      name: part === 'metrics' ? key : `validation ${key}`,
      of: (measures: Measures) => measures[part]?.[key],
      show: number,
    })),
  );
}

/** More of a problem's numbers than this are no chart's business. */
const MAX_NUMBERS = 16;

/** The numbers of an object that came from a file, under the name that it has; nothing when there are none. */
function numbers<N extends string>(name: N, object: unknown): { readonly [name in N]?: NamedNumbers } {
  if (typeof object !== 'object' || object === null) return {};
  const found = Object.entries(object).filter(([, value]) => typeof value === 'number');
  if (found.length === 0) return {};
  return { [name]: Object.fromEntries(found.slice(0, MAX_NUMBERS)) } as { readonly [name in N]?: NamedNumbers };
}
