import type { Disk } from '@flotilla/core/internal';

/** An open file: what it has is the disk's. */
interface Open {
  readonly path: string;
  readonly content: { bytes: Buffer };
}

/** A disk in memory that can be full, or gone, from its k-th call on. Names last at once; what a file has, as it is written. */
export class MemoryDisk {
  readonly files = new Map<string, { bytes: Buffer }>();
  readonly #open = new Map<number, Open>();
  #next = 3;
  /** Calls so far that change something. */
  calls = 0;
  /** The call that fails, and all after it. */
  failFrom = Number.POSITIVE_INFINITY;
  /** What it fails with. */
  code = 'ENOSPC';

  #changing(call: string): void {
    this.calls++;
    if (this.calls >= this.failFrom) throw Object.assign(new Error(`${this.code}: no, ${call}`), { code: this.code });
  }

  #at(file: number): { bytes: Buffer } {
    const open = this.#open.get(file);
    if (open === undefined) throw new Error('EBADF');
    return open.content;
  }

  /** Files that are still open: there must be none when all is done. */
  get handles(): number {
    return this.#open.size;
  }

  readonly disk = {
    openSync: (path: string, flags: string) => {
      const there = this.files.get(path);
      if (flags === 'wx') {
        this.#changing('open');
        if (there !== undefined) throw Object.assign(new Error('EEXIST: file already exists'), { code: 'EEXIST' });
      }
      const isFolder = [...this.files.keys()].some((name) => name.startsWith(`${path}/`));
      if (flags === 'r' && there === undefined && !isFolder) {
        throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
      }
      const content = there ?? { bytes: Buffer.alloc(0) };
      if (flags === 'wx') this.files.set(path, content);
      this.#open.set(this.#next, { path, content });
      return this.#next++;
    },
    closeSync: (file: number) => void this.#open.delete(file),
    readSync: (file: number, into: Uint8Array, at: number, length: number, from: number) => {
      const piece = this.#at(file).bytes.subarray(from, from + length);
      into.set(piece, at);
      return piece.length;
    },
    writeSync: (file: number, bytes: Uint8Array, at: number) => {
      // half of what was asked for lies there when the disk is full
      const content = this.#at(file);
      const write = (end: number) => {
        content.bytes = Buffer.concat([content.bytes, bytes.subarray(at, end)]);
      };
      try {
        this.#changing('write');
      } catch (error) {
        write(at + Math.floor((bytes.length - at) / 2));
        throw error;
      }
      // and never all at once
      const end = Math.min(bytes.length, at + 1000);
      write(end);
      return end - at;
    },
    fsyncSync: () => this.#changing('fsync'),
    fstatSync: (file: number) => ({ size: this.#at(file).bytes.length, isFile: () => true }),
    renameSync: (from: string, to: string) => {
      this.#changing('rename');
      const content = this.files.get(from);
      if (content === undefined) throw Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
      this.files.set(to, content);
      this.files.delete(from);
    },
    rmSync: (path: string) => {
      this.#changing('rm');
      this.files.delete(path);
    },
    readdirSync: (path: string) =>
      [...this.files.keys()].filter((name) => name.startsWith(`${path}/`)).map((name) => name.slice(path.length + 1)),
  } as unknown as Disk;
}
