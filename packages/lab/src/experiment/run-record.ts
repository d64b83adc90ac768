import type { ErrorCode } from '@flotilla/core';
import type { Metrics, Summary } from '@flotilla/server';

/** A value whose first evaluation is wanted: of ‖∇f(x)‖² (`relative`: as a multiple of its value at x⁰), or of f. */
export interface Target {
  readonly value: number;
  readonly relative?: boolean;
  readonly of?: 'loss';
}

/** A run of a sweep. */
export interface SweepRun {
  /** Options of `train`, plain JSON. */
  readonly options: Readonly<Record<string, string | number | undefined>>;
  readonly targets: readonly Target[];
  /** Evaluated rows that its record keeps; 600 when left out. */
  readonly rows?: number;
  /** Links whose clocks run beside it, as `--link-model` has them. */
  readonly linkModels?: readonly string[];
}

/** What a run of a sweep came to. */
export interface RunRecord {
  /** Evaluated rows, thinned evenly. */
  readonly rows: readonly Metrics[];
  /** For each target the first row that meets it. */
  readonly hits: readonly (Metrics | null)[];
  readonly summary: Summary | null;
  /** Seconds of its rounds over each of the modelled links that it was asked for. */
  readonly modelSeconds?: readonly number[];
  /** Why there is no summary: the step size was too large. */
  readonly diverged: string | null;
}

/** How a run of a sweep ends. Errors are data here: their codes do not survive the way between threads. */
export type SweepOutcome = RunRecord | { readonly failed: ErrorCode; readonly message: string };
