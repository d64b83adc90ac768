import type { Rng } from '@flotilla/core';
import type { Disk } from '@flotilla/core/internal';

/** A checkpoint under its name, with its round. */
const CHECKPOINT = /\/round-(\d+)\.ckpt$/;

/** What is torn apart when a disk loses its power. */
const SECTOR = 512;

class File {
  bytes: Buffer = Buffer.alloc(0);
  /** What is sure to be there after a power cut, once its name is. */
  lasting: Buffer = Buffer.alloc(0);
  mtimeMs = 0;
}

type Node = File | 'folder';

/** A change of names in a folder that is not sure to last yet. */
interface Change {
  readonly folder: string;
  readonly remove?: string;
  readonly set?: readonly [path: string, node: Node];
}

/**
 * What happens before a call that changes something; it may throw. `half` does half of what the call does. What it returns is done
 * behind the call.
 */
export type BeforeChange = (call: string, half: () => void) => (() => void) | undefined;

/** How a process sees the disk. */
export interface Access {
  readonly disk: Disk;
  /** Files that it has open. */
  readonly handles: number;
}

const failure = (code: string, call: string, path: string) =>
  Object.assign(new Error(`${code}: ${call} '${path}'`), { code });
const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';

/**
 * A disk in memory that keeps apart what was written and what lasts. After a power cut what was synced is there; of the rest any
 * part may be: names in any combination (a rename is one change), bytes by sectors, some of them zeros.
 */
export class SimulatedDisk {
  #names = new Map<string, Node>([['/', 'folder']]);
  #lasting = new Map(this.#names);
  #changes: Change[] = [];
  #clock = 0;
  /** Round of the newest checkpoint that was given its name, and of the newest that the run has relied on since. */
  renamed = -1;

