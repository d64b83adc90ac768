import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Disk, systemDisk } from './disk.js';
import { FlotillaError } from './errors.js';
import { reasonOf } from './thrown.js';

/** A file's content: text, bytes, or pieces of bytes one after the other. */
export type FileContent = string | Uint8Array | readonly Uint8Array[];

/** Says of a file that is there already, from its first bytes as text, whether it may be replaced. */
export type IsOwn = (head: string) => boolean;

/** First bytes of a file that tell whose it is. */
const HEAD_BYTES = 4096;

/**
 * Writes a file that is there whole or not at all, and never in the place of a file that somebody else has written: what is
 * there already, a link too, stays unless it is a file that `isOwn` knows. What could not be written leaves nothing behind.
 * @param isOwn nothing is replaced when left out
 * @throws FlotillaError `io`, in one line that names the path
 */
export function writeWhole(path: string, content: FileContent, isOwn: IsOwn = () => false, disk = systemDisk): void {
  // a name of its own in the same folder: renaming is one step there, and nobody's `.part` is in the way
  const part = join(dirname(path), `.flotilla-${randomBytes(6).toString('hex')}.part`);
  try {
    const file = disk.openSync(part, 'wx');
    try {
      for (const piece of piecesOf(content)) writeAll(file, piece, disk);
      disk.fsyncSync(file);
    } finally {
      disk.closeSync(file);
    }
    if (canReplace(path, isOwn, disk)) disk.renameSync(part, path);
    else place(part, path, disk);
  } catch (cause) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const reason = taken ? 'it is there already and no run wrote it; it is left as it is' : reasonOf(cause);
    throw new FlotillaError('io', `${path} cannot be written: ${reason}`, { cause });
  } finally {
    removeQuietly(part, disk);
  }
}

/** Whether something is there that may be replaced. @throws an `EEXIST` when what is there may not */
export function canReplace(path: string, isOwn: IsOwn, disk = systemDisk): boolean {
  const there = disk.lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return false;
  if (there.isFile() && isOwn(headOf(path, disk))) return true;
  throw Object.assign(new Error('there already'), { code: 'EEXIST' });
}

/** Writes all of `bytes` where the file ends. A single write may take fewer, when the disk is nearly full. */
export function writeAll(file: number, bytes: Uint8Array, disk = systemDisk): void {
  for (let at = 0; at < bytes.length; ) at += disk.writeSync(file, bytes, at);
}

function piecesOf(content: FileContent): readonly Uint8Array[] {
  if (typeof content === 'string') return [Buffer.from(content)];
  return content instanceof Uint8Array ? [content] : content;
}

/** Gives the file its name; fails where the name is taken, also when it was taken just now. */
function place(part: string, path: string, disk: Disk): void {
  try {
    disk.linkSync(part, path);
  } catch (error) {
    // file systems without hard links: the name is taken with an empty file first
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      throw error;
    }
    disk.closeSync(disk.openSync(path, 'wx'));
    disk.renameSync(part, path);
  }
}

function headOf(path: string, disk: Disk): string {
  const file = disk.openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.toString('utf8', 0, disk.readSync(file, head));
  } finally {
    disk.closeSync(file);
  }
}

/** What was to be said has been said: that this could not be removed, too, would hide it. */
function removeQuietly(path: string, disk: Disk): void {
  try {
    disk.rmSync(path, { force: true });
  } catch {}
}
