import { closeSync, fsyncSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FlotillaError } from '@flotilla/core';
import { fileReason, makeFolder, optionError, printed } from '@flotilla/core/internal';
import type { Metrics, Summary } from './metrics.js';

/** What a run leaves behind: config.json, metrics.jsonl (a row at a time, as it happens) and summary.json. */
export class RunFolder {
  readonly #metrics: number;

  /** @throws UsageError when the folder cannot be made or written, or holds a run already. */
  constructor(
    readonly path: string,
    config: unknown,
  ) {
    try {
      makeFolder(resolve(path));
      this.#metrics = openSync(join(path, 'metrics.jsonl'), 'wx');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
        throw optionError('out', `${printed(path)} holds a run already; name a new folder`, cause);
      }
      throw optionError('out', `${printed(path)} cannot be written: ${fileReason(cause)}`, cause);
    }
    this.#whole('config.json', config);
  }

  /** Appends a row. @throws FlotillaError `io` */
  metrics(row: Metrics): void {
    try {
      writeSync(this.#metrics, `${JSON.stringify(row)}\n`);
    } catch (cause) {
      throw new FlotillaError('io', `${join(this.path, 'metrics.jsonl')}: ${fileReason(cause)}`, { cause });
    }
  }

  summary(summary: Summary): void {
    this.#whole('summary.json', summary);
  }

  close(): void {
    closeSync(this.#metrics);
  }

  /** Writes a file that is there whole or not at all. */
  #whole(name: string, content: unknown): void {
    const path = join(this.path, name);
    try {
      const file = openSync(`${path}.part`, 'w');
      try {
        writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(`${path}.part`, path);
    } catch (cause) {
      throw new FlotillaError('io', `${path}: ${fileReason(cause)}`, { cause });
    }
  }
}
