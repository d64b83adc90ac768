import type { MessagePort } from 'node:worker_threads';
import type { ErrorRecord } from '@flotilla/core/internal';
import type { TakenCheckpoint } from './checkpoint/checkpoints.js';
import type { ResumeTask } from './checkpoint/resumption.js';
import type { FlatModel } from './model/model.js';
import type { ReporterEvent } from './run/happening.js';
import type { Meters } from './run/meters.js';
import type { Metrics, Phase, Progress, Summary } from './run/metrics.js';
import type { Options } from './run/options.js';
import type { RunAbout } from './run-about.js';
import type { RunFacts } from './summary.js';

/** What the server thread is started with. */
export interface RunTask {
  readonly options: Options;
  /** Given when the run in the folder `options.out` is to go on. */
  readonly resume?: ResumeTask | undefined;
  /** Whether somebody wants to hear of the run's {@link Meters}. */
  readonly isMetered?: boolean | undefined;
  /** When `train` was called, by the runtime's clock. */
  readonly calledAt: number;
  /** Events to the host; {@link HostMessage}s from it. */
  readonly port: MessagePort;
}

/**
 * What the host tells the server thread while it runs: to end after the current round or in its middle, or to send its model or
 * take a checkpoint after it.
 */
export type HostMessage = 'abort' | 'terminate' | 'model' | 'checkpoint';

/** What the server thread tells its host while it runs. */
export type RunEvent =
  | { readonly type: 'log'; readonly level: 'debug' | 'info'; readonly message: string; readonly fields: object }
  /** Rounds begin: what a summary will say of the run that is known by now, and its run folder's path. */
  | { readonly type: 'begins'; readonly facts: RunFacts; readonly folder: string | undefined }
  /** Everything is checked and the workers are there. */
  | { readonly type: 'opened'; readonly about: Omit<RunAbout, 'options'> }
  | { readonly type: 'happens'; readonly event: ReporterEvent }
  /** The run was told to end, and has got on with it. */
  | { readonly type: 'sign' }
  | { readonly type: 'metrics'; readonly metrics: Metrics }
  | { readonly type: 'phase'; readonly phase: Phase }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'meters'; readonly meters: Meters }
  | { readonly type: 'model'; readonly model: FlatModel }
  | { readonly type: 'checkpoint'; readonly checkpoint: TakenCheckpoint };

/** How the task ends. Errors are data here, because classes and codes do not survive the way between threads. */
export type RunOutcome = (
  | { readonly ok: true; readonly summary: Summary }
  | (ErrorRecord & { readonly ok: false; readonly stack: string | undefined })
) & {
  /** After the last round that has ended; undefined when the run has not come to x⁰. */
  readonly model: FlatModel | undefined;
};
