import { UsageError } from '@flotilla/core';
import { optionError, printed } from '@flotilla/core/internal';

/** What a service may take of its host. Whole numbers. */
export interface ServiceLimits {
  /** Runs that train at a time; the others wait in their order. */
  readonly maxConcurrent: number;
  /** Runs that wait. */
  readonly maxQueued: number;
  /** Runs of the folder altogether, those that have ended among them: more are started when some are deleted. */
  readonly maxRuns: number;
  /** Readers of one run's events. */
  readonly readersPerRun: number;
  /** Readers of all runs' events together. */
  readonly readers: number;
  /** Seconds after which a reader is closed that takes nothing of what waits for it. */
  readonly readerTimeout: number;
  /** Seconds that the body of a request may take. */
  readonly bodyTimeout: number;
  /** Seconds that runs have to end when the app closes, with a checkpoint; then they are terminated. */
  readonly closeTimeout: number;
  /** Largest number of workers of a run that has a time series for each of them. */
  readonly meteredWorkers: number;
  /** Minutes for which a run that has ended keeps its time series. */
  readonly meteredMinutes: number;
}

export const LIMITS: ServiceLimits = {
  maxConcurrent: 1,
  maxQueued: 100,
  maxRuns: 10_000,
  readersPerRun: 250,
  readers: 500,
  readerTimeout: 30,
  bodyTimeout: 10,
  closeTimeout: 6,
  meteredWorkers: 64,
  meteredMinutes: 15,
};

/** Largest numbers that a run may ask for. */
export interface RunLimits {
  readonly workers: number;
  readonly threads: number;
  readonly rounds: number;
  readonly evalEvery: number;
  /** Seconds of rounds. */
  readonly timeLimit: number;
  readonly stepSize: number;
}

export const RUN_LIMITS: RunLimits = {
  workers: 64,
  threads: 8,
  rounds: 10_000,
  evalEvery: 10_000,
  timeLimit: 600,
  stepSize: 1000,
};

/** Limits with those that are left out. @throws UsageError */
export function withDefaults<T extends object>(option: string, given: Partial<T> | undefined, defaults: T): T {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (!Object.hasOwn(defaults, name)) {
      throw new UsageError(`${option} has no ${printed(name)}; known: ${Object.keys(defaults).join(', ')}`);
    }
    const isCount = Number.isSafeInteger(value) && (value as number) >= 1;
    const isNumber = name === 'stepSize' && Number.isFinite(value) && (value as number) > 0;
    if (value !== undefined && !isCount && !isNumber) {
      throw optionError(option, `: ${name} must be a whole number from 1 on, not ${printed(value)}`);
    }
  }
  const known = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(known) };
}
