import { UsageError } from '@flotilla/core';
import type { WatchedRun } from './catalogue.js';
import { ServiceError } from './errors.js';
import { readConfig } from './run-files.js';

/**
 * Makes the report of a run, one HTML file, without holding up the event loop.
 * @param run Its folder, and its configuration as it may be told
 * @throws UsageError while the run has nothing to report
 */
export type MakeReport = (run: {
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
}) => Promise<string>;

/** Reports that are made or wait for it. */
const MAX_WAITING = 8;

/** Reports of runs, made when asked for: one at a time, and one for all who ask for it meanwhile. */
export class Reports {
  readonly #making = new Map<WatchedRun, Promise<string>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly make: MakeReport) {}

  /** @throws ServiceError `not-found` while there is nothing to report, `busy` when too many wait */
  of(run: WatchedRun): Promise<string> {
    const made = this.#making.get(run);
    if (made !== undefined) return made;
    if (this.#making.size >= MAX_WAITING) {
      throw new ServiceError('busy', `${MAX_WAITING} reports are being made, no more at a time`);
    }
    const making = this.#last.then(() => this.#report(run)).finally(() => this.#making.delete(run));
    this.#making.set(run, making);
    this.#last = making.catch(() => undefined);
    return making;
  }

  async #report(run: WatchedRun): Promise<string> {
    const config = readConfig(run.folder);
    if (config === undefined) throw new ServiceError('not-found', 'the run has no report yet');
    try {
      return await this.make({ folder: run.folder, config: run.shown(config) });
    } catch (error) {
      if (error instanceof UsageError) throw new ServiceError('not-found', 'the run has no report yet');
      throw error;
    }
  }
}
