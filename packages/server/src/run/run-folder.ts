import {
  accessSync,
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  openSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { FlotillaError, UsageError } from '@flotilla/core';
import {
  type FileContent,
  makeFolder,
  optionError,
  printed,
  reasonOf,
  writeAll,
  writeWhole,
} from '@flotilla/core/internal';
import type { Metrics, Summary } from './metrics.js';

const CONFIG = 'config.json';
const ROWS = 'metrics.jsonl';

/** Everything that a run may leave in its folder, whoever writes it. None of it may be there before. */
export const RUN_FILES = [CONFIG, ROWS, 'summary.json', 'report.html', 'model.safetensors', 'checkpoint'] as const;

/**
 * What a run leaves behind: config.json, metrics.jsonl (a row at a time, as it happens), model.safetensors and summary.json. The
 * files come with the first row: a run that fails before, or is killed, has left nothing that keeps the next one from the same folder.
 */
export class RunFolder {
  /** Absolute: the current folder may be another one, or gone, when the last file is written. */
  readonly path: string;
  /** Folders that were made for the run, the innermost last. */
  #made: readonly string[] = [];
  /** metrics.jsonl, once there is a row. */
  #rows: number | undefined;
  /** Bytes of whole rows. */
  #length = 0;

  /** Makes the folder. @throws UsageError when it cannot be made or written, or holds a run or files of the same names already */
  constructor(
    out: string,
    private readonly config: unknown,
  ) {
    try {
      this.path = resolve(out);
      this.#made = makeFolder(this.path);
      if (!statSync(this.path).isDirectory()) throw new Error('it is no folder');
      const there = RUN_FILES.filter(
        (name) => lstatSync(join(this.path, name), { throwIfNoEntry: false }) !== undefined,
      );
      if (there.length > 0) {
        const what = there.includes(ROWS) ? 'a run' : there.join(', ');
        throw optionError('out', `${printed(out)} holds ${what} already; name a new folder`);
      }
      // refused before data is read for it
      accessSync(this.path, constants.W_OK | constants.X_OK);
    } catch (cause) {
      this.discard();
      if (cause instanceof UsageError) throw cause;
      throw optionError('out', `${printed(out)} cannot be written: ${reasonOf(cause)}`, cause);
    }
  }

  /** Appends a row, whole or not at all; with the first one the run begins to leave files. @throws FlotillaError `io` */
  metrics(row: Metrics): void {
    const first = this.#rows === undefined;
    try {
      this.#rows ??= this.#begin();
      const bytes = Buffer.from(`${JSON.stringify(row)}\n`);
      try {
        writeAll(this.#rows, bytes);
        this.#length += bytes.length;
      } catch (error) {
        ftruncateSync(this.#rows, this.#length);
        throw error;
      }
    } catch (cause) {
      if (first) this.discard();
      if (cause instanceof FlotillaError) throw cause;
      throw new FlotillaError('io', `${join(this.path, ROWS)} cannot be written: ${reasonOf(cause)}`, { cause });
    }
  }

  summary(summary: Summary): void {
    this.write('summary.json', json(summary));
  }

  /** Writes a file of the run, whole or not at all, once. @throws FlotillaError `io` */
  write(name: (typeof RUN_FILES)[number], content: FileContent): void {
    writeWhole(join(this.path, name), content);
  }

  close(): void {
    if (this.#rows !== undefined) closeSync(this.#rows);
    this.#rows = undefined;
  }

  /** Takes away what a run that did not come to its first row has made, and nothing else. */
  discard(): void {
    try {
      if (this.#rows !== undefined) {
        this.close();
        rmSync(join(this.path, ROWS));
        rmSync(join(this.path, CONFIG));
      }
      for (const folder of this.#made.toReversed()) rmdirSync(folder);
    } catch {
      // somebody has put something there
    }
  }

  #begin(): number {
    this.write(CONFIG, json(this.config));
    try {
      return openSync(join(this.path, ROWS), 'wx');
    } catch (error) {
      rmSync(join(this.path, CONFIG));
      throw error;
    }
  }
}

const json = (content: unknown) => `${JSON.stringify(content, null, 2)}\n`;
