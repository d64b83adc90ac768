import { join } from 'node:path';
import { FlotillaError, type Runtime } from '@flotilla/core';
import type { RecoveryPoint } from '../recovery/recovery.js';
import type { RunFolder } from '../run/run-folder.js';
import type { Training } from '../training.js';
import type { CheckpointFolder } from './checkpoint-folder.js';
import type { Identity } from './format.js';
import { type CheckpointEvery, Schedule } from './schedule.js';

/** A checkpoint that lies on the disk. */
export interface TakenCheckpoint {
  /** The last round that it has. */
  readonly round: number;
  /** Absolute. */
  readonly path: string;
}

/** The checkpoints of a training that is under way: when one is due, and how it is taken. */
export class Checkpoints implements RecoveryPoint {
  readonly #schedule: Schedule;
  #last: TakenCheckpoint | undefined;

  constructor(
    private training: Training,
    private readonly folder: RunFolder,
    private readonly store: CheckpointFolder,
    private readonly identity: Identity,
    every: CheckpointEvery,
    runtime: Runtime,
    /** Hears of each worker's state that is written, and of each checkpoint that lies on the disk then. */
    private readonly observer: { onWritten?(): void; onTaken?(checkpoint: TakenCheckpoint): void } = {},
  ) {
    this.#schedule = new Schedule(every, runtime);
  }

  /** Whether one is due after the round that has just ended. */
  get isDue(): boolean {
    return this.#schedule.isDue(this.training.rounds);
  }

  /** The round of the last one that lies on the disk; −1 when there is none. */
  get lastRound(): number {
    return this.#last?.round ?? -1;
  }

  /** The training that has gone on in the place of the one before, from no checkpoint of these. */
  follow(training: Training): void {
    this.training = training;
  }

  /** The training goes on from this one. */
  resumed(from: TakenCheckpoint): void {
    this.#last = from;
    this.#schedule.taken(from.round);
  }

  /** Takes one of the last round, unless there is one. @throws FlotillaError `io` */
  async take(): Promise<TakenCheckpoint> {
    const { training, store, folder, identity } = this;
    const { rounds: round } = training;
    if (this.#last?.round === round) return this.#last;
    const { workers } = training.plan.job;
    const about = { identity, workers, rowBytes: folder.rowBytesBefore(round) };
    await store.write(round, (writer) =>
      training.save({
        own: (state) => writer.own(state, about),
        worker: (state) => {
          writer.worker(state);
          this.observer.onWritten?.();
        },
      }),
    );
    this.#schedule.taken(round);
    this.#last = { round, path: join(store.path, `round-${round}.ckpt`) };
    this.observer.onTaken?.(this.#last);
    return this.#last;
  }

  /** @throws FlotillaError `io` when the disk holds none that can be used any more */
  async recover(training: Training): Promise<number> {
    const { store, folder } = this;
    this.training = training;
    let reason = 'there is none';
    for (const checkpoint of store.open((message) => (reason = message))) {
      try {
        const { header, path, workers } = checkpoint;
        const { round, rowBytes } = header;
        await training.restoreParts(checkpoint.own(), workers);
        store.keep(checkpoint);
        folder.rewind(rowBytes);
        this.resumed({ round, path });
        return round;
      } finally {
        checkpoint.close();
      }
    }
    throw new FlotillaError('io', `${store.path} has no checkpoint to go on from: ${reason}`);
  }

  /** The training has come to its end: the last checkpoint is enough. @throws FlotillaError `io` */
  end(): void {
    this.store.trim(1);
  }
}
