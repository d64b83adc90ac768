import { UsageError } from '@flotilla/core';
import { canReplace, type IsOwn, printed, reasonOf, writeWhole } from '@flotilla/core/internal';

/**
 * Writes a file that is there whole or not at all. One that is there already is replaced only if it begins with `mark`, as what
 * is written under that name does.
 * @param option What the path was given with, for the error.
 * @throws UsageError, before anything is made, when what is there is not ours; FlotillaError `io` when it cannot be written
 */
export function replaceOwn(path: string, content: string, mark: string, option: string): void {
  checkOwn(path, mark, option);
  writeWhole(path, content, (head) => head.startsWith(mark));
}

/** Writes a file that is there whole or not at all, and replaces nothing. @throws as {@link replaceOwn} */
export function writeNew(path: string, content: string, option: string): void {
  checkNew(path, option);
  writeWhole(path, content);
}

/** Refuses a path where anything is. @throws UsageError */
export function checkNew(path: string, option: string): void {
  check(path, () => false, option);
}

/** Refuses a path where something is that does not begin with `mark`. @throws UsageError */
export function checkOwn(path: string, mark: string, option: string): void {
  check(path, (head) => head.startsWith(mark), option);
}

function check(path: string, isOwn: IsOwn, option: string): void {
  try {
    canReplace(path, isOwn);
  } catch (cause) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const reason = taken ? 'something else is there; name another one' : reasonOf(cause);
    throw new UsageError(`${option} ${printed(path)} cannot be written: ${reason}`, { cause });
  }
}
