import type { Meters, Metrics, Progress } from '@flotilla/server';
import type { NewestOfRun } from './run-view.js';

/**
 * The newest that a run has said, for whoever looks: nothing older is kept. `train()` is given its callbacks, and `follow` the run:
 *
 * @example
 * const feed = new RunFeed();
 * const run = train({ out: folder, ...feed.callbacks });
 * feed.follow(run);
 */
export class RunFeed implements NewestOfRun {
  row: Metrics | undefined;
  progress: Progress | undefined;
  meters: Meters | undefined;
  /** Counts changes of the run's state. */
  changes = 0;

  readonly callbacks = {
    onProgress: (progress: Progress) => {
      this.progress = progress;
    },
    onMeters: (meters: Meters) => {
      this.meters = meters;
    },
  };

  /** Keeps the newest row of a run, until that ends. How it ends is not this one's to say. */
  follow(run: AsyncIterable<Metrics>): void {
    const read = async () => {
      for await (const row of run) this.row = row;
    };
    read().catch(() => undefined);
  }

  /** The run begins anew, or goes on. */
  reset(): void {
    this.row = undefined;
    this.progress = undefined;
    this.meters = undefined;
  }

  /** The run's state has changed. */
  changed(): void {
    this.changes++;
  }
}
