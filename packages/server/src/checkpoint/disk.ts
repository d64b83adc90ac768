import * as fs from 'node:fs';

/** The calls that checkpoints are written and read with: the machine's own, or those of a disk that fails when a test says so. */
export type Disk = Pick<
  typeof fs,
  | 'openSync'
  | 'closeSync'
  | 'readSync'
  | 'writeSync'
  | 'fsyncSync'
  | 'fstatSync'
  | 'renameSync'
  | 'rmSync'
  | 'readdirSync'
>;

export const systemDisk: Disk = fs;

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
