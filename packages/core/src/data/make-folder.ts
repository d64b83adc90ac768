import { basename, dirname } from 'node:path';
import { systemDisk } from '../disk.js';

/**
 * Makes a folder and those above it, all or none, and none called `~`: shells take that for another one, as in `rm -r ~`.
 * (Node 20's own `recursive` never returns below /proc.)
 * @returns the folders that were made, the innermost last
 */
export function makeFolder(path: string, disk = systemDisk): string[] {
  if (disk.existsSync(path)) return [];
  if (basename(path) === '~') throw new Error('a folder called ~ is not made; write the whole path');
  const made = makeFolder(dirname(path), disk);
  try {
    disk.mkdirSync(path);
    return [...made, path];
  } catch (error) {
    // another run was quicker
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return made;
    for (const folder of made.toReversed()) disk.rmdirSync(folder);
    throw error;
  }
}
