/**
 * Upper bounds of {@link Meters.roundTimes}, in seconds: 1, 2 and 5 of each power of ten. Whatever takes longer than the last
 * one is counted behind it.
 */
export const ROUND_TIME_BOUNDS: readonly number[] = [
  1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100,
];

/** Where the seconds of rounds went, evaluation left out: sums since this process began or resumed the run. */
export interface RoundShares {
  /** The server moves x, tosses coins and encodes what goes down. */
  readonly downlink: number;
  /** The server waits for workers. */
  readonly waiting: number;
  /** The server decodes what came up and adds it. */
  readonly uplink: number;
  /** The server's step. */
  readonly step: number;
}

/** Frame bytes of one link, over all workers, by the form of what was sent. */
export interface LinkBytes {
  /** Whole vectors, the initial gradients among them. */
  readonly dense: number;
  readonly compressed: number;
}

/** What each worker has done so far: one value a worker, in the order of workers. */
export interface WorkerMeters {
  /** Frame bytes it has sent. */
  readonly uplinkBytes: Float64Array;
  /** Frame bytes it was sent. */
  readonly downlinkBytes: Float64Array;
  /** Seconds in its gradients; evaluations left out. */
  readonly computeSeconds: Float64Array;
  /**
   * Seconds that the server stood still for its answers, since this process began or resumed the run. The server takes answers
   * in the order of workers, so of several that are late the first one shows. On one thread (`loopback`) all is the first
   * one's.
   */
  readonly waitedSeconds: Float64Array;
  /**
   * How often it was the reason that the workers were started again: its thread ended, it threw, its frame was refused. The end
   * of a thread that hosts several workers is none of theirs. Counted since this process began or resumed the run.
   */
  readonly losses: Float64Array;
}

/** What a run is doing, finer than its rows say: for whoever draws it or exports it. */
export interface Meters {
  readonly round: number;
  /** Seconds of rounds so far, evaluation left out. */
  readonly seconds: number;
  /** How often the workers were started again. */
  readonly restarts: number;
  /**
   * Rounds by how long they took, since this process began or resumed the run: one count for each of {@link ROUND_TIME_BOUNDS},
   * and one for longer ones.
   */
  readonly roundTimes: readonly number[];
  /** Seconds of those rounds together. */
  readonly roundSeconds: number;
  readonly shares: RoundShares;
  readonly uplink: LinkBytes;
  readonly downlink: LinkBytes;
  readonly workers: WorkerMeters;
}
