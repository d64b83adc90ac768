import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/**
 * The text of a regular file of at most `limit` bytes; a byte order mark is left out. Never waits: a pipe or a device is refused
 * before it is read.
 * @throws Error that says why there is no such text.
 */
export function readRegular(path: string, limit: number): string {
  return read(path, (size) => {
    if (size > limit) throw new Error(`${path} has ${size} bytes; at most ${limit} are read`);
    return size;
  }).replace(/^\uFEFF/, '');
}

function read(path: string, lengthOf: (size: number) => number): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new Error(`${path} is not a regular file`);
    const bytes = Buffer.alloc(lengthOf(status.size));
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(file, bytes, length, bytes.length - length, length);
      if (read === 0) break;
      length += read;
    }
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
