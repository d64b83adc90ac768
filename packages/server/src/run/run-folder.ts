import { constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { FlotillaError, type Runtime, systemRuntime, UsageError } from '@flotilla/core';
import {
  type Disk,
  type FileContent,
  type Lock,
  makeFolder,
  optionError,
  printed,
  reasonOf,
  systemDisk,
  takeLock,
  writeAll,
  writeWhole,
} from '@flotilla/core/internal';
import { CHECKPOINTS } from '../checkpoint/checkpoint-folder.js';
import { syncFolder, syncPath } from '../checkpoint/sync-folder.js';
import type { Metrics, Summary } from './metrics.js';

export const CONFIG = 'config.json';
const ROWS = 'metrics.jsonl';
export const SUMMARY = 'summary.json';
const MODEL = 'model.safetensors';
/** In the folder of checkpoints: who is at work, and a line for each time that the run went on. */
const LOCK = 'lock';
const RESUMES = 'resumes.jsonl';

/** Everything that a run may leave in its folder, whoever writes it. None of it may be there before. */
export const RUN_FILES = [CONFIG, ROWS, SUMMARY, 'report.html', MODEL, CHECKPOINTS] as const;

/** As long as a run that goes on waits for the process that has its folder, when that gives a sign of life. */
const LOCK_WAIT_MS = 2000;

/**
 * What a run leaves behind: config.json, metrics.jsonl (a row at a time, as it happens), checkpoints, model.safetensors and
 * summary.json. Files come when everything has been checked and the rounds can begin: a run that is refused before has left nothing
 * that keeps the next one from the same folder.
 */
export class RunFolder {
  /** Folders that were made for the run, the innermost last. */
  #made: readonly string[] = [];
  #begun = false;
  #lock: Lock | undefined;
  /** metrics.jsonl, once there is a row. */
  #rows: number | undefined;
  /** Whether its name is on the disk for sure. */
  #rowsLast = false;
  /** Bytes of whole rows. */
  #length = 0;
  /** Round of the last row, and the bytes before it. */
  #last = { round: -1, before: 0 };

  /** @param path Absolute: the current folder may be another one, or gone, when the last file is written. */
  private constructor(
    readonly path: string,
    private readonly own: boolean,
    private readonly disk: Disk,
    private readonly runtime: Runtime,
  ) {}

  /** Makes nothing: a folder that is not there may come to be. @throws UsageError when it holds a run or files of the same names */
  static checkFree(out: string, disk = systemDisk): void {
    const isThere = (name: string) => disk.lstatSync(join(resolve(out), name), { throwIfNoEntry: false }) !== undefined;
    let there: string[];
    try {
      there = RUN_FILES.filter(isThere);
    } catch {
      // what is wrong with it is said where it is made
      return;
    }
    if (there.includes(CONFIG) && there.includes(CHECKPOINTS)) {
      throw optionError('out', `${printed(out)} holds a run already; name a new folder, or resume it`);
    }
    if (there.length > 0) {
      const what = there.includes(ROWS) ? 'a run' : there.join(', ');
      throw optionError('out', `${printed(out)} holds ${what} already; name a new folder`);
    }
  }

  /** Makes the folder of a new run. @throws UsageError when it cannot be made or written, or holds a run or files of the same names already */
  static create(out: string, disk = systemDisk, runtime = systemRuntime): RunFolder {
    let folder: RunFolder | undefined;
    try {
      folder = new RunFolder(resolve(out), false, disk, runtime);
      folder.#made = makeFolder(folder.path, disk);
      if (!disk.statSync(folder.path).isDirectory()) throw new Error('it is no folder');
      RunFolder.checkFree(out, disk);
      disk.accessSync(folder.path, constants.W_OK | constants.X_OK);
      return folder;
    } catch (cause) {
      folder?.discard();
      if (cause instanceof UsageError) throw cause;
      throw optionError('out', `${printed(out)} cannot be written: ${reasonOf(cause)}`, cause);
    }
  }

  /** The folder of a run that goes on, for this process alone. @throws FlotillaError `io` when another one is at work there */
  static async resume(
    path: string,
    signal: AbortSignal,
    note: (message: string) => void,
    disk = systemDisk,
    runtime = systemRuntime,
  ): Promise<RunFolder> {
    const folder = new RunFolder(resolve(path), true, disk, runtime);
    folder.#attempt(() => {
      makeFolder(join(folder.path, CHECKPOINTS), disk);
      // whoever began the run may have been killed before
      syncPath(folder.path, disk);
    }, CHECKPOINTS);
    await folder.#takeLock({ signal, note });
    folder.#begun = true;
    return folder;
  }

  /** The run begins to leave files. @throws FlotillaError `io` */
  async begin(config: unknown): Promise<void> {
    this.write(CONFIG, json(config));
    this.#begun = true;
    // a run that is killed from here on can go on
    this.#attempt(() => {
      makeFolder(join(this.path, CHECKPOINTS), this.disk);
      syncPath(this.path, this.disk);
    }, CHECKPOINTS);
    await this.#takeLock({});
  }

  /** Bytes of the rows before those of `round`, which are on the disk when this returns. @throws FlotillaError `io` */
  rowBytesBefore(round: number): number {
    return this.#attempt(() => {
      this.#checkAlone();
      this.#syncRows();
      return this.#last.round === round ? this.#last.before : this.#length;
    });
  }

  /** A process that stood still for long may have lost the folder to another one. @throws Error */
  #checkAlone(): void {
    if (this.#lock === undefined || this.#lock.held()) return;
    const isThere = this.disk.existsSync(join(this.path, CHECKPOINTS));
    if (isThere) throw new Error('another process is at work in this folder');
  }

  #syncRows(): void {
    if (this.#rows === undefined) return;
    this.disk.fsyncSync(this.#rows);
    if (!this.#rowsLast) syncFolder(this.path, this.disk);
    this.#rowsLast = true;
  }

  /**
   * Takes away what was written after a checkpoint: rows behind the first `bytes` bytes, and a summary.
   * @returns whether all rows before are there; those that are whole stay in any case
   * @throws FlotillaError `io`
   */
  rewind(bytes: number): boolean {
    return this.#attempt(() => {
      this.disk.rmSync(join(this.path, SUMMARY), { force: true });
      // rows that come again may be longer or shorter: their times are others
      this.#last = { round: -1, before: 0 };
      if (this.#rows !== undefined) this.disk.closeSync(this.#rows);
      this.#rows = undefined;
      if (this.disk.existsSync(join(this.path, ROWS))) {
        this.#rows = this.disk.openSync(join(this.path, ROWS), 'a+');
        this.#length = wholeLines(this.#rows, bytes, this.disk);
        this.disk.ftruncateSync(this.#rows, this.#length);
      }
      return this.#length === bytes;
    });
  }

  /** The run goes on after `round`, in another process than before. @throws FlotillaError `io` */
  goesOn(round: number): void {
    const line = `${JSON.stringify({ round })}\n`;
    this.#attempt(() => this.disk.appendFileSync(join(this.path, CHECKPOINTS, RESUMES), line), RESUMES);
  }

  /** How often the run has gone on. */
  get resumed(): number {
    try {
      return this.disk.readFileSync(join(this.path, CHECKPOINTS, RESUMES), 'latin1').split('\n').length - 1;
    } catch {
      return 0;
    }
  }

  /** Appends a row, whole or not at all. @throws FlotillaError `io` */
  metrics(row: Metrics): void {
    this.#attempt(() => {
      this.#checkAlone();
      this.#rows ??= this.disk.openSync(join(this.path, ROWS), 'ax');
      const bytes = Buffer.from(`${JSON.stringify(row)}\n`);
      try {
        writeAll(this.#rows, bytes, this.disk);
      } catch (error) {
        this.disk.ftruncateSync(this.#rows, this.#length);
        throw error;
      }
      this.#last = { round: row.round, before: this.#length };
      this.#length += bytes.length;
    });
  }

  /** What the run has come to: from then on it has ended, and all that is before is on the disk. @throws FlotillaError `io` */
  summary(summary: Summary): void {
    this.#attempt(() => {
      this.#syncRows();
      syncFolder(this.path, this.disk);
    });
    this.write(SUMMARY, json(summary));
  }

  /** The options have changed. */
  config(config: unknown): void {
    this.write(CONFIG, json(config));
  }

  /** Writes a file of the run, whole or not at all; a run that goes on replaces what it has left before. @throws FlotillaError `io` */
  write(name: (typeof RUN_FILES)[number], content: FileContent): void {
    this.#attempt(() => this.#checkAlone(), name);
    writeWhole(join(this.path, name), content, () => this.own, this.disk);
  }

  close(): void {
    if (this.#rows !== undefined) this.disk.closeSync(this.#rows);
    this.#rows = undefined;
    this.#lock?.release();
    this.#lock = undefined;
    if (!this.#begun) return;
    try {
      // where no checkpoint was taken there was a lock alone
      this.disk.rmdirSync(join(this.path, CHECKPOINTS));
    } catch {
      // there are checkpoints
    }
  }

  /** Takes away what a new run has made that did not come to its first row, and nothing else. */
  discard(): void {
    try {
      this.close();
      if (this.own) return;
      if (this.#begun) {
        this.disk.rmSync(join(this.path, ROWS), { force: true });
        this.disk.rmSync(join(this.path, CONFIG), { force: true });
        this.disk.rmSync(join(this.path, CHECKPOINTS), { recursive: true, force: true });
      }
      for (const folder of this.#made.toReversed()) this.disk.rmdirSync(folder);
    } catch {
      // somebody has put something there
    }
  }

  async #takeLock(options: { signal?: AbortSignal; note?: (message: string) => void }): Promise<void> {
    const { disk, runtime } = this;
    const path = join(this.path, CHECKPOINTS, LOCK);
    const doing = 'is at work on this run';
    try {
      this.#lock = await takeLock(path, { ...options, doing, waitMs: LOCK_WAIT_MS, disk, runtime });
    } catch (cause) {
      options.signal?.throwIfAborted();
      throw new FlotillaError('io', `${this.path} cannot be gone on with: ${reasonOf(cause)}`, { cause });
    }
  }

  #attempt<T>(work: () => T, name = ROWS): T {
    try {
      return work();
    } catch (cause) {
      if (cause instanceof FlotillaError) throw cause;
      throw new FlotillaError('io', `${join(this.path, name)} cannot be written: ${reasonOf(cause)}`, { cause });
    }
  }
}

/** Bytes of the whole lines among the first `limit` bytes of a file. */
function wholeLines(file: number, limit: number, disk: Disk): number {
  const piece = Buffer.alloc(1 << 16);
  for (let end = Math.min(limit, disk.fstatSync(file).size); end > 0; ) {
    const from = Math.max(0, end - piece.length);
    const read = disk.readSync(file, piece, 0, end - from, from);
    const at = piece.subarray(0, read).lastIndexOf(0x0a);
    if (at >= 0) return from + at + 1;
    end = from;
  }
  return 0;
}

export const json = (content: unknown) => `${JSON.stringify(content, null, 2)}\n`;
