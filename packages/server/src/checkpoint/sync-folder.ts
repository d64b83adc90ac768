import { dirname } from 'node:path';
import type { Disk } from '@flotilla/core/internal';

/** Makes the names in a folder last. (A folder cannot be opened on Windows, where a rename lasts by itself.) */
export function syncFolder(path: string, disk: Disk): void {
  if (process.platform === 'win32') return;
  const folder = disk.openSync(path, 'r');
  try {
    disk.fsyncSync(folder);
  } finally {
    disk.closeSync(folder);
  }
}

/** The same of a folder and of those above it that can be opened: the names on the whole way to what is in it. */
export function syncPath(path: string, disk: Disk): void {
  syncFolder(path, disk);
  for (let below = path, folder = dirname(path); folder !== below; below = folder, folder = dirname(folder)) {
    try {
      syncFolder(folder, disk);
    } catch {
      // somebody else's, and there before the run
    }
  }
}
