import { optionError, printed } from '@flotilla/core/internal';
import type { RunFolder } from '../run/run-folder.js';
import type { Training } from '../training.js';
import type { CheckpointFolder } from './checkpoint-folder.js';
import type { TakenCheckpoint } from './checkpoints.js';
import type { Identity } from './format.js';
import { differenceOf } from './identity.js';
import type { Checkpoint } from './read.js';

/** How a run is to go on. */
export interface ResumeTask {
  /** Also with other code or data than the run began with. */
  readonly force: boolean;
  /** What config.json shall be, where it changes. */
  readonly config: object | undefined;
}

/** A run's way back to the newest of its checkpoints that can be used. */
export class Resumption {
  readonly #rest: Iterator<Checkpoint>;
  #next: Checkpoint | undefined;

  /** @param note Gets a line for each checkpoint that cannot be used, and says where the run goes on. */
  constructor(
    private readonly folder: RunFolder,
    private readonly store: CheckpointFolder,
    private readonly note: (message: string) => void,
  ) {
    this.#rest = store.open(note);
    this.#advance();
  }

  /** Whether there is one that is whole. */
  get isPossible(): boolean {
    return this.#next !== undefined;
  }

  /**
   * Restores the newest that is of this training, and takes away what the run wrote after it. Without one the training begins
   * again at round 0.
   * @throws UsageError when there are checkpoints, and all are of another training, other code or other data
   */
  async restore(training: Training, identity: Identity, force: boolean): Promise<TakenCheckpoint | undefined> {
    const { folder, store } = this;
    const { configuration } = training;
    let obstacle: string | undefined;
    for (; this.#next !== undefined; this.#advance()) {
      const { header, path, workers } = this.#next;
      const reason = reasonAgainst(this.#next, configuration, identity);
      if (reason === undefined || force) {
        await training.restoreParts({ ...this.#next.own(), configuration }, workers);
        store.keep(this.#next);
        const { round, rowBytes } = header;
        const isWhole = folder.rewind(rowBytes);
        folder.goesOn(round);
        if (!isWhole) this.note(`metrics.jsonl has lost rows from before round ${round}; they stay missing`);
        this.note(round === 0 ? 'the run begins again at round 0' : `the run goes on after round ${round}`);
        return { round, path };
      }
      obstacle ??= reason;
    }
    if (obstacle !== undefined) {
      throw optionError(
        'resume',
        `${printed(folder.path)} cannot go on: ${obstacle}; force: true goes on all the same`,
      );
    }
    folder.rewind(0);
    folder.goesOn(0);
    this.note('no checkpoint can be used: the run begins again at round 0');
    return undefined;
  }

  close(): void {
    this.#next?.close();
    this.#next = undefined;
  }

  /** To the next one that is whole. */
  #advance(): void {
    this.close();
    const { value, done } = this.#rest.next();
    if (done !== true) this.#next = value;
  }
}

/** Why a training cannot go on from a checkpoint. */
function reasonAgainst({ header }: Checkpoint, configuration: string, identity: Identity): string | undefined {
  const difference = differenceOf(header.identity, identity);
  if (difference !== undefined) return difference;
  if (header.configuration === configuration) return undefined;
  return `the checkpoint is of another training: ${header.configuration}, this one is ${configuration}`;
}
