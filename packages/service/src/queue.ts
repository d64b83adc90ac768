import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlotillaError } from '@flotilla/core';
import { AbortedError, type Logger, type Run, type TrainOptions, train } from '@flotilla/server';
import type { Catalogue } from './catalogue.js';
import { ServiceError, toldOf } from './errors.js';
import { type Job, newJob } from './job.js';
import { JobStore } from './job-store.js';
import type { ServiceLimits } from './limits.js';
import type { Offers, RunRequest } from './offers.js';
import { recoveredJob } from './recovered-job.js';
import { hasEnded, numbersOf, numbersOfSummary } from './run-view.js';
import { ServiceRun } from './service-run.js';

export interface QueueOptions {
  readonly folder: string;
  readonly offers: Offers;
  readonly limits: Pick<ServiceLimits, 'maxConcurrent' | 'maxQueued' | 'maxRuns' | 'closeTimeout'>;
  /** What becomes of runs that a host left when it was killed or closed: they are stopped, or go on by themselves. */
  readonly resume: 'ask' | 'auto';
  /** Of every run, beside what it asks for. */
  readonly options: TrainOptions;
  /** Where a run says what it does. */
  readonly loggerOf: (id: string) => Logger & { warn(message: string): void };
}

/**
 * The runs of a service: those that wait, those that train, at most so many at a time, and those that have ended. What is
 * promised is on the disk before it is promised; what is on the disk says what has become of a run when a host that was killed
 * starts again.
 */
export class RunQueue implements Catalogue {
  readonly #byId = new Map<string, ServiceRun>();
  readonly #waiting: ServiceRun[] = [];
  /** Those that train, with what resolves when all about their end is kept. */
  readonly #active = new Map<ServiceRun, Promise<void>>();
  #order = 0;
  /** Runs that are being written down for the first time, and are listed then. */
  #adding = 0;
  #isClosing = false;

  private constructor(
    private readonly store: JobStore,
    private readonly options: QueueOptions,
  ) {}

  /** Opens the folder, and goes on with what waits in it. @throws FlotillaError `io` */
  static async open(options: QueueOptions): Promise<RunQueue> {
    const { store, jobs, notes } = await JobStore.open(options.folder);
    const queue = new RunQueue(store, options);
    try {
      for (const note of notes) options.loggerOf('').warn(note);
      await queue.#recover(jobs);
    } catch (error) {
      await store.close();
      throw error;
    }
    return queue;
  }

  async #recover(jobs: readonly Job[]): Promise<void> {
    const ran: ServiceRun[] = [];
    for (const stored of jobs) {
      const job = await recoveredJob(stored, this.store.folderOf(stored.id), this.options.resume);
      if (job !== stored) await this.store.save(job);
      const run = this.#list(job);
      if (job.state === 'queued') (job === stored ? this.#waiting : ran).push(run);
    }
    // what ran comes before what waited
    this.#waiting.unshift(...ran);
  }

