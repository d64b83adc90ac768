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
