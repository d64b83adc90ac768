import { basename, join } from 'node:path';
import { FlotillaError } from '@flotilla/core';
import { type Disk, reasonOf, systemDisk } from '@flotilla/core/internal';
import { type Checkpoint, openCheckpoint } from './read.js';
import { syncFolder } from './sync-folder.js';
import { CheckpointWriter } from './write.js';

/** The folder of a run's checkpoints, in its run folder. */
export const CHECKPOINTS = 'checkpoint';
const NAME = /^round-(\d{1,16})\.ckpt$/;
/** The one that is being written, under a name of its own until it is whole. */
const PART = 'next.part';

/** A run's checkpoints: the newest and the one before, each a file `round-N.ckpt`. */
export class CheckpointFolder {
  readonly path: string;
  /** Those that were written or read here and are whole, the newest first. */
  #good: string[] = [];

  constructor(
    runFolder: string,
    private readonly disk: Disk = systemDisk,
  ) {
    this.path = join(runFolder, CHECKPOINTS);
  }

  /** Makes the folder; one that is there may stay. @throws FlotillaError `io` */
  make(): void {
    this.#attempt(() => this.disk.mkdirSync(this.path, { recursive: true }));
  }

  /** Checkpoints that are whole, the newest first, each opened when it is asked for and to be closed by the caller. */
  *open(note: (message: string) => void): Generator<Checkpoint> {
    for (const name of this.#names()) {
      let checkpoint: Checkpoint;
      try {
        checkpoint = openCheckpoint(join(this.path, name), this.disk);
      } catch (cause) {
        note(`${join(CHECKPOINTS, name)} cannot be used: ${reasonOf(cause)}`);
        continue;
      }
      yield checkpoint;
    }
  }

  /** This one is gone on from: it stays until there are two newer ones. @throws FlotillaError `io` */
  keep({ path }: Checkpoint): void {
    this.#good = [basename(path)];
    // whoever wrote it may have been killed before its name was on the disk
    this.#attempt(() => syncFolder(this.path, this.disk));
  }

  /**
   * Writes a checkpoint: whole under its name, or not at all. Of the others the newest that is known to be whole stays; the rest
   * go.
   * @throws FlotillaError `io`, and what `write` throws
   */
  async write(round: number, write: (writer: CheckpointWriter) => Promise<void>): Promise<void> {
    const { disk } = this;
    const part = join(this.path, PART);
    const name = `round-${round}.ckpt`;
    try {
      // another one that a run was killed at
      disk.rmSync(part, { force: true });
      const file = disk.openSync(part, 'wx');
      try {
        const writer = new CheckpointWriter(file, disk);
        await write(writer);
        writer.end();
      } finally {
        disk.closeSync(file);
      }
      disk.renameSync(part, join(this.path, name));
      syncFolder(this.path, disk);
    } catch (cause) {
      try {
        disk.rmSync(part, { force: true });
      } catch {
        // what was to be said has been said
      }
      throw this.#failure(cause);
    }
    this.#good = [name, ...this.#good.filter((one) => one !== name)];
    this.trim(2);
  }

  /** Removes all but the newest `count` that are known to be whole. @throws FlotillaError `io` */
  trim(count: number): void {
    this.#good = this.#good.slice(0, count);
    this.#attempt(() => {
      for (const name of this.#names()) {
        if (!this.#good.includes(name)) this.disk.rmSync(join(this.path, name), { force: true });
      }
    });
  }

  /** Names of checkpoints, whole or not, those of later rounds first. None when there is no folder. */
  #names(): string[] {
    let found: string[];
    try {
      found = this.disk.readdirSync(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw this.#failure(error);
    }
    const roundOf = (name: string) => Number(NAME.exec(name)?.[1]);
    return found.filter((name) => NAME.test(name)).sort((a, b) => roundOf(b) - roundOf(a));
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  #failure(cause: unknown): FlotillaError {
    if (cause instanceof FlotillaError) return cause;
    return new FlotillaError('io', `a checkpoint cannot be written in ${this.path}: ${reasonOf(cause)}`, { cause });
  }
}

/** Whether a run has left a checkpoint. */
export function hasCheckpoint(runFolder: string, disk: Disk = systemDisk): boolean {
  try {
    return disk.readdirSync(join(runFolder, CHECKPOINTS)).some((name) => NAME.test(name));
  } catch {
    return false;
  }
}
