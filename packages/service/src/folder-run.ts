import { statSync } from 'node:fs';
import { join } from 'node:path';
import { AbortedError, type Run } from '@flotilla/server';
import type { WatchedRun } from './catalogue.js';
import { ServiceError, type ToldError, toldOf } from './errors.js';
import { RunFeed } from './run-feed.js';
import { readConfig, readLastRow, readSummary } from './run-files.js';
import {
  hasEnded,
  NO_NUMBERS,
  numbersOf,
  numbersOfSummary,
  type RunNumbers,
  type RunState,
  type RunView,
} from './run-view.js';

/** Whoever is at work in a run folder touches its lock twice a second. */
const LOCK = join('checkpoint', 'lock');
const LOCK_STALE_MS = 5000;

/** A run to be looked at: one that has ended, by its folder alone, or one that this process trains. */
export interface DashboardRun {
  /** Its run folder; it may come into being later. */
  readonly folder: string;
  /** Where this process trains it. */
  readonly run?: Run;
  /** With `run`: what its callbacks and rows are kept in, `train({ ...feed.callbacks })`. */
  readonly feed?: RunFeed;
  /** With `run`: makes it end after the round under way. */
  readonly stop?: () => void;
}

/** A run of a dashboard. All that is in its folder is told: the folder is the reader's own. */
export class FolderRun implements WatchedRun {
  readonly folder: string;
  readonly feed: RunFeed;
  readonly #run: Run | undefined;
  readonly #stop: (() => void) | undefined;
  readonly #created: string;
  #state: RunState;
  #ended: string | null = null;
  #error: ToldError | null = null;
  #config: Readonly<Record<string, unknown>> | undefined;
  #summary: ReturnType<typeof readSummary>;

  private constructor(
    readonly id: string,
    { folder, run, feed = new RunFeed(), stop }: DashboardRun,
  ) {
    this.folder = folder;
    this.feed = feed;
    this.#run = run;
    this.#stop = stop;
    this.#created = madeAt(folder);
    this.#state = run === undefined ? 'stopped' : 'running';
  }

  static async open(id: string, from: DashboardRun): Promise<FolderRun> {
    const opened = new FolderRun(id, from);
    if (from.run !== undefined) opened.#follow(from.run);
    else {
      opened.feed.row = await readLastRow(from.folder);
      opened.#look();
    }
    return opened;
  }

  #follow(run: Run): void {
    this.feed.follow(run);
    run.result.then(
      () => this.#end('done'),
      (error) => {
        this.#error = error instanceof AbortedError ? null : toldOf(error);
        this.#end(error instanceof AbortedError ? 'stopped' : 'failed');
      },
    );
  }

  #end(state: RunState): void {
    this.#state = state;
    this.#ended = new Date().toISOString();
    this.#summary = readSummary(this.folder);
    this.feed.changed();
  }

  /** What a folder says that another process may be at work in. */
  #look(): void {
    if (this.#run !== undefined || (hasEnded(this.#state) && this.#ended !== null)) return;
    const before = this.#state;
    this.#summary = readSummary(this.folder);
    const { stopReason } = this.#summary ?? {};
    if (stopReason === undefined) this.#state = isAtWork(this.folder) ? 'running' : 'stopped';
    else this.#state = stopReason === 'aborted' ? 'stopped' : 'done';
    if (this.#state !== 'running') this.#ended = madeAt(join(this.folder, 'summary.json'));
    if (this.#state !== before) this.feed.changed();
  }

  view(): RunView {
    this.#look();
    if (this.#config === undefined) {
      this.#config = readConfig(this.folder);
      if (this.#config !== undefined) this.feed.changed();
    }
    const config = this.#config ?? {};
    const text = (value: unknown) => (typeof value === 'string' ? value : null);
    const number = (value: unknown) => (typeof value === 'number' ? value : null);
    const isLive = this.#run !== undefined && this.#state === 'running';
    return {
      id: this.id,
      state: this.#state,
      created: this.#created,
      started: this.#created,
      ended: hasEnded(this.#state) ? this.#ended : null,
      method: text(config.method),
      problem: text(config.problem),
      data: text(config.data) ?? text(this.#summary?.data),
      workers: number(config.workers),
      seed: text(config.seed),
      rounds: number(config.rounds),
      ...this.#numbers(),
      resumed: this.#summary?.resumed ?? 0,
      stopReason: this.#summary?.stopReason ?? null,
      error: this.#error,
      can: { stop: isLive && this.#stop !== undefined, checkpoint: isLive, resume: false, delete: false },
    };
  }

  #numbers(): RunNumbers {
    if (hasEnded(this.#state) && this.#summary !== undefined) return numbersOfSummary(this.#summary);
    return { ...NO_NUMBERS, ...numbersOf(this.feed) };
  }

  shown(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return record;
  }

  async stop(): Promise<void> {
    if (!this.view().can.stop)
      throw new ServiceError('conflict', `this run cannot be stopped from here: it is ${this.#state}`);
    this.#state = 'stopping';
    this.feed.changed();
    this.#stop?.();
  }

  async checkpoint(): Promise<{ readonly round: number }> {
    if (this.#run === undefined || !this.view().can.checkpoint) {
      throw new ServiceError('conflict', `no checkpoint can be taken from here: the run is ${this.#state}`);
    }
    return this.#run.checkpoint();
  }
}

function madeAt(path: string): string {
  const { birthtime, mtime } = statSync(path, { throwIfNoEntry: false }) ?? {
    birthtime: new Date(),
    mtime: new Date(),
  };
  return (birthtime.getTime() > 0 ? birthtime : mtime).toISOString();
}

function isAtWork(folder: string): boolean {
  const touched = statSync(join(folder, LOCK), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - touched < LOCK_STALE_MS;
}
