import type { Ledger } from '@flotilla/protocol';
import { type LinkBytes, type Meters, ROUND_TIME_BOUNDS } from '../run/meters.js';

/** The parts of a round that end when they are named, in this order. */
type Part = 'downlink' | 'waiting' | 'uplink' | 'step';

/**
 * Times the rounds of a run, part by part and worker by worker. Looks at the clock a few times a round, and for a worker only where
 * its answer is not there yet; a run that nobody watches has none.
 */
export class Meter {
  /** Seconds in gradients of each worker: its host writes them, from whatever thread. */
  readonly computeSeconds: Float64Array;
  readonly #waitedSeconds: Float64Array;
  readonly #losses: Float64Array;
  readonly #times = ROUND_TIME_BOUNDS.map(() => 0).concat(0);
  readonly #seconds: Record<Part, number> = { downlink: 0, waiting: 0, uplink: 0, step: 0 };
  #roundSeconds = 0;
  /** Milliseconds of the runtime's clock; undefined between rounds, where what is waited for is none of theirs. */
  #began: number | undefined;
  #marked = 0;
  #waited = 0;
  #isFirst = false;

  constructor(workers: number) {
    this.computeSeconds = new Float64Array(new SharedArrayBuffer(8 * workers));
    this.#waitedSeconds = new Float64Array(workers);
    this.#losses = new Float64Array(workers);
  }

  /** A round begins. @param now milliseconds */
  begin(now: number): void {
    this.#began = now;
    this.#marked = now;
    this.#waited = 0;
    this.#isFirst = true;
  }

  /** A part of the round ends. What was waited for workers meanwhile is none of it. */
  lap(part: Part, now: number): void {
    this.#seconds[part] += (now - this.#marked - this.#waited) / 1000;
    this.#marked = now;
    this.#waited = 0;
  }

  /** Whether an answer is to be timed although it may be there: the first of a round, for which workers that run on this thread work. */
  get isFirstAnswer(): boolean {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return isFirst;
  }

  /** The server has waited for the answer of `worker`. */
  waited(worker: number, milliseconds: number): void {
    if (this.#began === undefined) return;
    this.#waited += milliseconds;
    this.#seconds.waiting += milliseconds / 1000;
    this.#waitedSeconds[worker] = (this.#waitedSeconds[worker] as number) + milliseconds / 1000;
  }

  /** The workers are started again because of `worker`. */
  lost(worker: number): void {
    this.#losses[worker] = (this.#losses[worker] as number) + 1;
  }

  /** The round that has begun ends. */
  end(now: number): void {
    if (this.#began === undefined) return;
    this.lap('step', now);
    const seconds = (now - this.#began) / 1000;
    const slot = ROUND_TIME_BOUNDS.findIndex((bound) => seconds <= bound);
    const at = slot === -1 ? ROUND_TIME_BOUNDS.length : slot;
    this.#times[at] = (this.#times[at] as number) + 1;
    this.#roundSeconds += seconds;
    this.#began = undefined;
  }

  /** The round that has begun has failed: it is none. */
  drop(): void {
    this.#began = undefined;
  }

  /** Copies of everything. */
  read(at: Pick<Meters, 'round' | 'seconds' | 'restarts'>, ledger: Ledger): Meters {
    const { downlink, waiting, uplink, step } = this.#seconds;
    const { round, seconds, restarts } = at;
    return {
      round,
      seconds,
      restarts,
      roundTimes: this.#times.slice(),
      roundSeconds: this.#roundSeconds,
      shares: { downlink, waiting, uplink, step },
      uplink: linkBytes(ledger, 'uplink'),
      downlink: linkBytes(ledger, 'downlink'),
      workers: {
        uplinkBytes: ledger.frameBytesOfWorkers('uplink'),
        downlinkBytes: ledger.frameBytesOfWorkers('downlink'),
        // out of shared memory, which goes on changing
        computeSeconds: new Float64Array(this.computeSeconds),
        waitedSeconds: this.#waitedSeconds.slice(),
        losses: this.#losses.slice(),
      },
    };
  }
}

function linkBytes(ledger: Ledger, direction: 'uplink' | 'downlink'): LinkBytes {
  const of = (kind: 'dense' | 'start') => ledger.total(direction, { kind }).frameBytes;
  const dense = of('dense') + of('start');
  return { dense, compressed: ledger.frameBytes[direction] - dense };
}