  #list(job: Job): ServiceRun {
    const run = new ServiceRun(this.store.folderOf(job.id), job, this);
    this.#byId.set(job.id, run);
    this.#order = Math.max(this.#order, job.order);
    return run;
  }

  get(id: string): ServiceRun | undefined {
    return this.#byId.get(id);
  }

  all(): readonly ServiceRun[] {
    return [...this.#byId.values()].reverse();
  }

  /** Begins what may begin. */
  start(): void {
    while (!this.#isClosing && this.#active.size < this.options.limits.maxConcurrent) {
      const run = this.#waiting.shift();
      if (run === undefined) break;
      const ended = this.#train(run).finally(() => {
        this.#active.delete(run);
        this.start();
      });
      this.#active.set(run, ended);
    }
  }

  /** A new run, which waits for its turn. @throws ServiceError `busy` */
  async add(request: RunRequest): Promise<ServiceRun> {
    const { maxRuns } = this.options.limits;
    this.#checkRoom();
    if (this.#byId.size + this.#adding >= maxRuns) {
      throw new ServiceError('busy', `there are ${maxRuns} runs already: delete some`);
    }
    const job = newJob(randomUUID(), ++this.#order, request);
    this.#adding++;
    try {
      await this.store.add(job);
    } finally {
      this.#adding--;
    }
    const run = this.#list(job);
    this.#waiting.push(run);
    this.start();
    return run;
  }

  #checkRoom(): void {
    const { maxQueued } = this.options.limits;
    if (this.#waiting.length + this.#adding < maxQueued) return;
    throw new ServiceError('busy', `${maxQueued} runs wait already`);
  }

  async stop(run: ServiceRun): Promise<void> {
    const { state } = run.job;
    if (state === 'queued') {
      this.#take(run);
      await this.#change(run, { ...STOPPED, ended: now() }, () => this.#waiting.push(run));
    } else if (state === 'running') {
      const saved = this.#set(run, { state: 'stopping' });
      run.active?.abort.abort();
      await saved;
    } else if (state !== 'stopping') throw conflict(run, 'stopped');
  }

  async checkpoint(run: ServiceRun): Promise<{ readonly round: number }> {
    if (!run.view().can.checkpoint || run.active === undefined) throw conflict(run, 'asked for a checkpoint');
    try {
      const { round } = await run.active.run.checkpoint();
      return { round };
    } catch (error) {
      if (hasEnded(run.job.state) || (error as FlotillaError).code === 'usage')
        throw conflict(run, 'asked for a checkpoint');
      throw error;
    }
  }

  async resume(run: ServiceRun): Promise<void> {
    // its end is told a moment before all about it is kept
    if (hasEnded(run.job.state)) await this.#active.get(run);
    this.#checkThere(run);
    if (!run.view().can.resume) throw conflict(run, 'resumed');
    this.#checkRoom();
    this.#waiting.push(run);
    await this.#change(run, { state: 'queued', ended: null, stopReason: null, error: null }, () => this.#take(run));
    this.start();
  }

  async remove(run: ServiceRun): Promise<void> {
    if (hasEnded(run.job.state)) await this.#active.get(run);
    this.#checkThere(run);
    if (!run.view().can.delete) throw conflict(run, 'deleted');
    this.#forget(run);
    try {
      await this.store.remove(run.id);
    } catch (error) {
      this.#byId.set(run.id, run);
      throw error;
    }
  }

  #take(run: ServiceRun): void {
    const at = this.#waiting.indexOf(run);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #forget(run: ServiceRun): void {
    this.#take(run);
    this.#byId.delete(run.id);
  }

  /** A run may be deleted while something else is asked of it. @throws ServiceError `not-found` */
  #checkThere(run: ServiceRun): void {
    if (!this.#byId.has(run.id)) throw new ServiceError('not-found', `run ${run.id} has been deleted`);
  }

  /** The same as `#set`; what cannot be kept is undone, and so is what went with it. */
  async #change(run: ServiceRun, change: Partial<Job>, undo: () => void): Promise<void> {
    const before = run.job;
    try {
      await this.#set(run, change);
    } catch (error) {
      this.#checkThere(run);
      run.job = before;
      undo();
      run.feed.changed();
      throw error;
    }
  }

  /** Changes a job, here at once and on the disk when this resolves. */
  async #set(run: ServiceRun, change: Partial<Job>): Promise<void> {
    run.job = { ...run.job, ...change };
    run.feed.changed();
    await this.store.save(run.job);
  }

  /** Trains a run to its end, and says what has become of it. Never rejects. */
  async #train(run: ServiceRun): Promise<void> {
    try {
      const starts = run.job.starts + 1;
      const resumed = run.job.resumed + (hasBegun(run) ? 1 : 0);
      await this.#set(run, { state: 'running', starts, resumed, started: run.job.started ?? now() });
      const end = await this.#endOf(run);
      if (end !== undefined) await this.#set(run, { ...end, ended: now() });
    } catch (error) {
      this.options.loggerOf(run.id).warn(`the state of the run cannot be kept: ${(error as Error).message}`);
      // one that cannot be written down as running does not run
      if (hasEnded(run.job.state)) return;
      run.job = { ...run.job, state: 'failed', error: toldOf(error), ended: now() };
      run.feed.changed();
    }
  }

  /** What has become of a run. Undefined for one that the host has ended because it closes: on the disk it is one that runs. */
  async #endOf(run: ServiceRun): Promise<Partial<Job> | undefined> {
    run.feed.reset();
    try {
      // it may have been stopped, or the host may close, before it has begun
      if (run.job.state === 'stopping') return STOPPED;
      if (this.#isClosing) return undefined;
      const training = await this.#begin(run);
      const summary = await training.result;
      return { state: 'done', stopReason: summary.stopReason, numbers: numbersOfSummary(summary) };
    } catch (error) {
      const numbers = run.feed.row === undefined ? run.job.numbers : numbersOf(run.feed);
      if (!(error instanceof AbortedError)) return { state: 'failed', error: toldOf(error), numbers };
      if (this.#isClosing && run.job.state !== 'stopping') return undefined;
      const { summary } = error;
      return { ...STOPPED, numbers: summary === undefined ? numbers : numbersOfSummary(summary) };
    } finally {
      run.active = undefined;
    }
  }

  /** Begins a run, or goes on with it where there is something to go on with. */
  async #begin(run: ServiceRun): Promise<Run> {
    const { offers, options, loggerOf } = this.options;
    const asked = offers.optionsOf(run.job.request);
    const goesOn = hasBegun(run);
    // a run that failed before its first row may not have come to take away all that it had made
    const remains = goesOn ? [] : ['checkpoint', 'metrics.jsonl'];
    for (const name of remains) await rm(join(run.folder, name), { recursive: true, force: true });
    const abort = new AbortController();
    const training = train({
      ...options,
      ...asked,
      ...run.feed.callbacks,
      [goesOn ? 'resume' : 'out']: run.folder,
      signal: abort.signal,
      logger: loggerOf(run.id),
    });
    run.feed.follow(training);
    run.active = { run: training, abort };
    if (run.job.state !== 'running' || this.#isClosing) abort.abort();
    return training;
  }

  /**
   * Ends what trains, with a checkpoint, and terminates what does not end. A host that starts again finds the runs as one would
   * that had been killed.
   */
  async close(): Promise<void> {
    this.#isClosing = true;
    const active = [...this.#active.keys()];
    for (const run of active) run.active?.abort.abort();
    const terminate = () => {
      for (const run of active) run.active?.run.terminate();
    };
    const timer = setTimeout(terminate, 1000 * this.options.limits.closeTimeout);
    await Promise.all(this.#active.values());
    clearTimeout(timer);
    await this.store.close();
  }
}

const STOPPED = { state: 'stopped', stopReason: 'aborted' } as const;

/** Whether a run has left something to go on with. */
const hasBegun = (run: ServiceRun) => existsSync(join(run.folder, 'config.json'));

const now = () => new Date().toISOString();

function conflict(run: ServiceRun, done: string): ServiceError {
  return new ServiceError('conflict', `a run that is ${run.job.state} cannot be ${done}`);
}
