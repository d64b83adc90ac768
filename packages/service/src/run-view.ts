import type { Meters, Metrics, Progress, Summary } from '@flotilla/server';
import type { ToldError } from './errors.js';

/** Where a run is. One that is `stopped` may go on; a `failed` one may, where trying again may do better. */
export type RunState = 'queued' | 'running' | 'stopping' | 'stopped' | 'failed' | 'done';

export const STATES: readonly RunState[] = ['queued', 'running', 'stopping', 'stopped', 'failed', 'done'];

export const hasEnded = (state: RunState) => state === 'stopped' || state === 'failed' || state === 'done';

/** What a run has come to so far; null while it is not known, and where it is no finite number. */
export interface RunNumbers {
  readonly round: number | null;
  /** Of rounds, evaluation left out. */
  readonly seconds: number | null;
  readonly loss: number | null;
  readonly gradNormSq: number | null;
  readonly uplinkBytes: number | null;
  readonly downlinkBytes: number | null;
  /** How often its workers were started again. */
  readonly restarts: number | null;
}

/** A run as its list shows it. */
export interface RunView extends RunNumbers {
  readonly id: string;
  readonly state: RunState;
  /** Times as ISO 8601. */
  readonly created: string;
  readonly started: string | null;
  readonly ended: string | null;
  readonly method: string | null;
  readonly problem: string | null;
  readonly data: string | null;
  readonly workers: number | null;
  readonly seed: string | null;
  /** Rounds after which it ends, where there is such a rule. */
  readonly rounds: number | null;
  /** How often it has gone on from a checkpoint. */
  readonly resumed: number;
  readonly stopReason: string | null;
  readonly error: ToldError | null;
  /** What can be done with it now. */
  readonly can: RunControls;
}

export interface RunControls {
  readonly stop: boolean;
  readonly checkpoint: boolean;
  readonly resume: boolean;
  readonly delete: boolean;
}

export const NO_NUMBERS: RunNumbers = {
  round: null,
  seconds: null,
  loss: null,
  gradNormSq: null,
  uplinkBytes: null,
  downlinkBytes: null,
  restarts: null,
};

const finite = (value: number | null | undefined) => (Number.isFinite(value) ? (value as number) : null);

/** The numbers of a run under way, from what it has said last. */
export function numbersOf({ row, progress, meters }: NewestOfRun): RunNumbers {
  const isAhead = progress !== undefined && progress.round >= (row?.round ?? 0);
  return {
    round: finite(isAhead ? progress.round : row?.round),
    seconds: finite(isAhead ? progress.seconds : row?.seconds),
    loss: finite(row?.loss),
    gradNormSq: finite(row?.gradNormSq),
    uplinkBytes: finite(isAhead ? progress.uplinkBytes : row?.uplink.frameBytes),
    downlinkBytes: finite(isAhead ? progress.downlinkBytes : row?.downlink.frameBytes),
    restarts: finite(meters?.restarts),
  };
}

/** The newest of each kind of thing that a run says. */
export interface NewestOfRun {
  readonly row?: Metrics | undefined;
  readonly progress?: Progress | undefined;
  readonly meters?: Meters | undefined;
}

/** The numbers of a run that has ended, from its summary: that of a run that was interrupted may lack some. */
export function numbersOfSummary(summary: Partial<Summary>): RunNumbers {
  return {
    round: finite(summary.rounds),
    seconds: finite(summary.wallSeconds),
    loss: finite(summary.loss),
    gradNormSq: finite(summary.gradNormSq),
    uplinkBytes: finite(summary.uplink?.frameBytes),
    downlinkBytes: finite(summary.downlink?.frameBytes),
    restarts: summary.repeated?.restarts ?? 0,
  };
}
