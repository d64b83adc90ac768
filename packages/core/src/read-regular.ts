import { constants } from 'node:fs';
import { type Disk, systemDisk } from './disk.js';

/**
 * The text of a regular file of at most `limit` bytes; a byte order mark is left out. Never waits: a pipe or a device is refused
 * before it is read.
 * @throws Error that says why there is no such text.
 */
export function readRegular(path: string, limit: number, disk = systemDisk): string {
  const lengthOf = (size: number) => {
    if (size > limit) throw new Error(`${path} has ${size} bytes; at most ${limit} are read`);
    return size;
  };
  return read(path, lengthOf, disk).replace(/^\uFEFF/, '');
}

function read(path: string, lengthOf: (size: number) => number, disk: Disk): string {
  const file = disk.openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = disk.fstatSync(file);
    if (!status.isFile()) throw new Error(`${path} is not a regular file`);
    const bytes = Buffer.alloc(lengthOf(status.size));
    let length = 0;
    while (length < bytes.length) {
      const read = disk.readSync(file, bytes, length, bytes.length - length, length);
      if (read === 0) break;
      length += read;
    }
    return bytes.toString('utf8', 0, length);
  } finally {
    disk.closeSync(file);
  }
}
