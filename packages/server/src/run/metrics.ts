import type { FrameRefusal, Precision } from '@flotilla/core';
import { CHECKSUM_BYTES, HEADER_BYTES, type Tally, type Wire } from '@flotilla/protocol';
import type { BrokerTraffic } from '../hosts/fleet.js';
import type { Coins } from '../round/coins.js';
import type { EvaluatedRound } from '../round/parameter-server.js';
import type { Late } from '../round/stragglers.js';
import type { OutputName } from './output.js';
import type { ValidationMetrics } from './validation.js';

/** An evaluated round: a row of metrics.jsonl. */
export interface Metrics extends EvaluatedRound {
  /** What `seconds` would be over the modelled links; there when links are modelled. */
  readonly modelSeconds?: number;
  /** On the validation data; there when a run has some. */
  readonly validation?: ValidationMetrics;
  /** Workers that have taken longer than `roundTimeout` so far; there when there were any. */
  readonly late?: readonly Late[];
  /** Workers that are away: f and its gradient are the mean over the others then; there when there are any. */
  readonly away?: number;
}

/** Where a run is, between evaluations. */
export interface Progress {
  readonly round: number;
  readonly seconds: number;
  readonly uplinkBytes: number;
  readonly downlinkBytes: number;
}

/**
 * What a run is doing, in this order: its threads start; its data is read or downloaded and everything is checked; the workers
 * build their functions from their shards; f and ∇f are computed at x⁰; rounds.
 */
export type Phase = 'starting' | 'loading' | 'building' | 'evaluating' | 'training';

export type StopReason =
  | 'rounds'
  | 'target'
  | 'target-relative'
  | 'target-loss'
  | 'time-limit'
  | 'max-bytes'
  | 'aborted';

/** What a run has done twice. */
export interface Repeated {
  /** How often the workers were started again. */
  readonly restarts: number;
  /** Whole rounds that were run again. */
  readonly rounds: number;
  /** Frame bytes of both links that had been sent when they were lost, and are counted nowhere else. */
  readonly frameBytes: number;
}

/** What a run came to: summary.json, and the object that `--json` prints. */
export interface Summary {
  readonly method: string;
  readonly problem: string;
  readonly data: string | null;
  readonly workers: number;
  readonly threads: number;
  readonly dimension: number;
  readonly seed: string;
  readonly transport: string;
  /** There when frames had checksums. */
  readonly checksum?: 'on';
  /** The workers' links as they were paced; null when they were not. */
  readonly link: string | null;
  /** The workers' links as they were modelled; null when they were not. */
  readonly linkModel: string | null;
  /** Width of a dense coordinate: f32 or f64. */
  readonly wire: Wire;
  /** Of state and arithmetic. */
  readonly precision: Precision;
  /** How dense vectors were coded. */
  readonly dense: 'plain' | 'packed';
  /** How rounds with a dense message were drawn. */
  readonly coins: Coins;
  /** Samples of a gradient, and of one in a dense round, where the run said so. */
  readonly batch?: number;
  readonly batchDense?: number;
  /** Which iterate x̂ the run gives back, where that is not the last one. */
  readonly output?: OutputName;
  readonly stepSize: number;
  /**
   * With `stepSize: measured`: the constants of the step size that were measured along a short run of gradient descent from x⁰, by
   * their names in `Smoothness`. No bounds.
   */
  readonly measured?: Readonly<Record<string, number>>;
  /** The method's own parameters, as used, under the names of specs; choices as 0 or 1. */
  readonly parameters: Readonly<Record<string, number>>;
  /** From the call of `train` to the start of the first round: threads, data, set-up. */
  readonly secondsToFirstRound: number;
  /** How often the run has gone on from a checkpoint. */
  readonly resumed: number;
  readonly rounds: number;
  /** At x̂, as all that follows: f, ‖∇f‖² … */
  readonly loss: number;
  readonly gradNormSq: number;
  /** The problem's metrics of the training data by name; null when it has none. */
  readonly metrics: Readonly<Record<string, number>> | null;
  /** f and the metrics on the validation data; null without. */
  readonly validation: ValidationMetrics | null;
  /** Seconds of rounds, evaluation left out. */
  readonly wallSeconds: number;
  /** What `wallSeconds` would be over the modelled links; null when none are. */
  readonly modelSeconds: number | null;
  readonly uplink: Tally;
  readonly downlink: Tally;
  /** The round that x̂ is of; there when `output` is. */
  readonly outputRound?: number;
  /** Seconds in gradients, summed over workers. */
  readonly computeSeconds: number;
  /** Gradients computed for the method, summed over workers; a batch counts as its share of a worker's samples. */
  readonly gradientCalls: number;
  /** Frames that were refused, by why; there when there were any. */
  readonly refused?: Readonly<Partial<Record<FrameRefusal, number>>>;
  /** Bytes of the server's connection to the broker so far; there when there is one. */
  readonly broker?: BrokerTraffic;
  readonly stopReason: StopReason;
  /** What was done twice because workers were lost; left out when none were. */
  readonly repeated?: Repeated;
  /** Workers that took longer than `roundTimeout` for an answer; left out when none did. */
  readonly late?: readonly Late[];
  /**
   * How often workers came or went, and how few there were; there when there is `minWorkers`. Then xHash is not one of the seed
   * alone.
   */
  readonly attendance?: { readonly changes: number; readonly least: number };
  /** SHA-256 of x̂ as little-endian f64. */
  readonly xHash: string;
}

/** Frame bytes that gradient descent sends one way in as many rounds: one dense vector to or from each worker. */
export function denseFrameBytes(run: Pick<Summary, 'rounds' | 'workers' | 'dimension' | 'wire' | 'checksum'>): number {
  const fixed = HEADER_BYTES + (run.checksum === 'on' ? CHECKSUM_BYTES : 0);
  return run.rounds * run.workers * (fixed + (run.wire === 'f32' ? 4 : 8) * run.dimension);
}
