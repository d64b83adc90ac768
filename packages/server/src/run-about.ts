import type { Options } from './run/options.js';
import type { RunFacts } from './summary.js';

/** What a run is, before its first row: what its summary will say of it, and the options as they were resolved. */
export type RunAbout = Omit<RunFacts, 'secondsToFirstRound'> & {
  readonly options: Options;
  /** The run folder, absolute; undefined when there is none. */
  readonly folder: string | undefined;
  /** The round that the run goes on after; 0 unless it was resumed. */
  readonly round: number;
};
