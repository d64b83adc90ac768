import { join, resolve } from 'node:path';
import { UsageError } from '@flotilla/core';
import { type Disk, optionError, printed, readRegular, reasonOf, systemDisk } from '@flotilla/core/internal';
import { modulesOf } from '@flotilla/worker';
import { isInitFile } from '../model/starting-point.js';
import { BROKER_OPTIONS } from '../run/broker.js';
import type { Summary } from '../run/metrics.js';
import { mergeOptions, type Options, type OptionsInput, optionsSchema, parseOptions } from '../run/options.js';
import { problemText } from '../run/problem-text.js';
import { CONFIG, SUMMARY } from '../run/run-folder.js';

const MAX_BYTES = 1 << 20;

/** When a run ends: given anew, a run that has ended goes on. */
const STOP_RULES = ['rounds', 'target', 'targetRelative', 'targetLoss', 'timeLimit', 'maxBytes'] as const;

/** What a run may be given anew when it goes on: nothing of it changes an iterate or a byte of a frame. */
const GIVEN_ANEW: ReadonlySet<string> = new Set<keyof Options>([
  ...STOP_RULES,
  'threads',
  'transport',
  ...BROKER_OPTIONS,
  'link',
  'evalEvery',
  'grace',
  'roundTimeout',
  'onStraggler',
  'divergedFactor',
  'maxRestarts',
  'checkpointEvery',
]);

/** What stands in a configuration for data that were in memory, and for a starting point. */
const inMemory = (value: unknown) => typeof value === 'string' && /^(memory|given):/.test(value);

/** A run as its folder has it, about to go on. */
export interface StoredRun {
  /** Its options, with what was given anew; `out` is its folder. */
  readonly options: Options;
  /** What config.json shall be, where it changes. */
  readonly config: object | undefined;
  /** What it has come to, where it has ended and no rule to stop was given anew. */
  readonly finished: Summary | undefined;
}

/**
 * Reads what a run was, from its folder.
 * @param given Options, unchecked: a rule to stop, threads, transport and the like may differ from what they were.
 * @param trust Whether the folder may name modules that the caller does not, which run.
 * @throws UsageError when there is no run, or none that can go on with these options
 */
export function readStoredRun(resume: unknown, given: OptionsInput, trust: boolean, disk = systemDisk): StoredRun {
  if (typeof resume !== 'string' || resume === '' || resume.includes('\0')) {
    throw optionError('resume', `must be the path of a run folder, not ${printed(resume)}`);
  }
  const folder = resolve(resume);
  const config = readConfig(resume, folder, disk);
  const asked = Object.entries(given).filter(([, value]) => value !== undefined);
  const anew: Record<string, unknown> = {};
  const again: Record<string, unknown> = {};
  for (const [name, value] of asked) {
    if (GIVEN_ANEW.has(name) || !Object.hasOwn(optionsSchema.entries, name)) anew[name] = value;
    // that they are the same is known when they are loaded
    else if (isObject(value) && (inMemory(config[name]) || config[name] === undefined)) again[name] = value;
    else if (name === 'problem') checkSame(name, problemText(value as string), config[name]);
    else if (name !== 'out' || resolve(String(value)) !== folder) checkSame(name, value, config[name]);
  }
  for (const name of isMeasured(config) ? ['data', 'validation', 'init'] : ['data', 'validation']) {
    if (inMemory(config[name]) && !(name in again)) {
      throw optionError(name, `must be given again: this run has its ${name} in memory`);
    }
  }
  // who goes on without a broker leaves its broker
  if (anew.transport !== undefined && anew.transport !== 'nats') {
    for (const name of BROKER_OPTIONS) if (anew[name] === undefined) delete config[name];
  }
  const options = parseOptions({ ...mergeOptions(config, anew), ...again, out: folder });
  const code = modulesOf(options).filter((module) => !modulesOf(parseOptions(given)).includes(module));
  if (code.length > 0 && !trust) {
    const named = code.map((module) => printed(module)).join(', ');
    throw optionError(
      'resume',
      `${printed(resume)} names code that would run: ${named}; trust: true lets it, if you know it`,
    );
  }
  const changes = Object.entries(anew).some(([name, value]) => config[name] !== value);
  const stops = STOP_RULES.some((name) => name in anew && anew[name] !== config[name]);
  return {
    options,
    config: changes ? mergeOptions(mergeOptions(config, anew), {}) : undefined,
    finished: stops ? undefined : finishedIn(folder, disk),
  };
}

const isObject = (value: unknown) => typeof value === 'object' && !Array.isArray(value);

function readConfig(resume: string, folder: string, disk: Disk): Record<string, unknown> {
  let config: unknown;
  try {
    config = JSON.parse(readRegular(join(folder, CONFIG), MAX_BYTES, disk));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = cause instanceof SyntaxError ? 'it is not JSON' : reasonOf(cause);
    throw optionError(
      'resume',
      missing
        ? `${printed(resume)} holds no run: there is no ${CONFIG}`
        : `${printed(resume)} holds no run: ${CONFIG} cannot be read: ${reason}`,
      cause,
    );
  }
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) return { ...config };
  throw optionError('resume', `${printed(resume)} holds no run: its ${CONFIG} is not an object of options`);
}

/** An option that decides about iterates or frames may be said again, not changed. @throws UsageError */
function checkSame(name: string, value: unknown, was: unknown): void {
  if (JSON.stringify(value) === JSON.stringify(was) || String(value) === String(was)) return;
  const before = was === undefined ? 'it was not given' : `it was ${printed(was)}`;
  throw optionError(
    name,
    `cannot be ${printed(value)} where a run goes on: ${before}; leave it out, or begin a new run`,
  );
}

/** The summary of a run that has come to its end; one that was interrupted has not. */
function finishedIn(folder: string, disk: Disk): Summary | undefined {
  try {
    const summary = JSON.parse(readRegular(join(folder, SUMMARY), MAX_BYTES, disk)) as Partial<Summary> | null;
    if (typeof summary?.stopReason !== 'string' || summary.stopReason === 'aborted') return undefined;
    return summary as Summary;
  } catch {
    // it is made again
    return undefined;
  }
}

/**
 * Options for a run that goes on from a checkpoint, where its starting point is: the file that it came from may be gone. But the
 * constants of a measured step size are those from x⁰ on.
 */
export function withoutStart(options: Options): Options {
  const { init } = options;
  const isNamed = init === undefined || (typeof init === 'string' && !inMemory(init) && !isInitFile(init));
  return isNamed || isMeasured(options) ? options : { ...options, init: 'zeros' };
}

const isMeasured = ({ stepSize }: { readonly stepSize?: unknown }) => /^measured/i.test(String(stepSize));

/** Refuses to begin a run again whose starting point nobody has any more. @throws UsageError */
export function checkStart({ init }: Options): void {
  if (!inMemory(init)) return;
  throw new UsageError('no checkpoint can be used, and the starting point was in memory: begin a new run');
}
