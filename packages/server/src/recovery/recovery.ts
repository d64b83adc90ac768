import { DivergedError, FlotillaError } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import { LateError } from '../round/stragglers.js';
import type { Happening, Note } from '../run/happening.js';
import type { Repeated } from '../run/metrics.js';
import type { Training } from '../training.js';

/** Where a run that has lost workers goes on from. */
export interface RecoveryPoint {
  /**
   * Makes a training that has just been opened the one of the last checkpoint, or leaves it at round 0 where there is none. From
   * now on checkpoints are of this training. @returns its round
   */
  recover(training: Training): Promise<number>;
}

/**
 * Goes on after a loss of workers: all of them are started again and take the state of the last checkpoint, and the rounds
 * since then are run again. A run depends on its configuration and seed alone, so they are the same rounds, and the run comes to
 * the same bits (docs/decisions/0020).
 */
export class Recovery {
  #restarts = 0;
  #rounds = 0;
  /** The last round that there was, run again or not. */
  #reached = 0;
  #frameBytes = 0;
  /** How the last failure was told, to know it again. */
  #last: string | undefined;

  #point: RecoveryPoint | undefined;

  constructor(
    private readonly maxRestarts: number,
    /** Opens the training anew, at round 0. */
    private readonly open: (attempt: number) => Promise<Training>,
    private readonly note: Note,
    /** Told at once of what will be made good. */
    private readonly onLoss: (failure: FlotillaError) => void = () => undefined,
  ) {}

  /** Undefined as long as nothing was lost. */
  get repeated(): Repeated | undefined {
    if (this.#restarts === 0) return undefined;
    return { restarts: this.#restarts, rounds: this.#rounds, frameBytes: this.#frameBytes };
  }

  /**
   * The training that `first` opens or, where workers are lost meanwhile, that is opened after it.
   * @throws FlotillaError as `after`, and where a worker is late
   */
  async opened(first: () => Promise<Training>): Promise<Training> {
    for (let open = first; ; open = () => this.open(this.#restarts)) {
      try {
        return await open();
      } catch (thrown) {
        const failure = asFlotillaError(thrown);
        // what took that long will do so again
        if (failure instanceof LateError) throw failure;
        this.#admit(failure);
        this.onLoss(failure);
        this.#restarts++;
        this.note(`${failure.message}; the workers are started again`, this.#restart(0));
      }
    }
  }

  /** From now on a loss is made good from here. */
  goOnFrom(point: RecoveryPoint): void {
    this.#point = point;
  }

  /**
   * The training that goes on after one has failed, which is closed.
   * @throws FlotillaError the failure, where nothing is to be gained by going on: it is none of a worker's, it came a second time,
   * or there have been too many
   */
  async after(thrown: unknown, failed: Training): Promise<Training> {
    let failure = asFlotillaError(thrown);
    const lostRound = failed.rounds;
    this.#reached = Math.max(this.#reached, lostRound);
    const { uplink, downlink } = failed.ledger.frameBytes;
    for (;;) {
      this.#admit(failure);
      this.onLoss(failure);
      this.#restarts++;
      await failed.close(undefined, false);
      let training: Training | undefined;
      try {
        training = await this.open(this.#restarts);
        const round = (await this.#point?.recover(training)) ?? training.rounds;
        const kept = training.ledger.frameBytes;
        this.#rounds += lostRound - round;
        this.#frameBytes += uplink + downlink - kept.uplink - kept.downlink;
        const message = `${failure.message}; the workers are started again, and the run goes on after round ${round}`;
        this.note(message, this.#restart(round));
        return training;
      } catch (again) {
        await training?.close(undefined, false);
        failure = asFlotillaError(again);
      }
    }
  }

  #restart(round: number): Happening {
    return { type: 'restart', round, restarts: this.#restarts };
  }

  #admit(failure: FlotillaError): void {
    const { code, message, worker, round } = failure;
    if (!isRecoverable(failure, this.#reached)) throw failure;
    if (this.#restarts >= this.maxRestarts) {
      if (this.#restarts === 0) throw failure;
      throw tooOften(failure, this.#restarts);
    }
    // a thread that is gone does not say where it was: then only their number tells
    const unknown = code === 'worker-lost' && round === undefined;
    const words = code === 'diverged' ? '' : message;
    const told = unknown ? undefined : `${code} ${worker} ${round} ${words}`;
    if (told !== undefined && told === this.#last) {
      this.note(`${message}; it has failed in the same way twice, and is not tried again`);
      throw failure;
    }
    this.#last = told;
  }
}

/**
 * A worker that is lost, that threw, or whose frame was refused, one whose answer alone is no number, and a thread without
 * memory: another try may do better. Not what is thrown before there was a single round: that is a mistake in somebody's code, and is told at once.
 */
function isRecoverable(failure: FlotillaError, rounds: number): boolean {
  const { code, worker, refusal } = failure;
  if (failure instanceof LateError && failure.ends) return false;
  if (failure instanceof DivergedError) return rounds > 0 && failure.alone === true;
  if (code === 'worker-lost' || refusal !== undefined) return true;
  return rounds > 0 && (code === 'limit' || (code === 'internal' && worker !== undefined));
}

function tooOften(failure: FlotillaError, restarts: number): FlotillaError {
  const { code, message, worker, round, cause = failure } = failure;
  const what = `the workers have been started again ${restarts} times, as often as they may`;
  return new FlotillaError(code, `${message}; ${what}`, { cause, worker, round });
}
