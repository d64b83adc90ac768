import { existsSync, mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Makes a folder and those above it, none called `~`: shells take that for another one, as in `rm -r ~`. (Node 20's own
 * `recursive` never returns below /proc.)
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (basename(path) === '~') throw new Error('a folder called ~ is not made; write the whole path');
  makeFolder(dirname(path));
  mkdirSync(path);
}
