import type { Run } from '@flotilla/server';
import type { WatchedRun } from './catalogue.js';
import type { Job } from './job.js';
import { concealed } from './offers.js';
import { RunFeed } from './run-feed.js';
import { hasEnded, NO_NUMBERS, numbersOf, type RunView } from './run-view.js';

/** Who does with a run what is asked of it: the queue. */
interface Keeper {
  stop(run: ServiceRun): Promise<void>;
  checkpoint(run: ServiceRun): Promise<{ readonly round: number }>;
  resume(run: ServiceRun): Promise<void>;
  remove(run: ServiceRun): Promise<void>;
}

/** A run of the service: its job, and what trains it now. What is done to it is the queue's business. */
export class ServiceRun implements WatchedRun {
  readonly feed = new RunFeed();
  /** What trains it now, and what makes that end. */
  active: { readonly run: Run; readonly abort: AbortController } | undefined;

  constructor(
    readonly folder: string,
    public job: Job,
    private readonly queue: Keeper,
  ) {}

  get id(): string {
    return this.job.id;
  }

  view(): RunView {
    const { id, request, state, created, started, ended, numbers, resumed, stopReason, error } = this.job;
    const isActive = this.active !== undefined && (state === 'running' || state === 'stopping');
    return {
      id,
      state,
      created,
      started,
      ended,
      method: request.method,
      problem: request.problem,
      data: request.data ?? null,
      workers: request.workers,
      seed: request.seed,
      rounds: request.rounds ?? null,
      ...(isActive && this.feed.row !== undefined ? { ...NO_NUMBERS, ...numbersOf(this.feed) } : numbers),
      resumed,
      stopReason,
      error,
      can: {
        stop: state === 'queued' || state === 'running',
        checkpoint: state === 'running' && this.active !== undefined,
        resume: state === 'stopped' || (state === 'failed' && error?.code !== 'diverged'),
        delete: hasEnded(state),
      },
    };
  }

  shown(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return concealed(record, this.job.request);
  }

  stop(): Promise<void> {
    return this.queue.stop(this);
  }

  checkpoint(): Promise<{ readonly round: number }> {
    return this.queue.checkpoint(this);
  }

  resume(): Promise<void> {
    return this.queue.resume(this);
  }

  remove(): Promise<void> {
    return this.queue.remove(this);
  }
}
