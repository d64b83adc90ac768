import type { ToldError } from './errors.js';
import type { RunRequest } from './offers.js';
import { NO_NUMBERS, type RunNumbers, type RunState, STATES } from './run-view.js';

/** What is kept of a run beside its run folder: job.json. */
export interface Job {
  /** Of this form. */
  readonly version: 1;
  readonly id: string;
  /** Runs in the order in which they were asked for. */
  readonly order: number;
  readonly request: RunRequest;
  readonly state: RunState;
  readonly created: string;
  readonly started: string | null;
  readonly ended: string | null;
  /** What it had come to when this was written. */
  readonly numbers: RunNumbers;
  /** How often it was begun or gone on with. */
  readonly starts: number;
  /** How often it has gone on from a checkpoint. */
  readonly resumed: number;
  readonly stopReason: string | null;
  readonly error: ToldError | null;
}

export function newJob(id: string, order: number, request: RunRequest): Job {
  return {
    version: 1,
    id,
    order,
    request,
    state: 'queued',
    created: new Date().toISOString(),
    started: null,
    ended: null,
    numbers: NO_NUMBERS,
    starts: 0,
    resumed: 0,
    stopReason: null,
    error: null,
  };
}

/** A job as it was written down. @throws Error for anything else */
export function parseJob(text: string, id: string): Job {
  const job = JSON.parse(text) as Partial<Job> | null;
  const isJob =
    job?.version === 1 &&
    job.id === id &&
    Number.isSafeInteger(job.order) &&
    STATES.includes(job.state as RunState) &&
    typeof job.created === 'string' &&
    typeof job.request === 'object' &&
    typeof job.request?.method === 'string';
  if (!isJob) throw new Error('it is no job of this version');
  return job as Job;
}