  /** Whole files by path, as a process that starts now would read them. */
  files(folder: string): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    for (const [path, node] of this.#names) {
      if (node instanceof File && path.startsWith(`${folder}/`)) found.set(path.slice(folder.length + 1), node.bytes);
    }
    return found;
  }

  has(path: string): boolean {
    return this.#names.has(path);
  }

  /** Flips a bit of a file, lasting and all. */
  rot(path: string, bit: number): void {
    const file = this.#names.get(path) as File;
    const at = (bit >> 3) % Math.max(1, file.bytes.length);
    file.bytes = Buffer.from(file.bytes);
    file.bytes[at] = (file.bytes[at] ?? 0) ^ (1 << (bit & 7));
    file.lasting = file.bytes;
  }

  /** The machine is off and on again: what was synced is there, and a part of the rest, drawn from `rng`. */
  cutPower(rng: Rng): void {
    const mode = rng.below(4);
    const prefix = rng.below(this.#changes.length + 1);
    for (const [k, change] of this.#changes.entries()) {
      const survives = mode === 0 ? false : mode === 1 ? true : mode === 2 ? k < prefix : rng.coin(0.5);
      if (survives) apply(this.#lasting, change);
    }
    this.#changes = [];
    for (const path of [...this.#lasting.keys()]) if (!this.#isReachable(path)) this.#lasting.delete(path);
    for (const node of new Set(this.#lasting.values())) {
      if (node instanceof File && node.bytes !== node.lasting) {
        node.bytes = torn(node, rng);
        node.lasting = node.bytes;
      }
    }
    this.#names = new Map(this.#lasting);
    // a name that nobody had relied on may be lost
    const rounds = [...this.#names.keys()].map((path) => Number(CHECKPOINT.exec(path)?.[1] ?? -1));
    if (!rounds.includes(this.renamed)) this.renamed = Math.max(...rounds);
  }

  #isReachable(path: string): boolean {
    for (let above = path; above !== '/'; ) {
      above = parentOf(above);
      if (this.#lasting.get(above) !== 'folder') return false;
    }
    return true;
  }

  #change(change: Change): void {
    apply(this.#names, change);
    this.#changes.push(change);
  }

  #file(path: string, call: string): File {
    const node = this.#names.get(path);
    if (node === undefined) throw failure('ENOENT', call, path);
    if (node === 'folder') throw failure('EISDIR', call, path);
    return node;
  }

  #create(path: string, node: Node, call: string): void {
    const folder = parentOf(path);
    if (this.#names.get(folder) !== 'folder') throw failure('ENOENT', call, path);
    this.#change({ folder, set: [path, node] });
  }

  #children(path: string): string[] {
    const inside = path === '/' ? '/' : `${path}/`;
    return [...this.#names.keys()].filter(
      (name) => name !== '/' && name.startsWith(inside) && !name.slice(inside.length).includes('/'),
    );
  }

  #remove(path: string): void {
    this.#change({ folder: parentOf(path), remove: path });
  }

  #write(file: File, at: number, bytes: Uint8Array): void {
    const next = Buffer.alloc(Math.max(file.bytes.length, at + bytes.length));
    file.bytes.copy(next);
    next.set(bytes, at);
    file.bytes = next;
    file.mtimeMs = ++this.#clock;
  }

  /**
   * The calls of one process.
   * @param before Called before each that changes something
   */
  access(before: BeforeChange): Access {
    const open = new Map<
      number,
      { readonly node: Node; readonly path: string; readonly appends: boolean; at: number }
    >();
    let next = 3;
    const handle = (file: number) => {
      const found = open.get(file);
      if (found === undefined) throw failure('EBADF', 'file', String(file));
      return found;
    };
    const fileOf = (file: number) => {
      const { node, path } = handle(file);
      if (node === 'folder') throw failure('EISDIR', 'file', path);
      return node;
    };
    /** A call that changes something, and the half of it that is done when it is broken off. */
    const changing = <T>(call: string, work: () => T, half: () => void = () => undefined): T => {
      const after = before(call, half);
      const result = work();
      after?.();
      return result;
    };
    const status = (node: Node) => ({
      size: node === 'folder' ? 0 : node.bytes.length,
      mtimeMs: node === 'folder' ? 0 : node.mtimeMs,
      isFile: () => node !== 'folder',
      isDirectory: () => node === 'folder',
    });
    const stat = (path: string, options?: { throwIfNoEntry?: boolean }) => {
      const node = this.#names.get(path);
      if (node === undefined && options?.throwIfNoEntry !== false) throw failure('ENOENT', 'stat', path);
      return node && status(node);
    };
    const openFile = (path: string, flags: string | number) => {
      const there = this.#names.get(path);
      const creates = typeof flags === 'string' && /[wa]/.test(flags);
      const exclusive = creates && String(flags).includes('x');
      if (exclusive && there !== undefined) throw failure('EEXIST', 'open', path);
      if (!creates && there === undefined) throw failure('ENOENT', 'open', path);
      let node = there;
      if (node === undefined) {
        const created = new File();
        changing('open', () => this.#create(path, created, 'open'));
        node = created;
      }
      open.set(next, { node, path, appends: creates && String(flags).startsWith('a'), at: 0 });
      return next++;
    };
    const write = (file: number, bytes: Uint8Array, from = 0) => {
      const found = handle(file);
      const node = fileOf(file);
      const piece = bytes.subarray(from);
      const put = (length: number) => {
        const at = found.appends ? node.bytes.length : found.at;
        this.#write(node, at, piece.subarray(0, length));
        found.at = at + length;
        return length;
      };
      return changing(
        'write',
        () => put(piece.length),
        () => put(piece.length >> 1),
      );
    };
    const append = (path: string, text: string, flags: string) => {
      const file = openFile(path, flags);
      try {
        write(file, Buffer.from(text));
      } finally {
        open.delete(file);
      }
    };
    const remove = (path: string, { force, recursive }: { force?: boolean; recursive?: boolean } = {}) => {
      const node = this.#names.get(path);
      if (node === undefined) {
        if (force === true) return;
        throw failure('ENOENT', 'rm', path);
      }
      if (node === 'folder' && recursive !== true) throw failure('EISDIR', 'rm', path);
      for (const child of node === 'folder' ? this.#children(path) : [])
        remove(child, { force: true, recursive: true });
      changing('rm', () => this.#remove(path));
    };
    const makeFolder = (path: string, options?: { recursive?: boolean }) => {
      if (this.#names.has(path)) {
        if (options?.recursive === true) return;
        throw failure('EEXIST', 'mkdir', path);
      }
      if (options?.recursive === true) makeFolder(parentOf(path), options);
      changing('mkdir', () => this.#create(path, 'folder', 'mkdir'));
    };
    const calls = {
      accessSync: (path: string) => void stat(path),
      appendFileSync: (path: string, text: string) => append(path, text, 'a'),
      closeSync: (file: number) => void open.delete(file),
      existsSync: (path: string) => this.#names.has(path),
      fstatSync: (file: number) => status(handle(file).node),
      fsyncSync: (file: number) => {
        const { node, path } = handle(file);
        changing('fsync', () => {
          if (node instanceof File) node.lasting = node.bytes;
          else this.#syncFolder(path);
        });
      },
      ftruncateSync: (file: number, length: number) => {
        const node = fileOf(file);
        changing('ftruncate', () => {
          node.bytes = Buffer.from(node.bytes.subarray(0, length));
        });
      },
      linkSync: (from: string, to: string) => {
        const node = this.#file(from, 'link');
        if (this.#names.has(to)) throw failure('EEXIST', 'link', to);
        changing('link', () => this.#create(to, node, 'link'));
      },
      lstatSync: stat,
      mkdirSync: makeFolder,
      openSync: openFile,
      readFileSync: (path: string) => this.#file(path, 'open').bytes.toString('utf8'),
      readSync: (file: number, into: Uint8Array, at = 0, length = into.length - at, from?: number) => {
        const found = handle(file);
        const start = from ?? found.at;
        const piece = fileOf(file).bytes.subarray(start, start + length);
        into.set(piece, at);
        if (from === undefined) found.at += piece.length;
        return piece.length;
      },
      readdirSync: (path: string) => {
        if (this.#names.get(path) !== 'folder') throw failure('ENOENT', 'scandir', path);
        return this.#children(path).map((name) => name.slice(name.lastIndexOf('/') + 1));
      },
      renameSync: (from: string, to: string) => {
        const node = this.#file(from, 'rename');
        changing('rename', () => {
          this.#change({ folder: parentOf(to), remove: from, set: [to, node] });
          const round = CHECKPOINT.exec(to)?.[1];
          if (round !== undefined) this.renamed = Number(round);
        });
      },
      rmSync: remove,
      rmdirSync: (path: string) => {
        if (this.#children(path).length > 0) throw failure('ENOTEMPTY', 'rmdir', path);
        remove(path, { recursive: true });
      },
      statSync: stat,
      // of no consequence for what lasts, and by the clock: no place for a fault
      utimesSync: (path: string) => {
        this.#file(path, 'utimes').mtimeMs = ++this.#clock;
      },
      writeFileSync: (path: string, text: string, { flag = 'w' } = {}) => append(path, text, flag),
      writeSync: write,
    };
    const disk = calls as unknown as Disk;
    return {
      disk,
      get handles() {
        return open.size;
      },
    };
  }

  #syncFolder(path: string): void {
    this.#changes = this.#changes.filter((change) => {
      if (change.folder !== path) return true;
      apply(this.#lasting, change);
      return false;
    });
  }
}

function apply(names: Map<string, Node>, { remove, set }: Change): void {
  if (remove !== undefined) names.delete(remove);
  if (set !== undefined) names.set(...set);
}

/** What a file has after a power cut. */
function torn({ bytes, lasting }: File, rng: Rng): Buffer {
  const mode = rng.below(3);
  if (mode === 0) return lasting;
  if (mode === 1) return bytes;
  const result = Buffer.alloc(
    rng.coin(0.5)
      ? bytes.length
      : Math.min(bytes.length, lasting.length) + rng.below(1 + Math.abs(bytes.length - lasting.length)),
  );
  for (let at = 0; at < result.length; at += SECTOR) {
    const end = Math.min(at + SECTOR, result.length);
    const [now, before] = [bytes.subarray(at, end), lasting.subarray(at, end)];
    // a sector is written whole or not at all; a new one may have come to nothing
    const choice = rng.below(before.length === 0 ? 3 : 2);
    if (choice < 2) result.set(choice === 0 ? now : before, at);
  }
  return result;
}
