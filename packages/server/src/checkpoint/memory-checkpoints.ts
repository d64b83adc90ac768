import type { Runtime } from '@flotilla/core';
import type { RecoveryPoint } from '../recovery/recovery.js';
import type { RunFolder } from '../run/run-folder.js';
import type { Training } from '../training.js';
import type { TrainingState } from '../training-state.js';
import type { Checkpoints } from './checkpoints.js';
import { type CheckpointEvery, Schedule } from './schedule.js';

/** How often a run that takes no checkpoints on disk keeps one in memory. */
const EVERY: CheckpointEvery = { ms: 60_000 };

/** The last checkpoint of a run that leaves none on the disk, to go on from when workers are lost. */
export class MemoryCheckpoints implements RecoveryPoint {
  readonly #schedule: Schedule;
  #kept: { readonly state: TrainingState; readonly rowBytes: number } | undefined;

  constructor(
    private training: Training,
    private readonly folder: RunFolder | undefined,
    every: CheckpointEvery,
    runtime: Runtime,
    /** Those that somebody has asked for. */
    private readonly onDisk: Checkpoints | undefined,
  ) {
    this.#schedule = new Schedule(every === 'never' ? EVERY : every, runtime);
  }

  /** Whether one is due after the round that has just ended. */
  get isDue(): boolean {
    return this.#schedule.isDue(this.training.rounds);
  }

  async take(): Promise<void> {
    const { training, folder } = this;
    const { rounds: round } = training;
    this.#kept = { state: await training.snapshot(), rowBytes: folder?.rowBytesBefore(round) ?? 0 };
    this.#schedule.taken(round);
  }

  async recover(training: Training): Promise<number> {
    this.training = training;
    const { onDisk } = this;
    const { state, rowBytes = 0 } = this.#kept ?? {};
    // rows from before one on the disk must not be written again: it has their number of bytes
    if (onDisk !== undefined && onDisk.lastRound > (state?.round ?? 0)) {
      await onDisk.recover(training);
    } else {
      onDisk?.follow(training);
      if (state !== undefined) await training.restore(state);
      this.folder?.rewind(rowBytes);
    }
    this.#schedule.taken(training.rounds);
    return training.rounds;
  }
}
