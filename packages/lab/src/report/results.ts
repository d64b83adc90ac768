import { join, resolve } from 'node:path';
import { UsageError } from '@flotilla/core';
import { canReplace, makeFolder, printed, reasonOf, writeWhole } from '@flotilla/core/internal';
import { renderPage, type Section } from './page.js';

const RESULTS = 'results.json';

/** Whether a results.json is one of ours: they begin with the command that made them. */
const isResults = (head: string) => /^\{\n "command": "(?:flotilla|pnpm) /.test(head);

/**
 * The folder `<out>/<kind>/<name>` for results.json, report.html and what goes with them; it exists when this returns. What an
 * earlier call has left in it, known by its results.json, is replaced; nothing else is.
 * @throws UsageError when it cannot be made, or holds what somebody else has written.
 */
export function writeResults(out: string, kind: string, name: string) {
  const refuse = (reason: string, cause: unknown) =>
    new UsageError(`--out ${printed(out)} cannot be written: ${reason}`, { cause });
  let folder: string;
  try {
    folder = join(out, kind, name);
    makeFolder(resolve(folder));
  } catch (cause) {
    throw refuse(reasonOf(cause), cause);
  }
  const files = [RESULTS, 'report.html'];
  let ours = false;
  for (const file of files) {
    try {
      ours = canReplace(join(folder, file), file === RESULTS ? isResults : () => ours) || ours;
    } catch (cause) {
      throw refuse(`${join(folder, file)} is there already and no ${kind} wrote it`, cause);
    }
  }
  /** Writes a file of the results. @throws FlotillaError `io` */
  const file = (name: string, content: string) => writeWhole(join(folder, name), content, () => ours);
  return {
    folder,
    file,
    async write(results: unknown, title: string, sections: readonly Section[]): Promise<void> {
      // first, because it says whose the folder is
      file(RESULTS, `${inLines(results)}\n`);
      file('report.html', await renderPage(title, sections));
    },
  };
}

/** JSON in lines, with lists of numbers on a line each. */
function inLines(value: unknown): string {
  // a line break inside a list can only be layout: in texts it is escaped
  return JSON.stringify(value, null, 1).replace(/\[\n[-\d.e+,\s]+\]/g, (list) => list.replace(/\s+/g, ''));
}
