import { renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from '@flotilla/core';
import { makeFolder, printed, reasonOf } from '@flotilla/core/internal';
import { renderPage, type Section } from './page.js';

/**
 * The folder `<out>/<kind>/<name>` for results.json and report.html; it exists when this returns.
 * @throws UsageError when it cannot be made.
 */
export function writeResults(out: string, kind: string, name: string) {
  const folder = join(out, kind, name);
  try {
    makeFolder(resolve(folder));
  } catch (cause) {
    throw new UsageError(`--out ${printed(out)} cannot be written: ${reasonOf(cause)}`, { cause });
  }
  const whole = (file: string, content: string) => {
    writeFileSync(join(folder, `${file}.part`), content);
    renameSync(join(folder, `${file}.part`), join(folder, file));
  };
  return {
    folder,
    async write(results: unknown, title: string, sections: readonly Section[]): Promise<void> {
      whole('results.json', `${inLines(results)}\n`);
      whole('report.html', await renderPage(title, sections));
    },
  };
}

/** JSON in lines, with lists of numbers on a line each. */
function inLines(value: unknown): string {
  // a line break inside a list can only be layout: in texts it is escaped
  return JSON.stringify(value, null, 1).replace(/\[\n[-\d.e+,\s]+\]/g, (list) => list.replace(/\s+/g, ''));
}
