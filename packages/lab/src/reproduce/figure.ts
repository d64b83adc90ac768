import type { Agreement } from '../experiment/agreement.js';
import type { Target } from '../experiment/run-record.js';
import type { Sweep } from '../experiment/sweep.js';
import type { Outcome } from '../experiment/tune.js';
import type { Section } from '../report/page.js';

/** How large a figure is computed. */
export interface Size {
  readonly quick: boolean;
  /** Seeds of every run: of the method, and of the problem where that is drawn. */
  readonly seeds: number;
}

/** A method with its compressors in a panel. */
export interface Curve {
  readonly label: string;
  /** Colour, dash and marker; its place in the panel when left out. */
  readonly style?: number;
  readonly method: string;
  readonly uplink?: string;
  readonly downlink?: string;
  /** Rounds after which it is given up. */
  readonly rounds: number;
  readonly evalEvery?: number;
  /**
   * The step size: `theory` (default), a fixed number, or `tuned`: the best power of two times theory, or times `base` for a
   * problem without smoothness constants.
   */
  readonly stepSize?: number | 'theory' | 'tuned';
  readonly base?: number;
  /** The multiple that tuning tries first. */
  readonly from?: number;
  /** The target that its step size is tuned for; the panel's when left out. */
  readonly goal?: number;
  /** Expected coordinates of a round on the panel's link: given up after so many that the panel's `budget` is spent. */
  readonly perRound?: number;
  /** One seed is enough: nothing in the run is random. */
  readonly deterministic?: boolean;
}

/** One picture of a figure: curves on one problem. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly problem: string;
  /** Name of a data set, or file in the data folder; a panel whose data is not at hand is left out with a message. */
  readonly data?: string;
  readonly workers: number;
  /** The link whose value bits the paper has on its axis. */
  readonly axis: 'uplink' | 'downlink' | 'both';
  /** Values of ‖∇f‖² that tables and claims are about; runs end at the last. */
  readonly targets: readonly Target[];
  /** Seeds at the least, where a comparison with few of them would decide nothing. */
  readonly seeds?: number;
  /** The target that step sizes are tuned for; the last when left out. */
  readonly goal?: number;
  /** Also draw f. */
  readonly loss?: boolean;
  /** Runs go on to their last round, whatever they have reached. */
  readonly toTheEnd?: boolean;
  /** Logarithmic axis of bits. */
  readonly xLog?: boolean;
  /** Curves with `perRound` are given up after this many times the coordinates that the curve `of` needed, on average, to the last target. */
  readonly budget?: { readonly of: string; readonly times: number };
  readonly curves: readonly Curve[];
}

/** A curve as it was run. */
export interface CurveResult {
  readonly curve: Curve;
  readonly outcome: Outcome;
}

/** A panel as it was run; `skipped` says why it was not. */
export interface PanelResult {
  readonly panel: Panel;
  readonly curves: readonly CurveResult[];
  readonly skipped?: string;
}

/** A statement of the paper, and what we found. */
export interface Claim {
  readonly claim: string;
  readonly verdict: Agreement | 'in part' | 'not run';
  readonly numbers: string;
}

/** A figure of a paper. */
export interface Figure {
  readonly name: string;
  /** Paper and number. */
  readonly paper: string;
  readonly summary: string;
  panels(size: Size): readonly Panel[];
  /** What the paper's figure shows, checked on ours. */
  claims(panels: readonly PanelResult[]): readonly Claim[];
  /** Where our picture differs from the paper's, and why. */
  readonly differences: readonly string[];
}

/** A theorem of a paper at work. It makes its runs and its page itself: what it shows is no curve against bits. */
export interface Study {
  readonly name: string;
  /** Paper and number. */
  readonly paper: string;
  readonly summary: string;
  run(size: Size, sweep: Sweep, log: (line: string) => void): Promise<StudyResult>;
}

/** A study as it was run. */
export interface StudyResult {
  /** The page; its charts name their files. */
  readonly sections: readonly Section[];
  readonly claims: readonly Claim[];
  /** Everything measured, for results.json. */
  readonly measured: unknown;
}
