import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegular } from '@flotilla/core/internal';
import type { Metrics, Summary } from '@flotilla/server';
import { endOfRows } from './rows.js';

/** What may be asked for of a run folder. */
export type RunFile = 'config.json' | 'summary.json' | 'report.html' | 'model.safetensors';

const MAX_JSON = 1 << 20;

/** Opens a file of a run folder; undefined when there is none. A link or a device is none. */
export async function openRunFile(
  runFolder: string,
  name: RunFile,
): Promise<{ readonly file: FileHandle; readonly bytes: number } | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(join(runFolder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = await file.stat();
    if (status.isFile()) return { file, bytes: status.size };
  } catch (error) {
    if (!['ENOENT', 'ELOOP', 'ENXIO', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  await file?.close();
  return undefined;
}

/** A JSON object of a run folder; undefined where there is none that can be read. */
function readJson(runFolder: string, name: RunFile): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(readRegular(join(runFolder, name), MAX_JSON));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

export const readConfig = (runFolder: string) => readJson(runFolder, 'config.json');

/** What a run came to; one that was interrupted has `stopReason: 'aborted'` and may lack some of it. */
export const readSummary = (runFolder: string) => readJson(runFolder, 'summary.json') as Partial<Summary> | undefined;

/** The last row of a run that has left no summary. */
export async function readLastRow(runFolder: string): Promise<Metrics | undefined> {
  try {
    const { at } = await endOfRows(runFolder);
    return at === undefined || at.last.length === 0 ? undefined : (JSON.parse(at.last.toString()) as Metrics);
  } catch {
    return undefined;
  }
}
