import { lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { UsageError } from '@flotilla/core';
import { readHead } from './read-regular.js';

/**
 * Writes a file that is there whole or not at all. One that is there already is replaced only if it begins with `mark`, as what
 * is written under that name does.
 * @param option What the path was given with, for the error.
 * @throws UsageError
 */
export function replaceOwn(path: string, content: string, mark: string, option: string): void {
  const part = `${path}.${process.pid}.part`;
  try {
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there !== undefined && !(there.isFile() && readHead(path, Buffer.byteLength(mark)) === mark)) {
      throw new Error('something else is there; name another one');
    }
    writeFileSync(part, content, { flag: 'wx' });
    renameSync(part, path);
  } catch (cause) {
    discard(part);
    throw new UsageError(`${option} ${JSON.stringify(path)} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** What could not be written may be there in part, or not even its folder. */
function discard(part: string): void {
  try {
    rmSync(part);
  } catch {
    // nothing is left
  }
}
