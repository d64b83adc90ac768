import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of a seed, in that of `--seeds`. */
export const seedFolder = (seed: string) => `seed-${seed}`;

/** Names of those that are in a folder and hold a run, in order. */
export function seedFolders(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const numeric = new Intl.Collator('en', { numeric: true });
  return names
    .filter((name) => name.startsWith(seedFolder('')) && existsSync(join(folder, name, 'config.json')))
    .sort(numeric.compare);
}
