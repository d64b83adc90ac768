import { methods } from '@flotilla/core';
import type { StoredRun } from './stored-run.js';

type Config = StoredRun['config'];

/** Runs that differ in nothing but their seed. */
export interface RunGroup {
  /** What tells it from the other groups, in words. */
  readonly label: string;
  readonly runs: readonly StoredRun[];
  /** The options that differ between groups, as this one has them. */
  readonly own: Config;
}

/** Groups of runs, and what holds for all of them. */
export interface GroupedRuns {
  readonly groups: readonly RunGroup[];
  /** What they have in common and what differs, in one line. */
  readonly title: string;
  /** The options that all runs share. */
  readonly common: Config;
}

/** Options that do not change what a run computes. */
const BYSTANDERS = new Set([
  ...['seed', 'out', 'threads', 'transport', 'grace', 'checkpointEvery', 'maxRestarts'],
  // of older runs too, which had another name for the first of them, or none of the last
  ...['workerTimeout', 'roundTimeout', 'onStraggler', 'divergedFactor'],
]);
/** Values of one option that a title lists. */
const LISTED = 4;

/** Runs by what they compute, seeds apart. */
export function groupRuns(runs: readonly StoredRun[]): GroupedRuns {
  const keys = [...new Set(runs.flatMap(({ config }) => Object.keys(config)))];
  const distinct = (key: string) => [...new Set(runs.map(({ config }) => JSON.stringify(config[key])))];
  const differing = keys.filter((key) => !BYSTANDERS.has(key) && distinct(key).length > 1);
  const methodsDiffer = differing.includes('method');
  const byConfig = new Map<string, StoredRun[]>();
  const seen = new Map<string, number>();
  for (const run of runs) {
    const config = JSON.stringify(differing.map((name) => run.config[name] ?? null));
    // the same run once more is no further seed
    const repetition = seen.get(`${config} ${run.config.seed}`) ?? 0;
    seen.set(`${config} ${run.config.seed}`, repetition + 1);
    const key = `${config} ${repetition}`;
    byConfig.set(key, [...(byConfig.get(key) ?? []), run]);
  }
  const repeated = [...seen.values()].some((count) => count > 1);
  // what a method has of its own need not be said where the method is
  const told = (config: Config, key: string) =>
    config[key] !== undefined && !(methodsDiffer && key in LINKS && config[key] === ownCompressor(config, key));
  const groups = [...byConfig.values()].map((members): RunGroup => {
    const config = members[0]?.config ?? {};
    const words = differing
      .filter((key) => told(config, key))
      .map((key) => (key === 'method' ? text(config[key]) : `${optionName(key)} ${text(config[key])}`));
    const absent = differing.filter((key) => config[key] === undefined).map((key) => `no ${optionName(key)}`);
    const where = repeated ? members.slice(0, 1).map(({ folder }) => folder) : [];
    const label = [...words, ...(words.length === 0 ? absent : []), ...where].join(', ');
    const own = Object.fromEntries(differing.map((key) => [key, config[key] ?? null]));
    return { label: label === '' ? text(config.method) : label, runs: members, own };
  });
  const common = Object.fromEntries(
    keys.filter((key) => key !== 'out' && distinct(key).length === 1).map((key) => [key, runs[0]?.config[key]]),
  );
  const values = differing
    .filter((key) => runs.some(({ config }) => told(config, key)))
    .map((key) => {
      const all = [...new Set(runs.map(({ config }) => text(config[key] ?? 'none')))];
      const rest = all.length > LISTED ? ` and ${all.length - LISTED + 1} more` : '';
      return `${optionName(key)} ${(rest === '' ? all : all.slice(0, LISTED - 1)).join(', ')}${rest}`;
    });
  const title = [about(common), ...values.slice(0, LISTED)].filter((part) => part !== '').join(' · ');
  const seeds = Math.max(...groups.map((group) => group.runs.length));
  return { groups, common, title: seeds > 1 ? `${title} · ${seeds} seeds` : title };
}

const LINKS = { uplink: true, downlink: true } as const;

function ownCompressor(config: Config, link: string): string | undefined {
  const [name = ''] = String(config.method).split(':');
  return Object.hasOwn(methods, name) ? methods[name]?.[link as keyof typeof LINKS] : undefined;
}

/** Method, problem, data and workers, as far as they are given. */
function about({ method, problem, data, workers }: Config): string {
  const what = [method, problem].filter((part) => part !== undefined).map(text);
  return [
    ...[`${what.join(' on ')}${data === undefined ? '' : ` (${text(data)})`}`.trim()],
    ...(workers === undefined ? [] : [`${text(workers)} worker${workers === 1 ? '' : 's'}`]),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** stepSize → step size */
export function optionName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A value of an option as text. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : Array.isArray(value) ? value.join(' ') : (JSON.stringify(value) ?? 'none');
}
