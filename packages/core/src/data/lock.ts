import { randomUUID } from 'node:crypto';
import { type Disk, systemDisk } from '../disk.js';
import { type Runtime, systemRuntime } from '../runtime.js';

const POLL_MS = 200;
/** Whoever has a lock touches it so often. */
const TOUCH_MS = 500;
/** A lock that nobody touched for so long is stale: of a process that seems to be alive, and of one that cannot have it. */
const STALE_MS = 60_000;
const OWNERLESS_MS = 3000;

export interface LockOptions {
  /** What whoever has it is doing: `is downloading`. */
  readonly doing: string;
  readonly signal?: AbortSignal | undefined;
  readonly note?: ((message: string) => void) | undefined;
  /** As long as one waits for another process that is at work. */
  readonly waitMs: number;
  /** The machine's own when left out. */
  readonly disk?: Disk | undefined;
  readonly runtime?: Runtime | undefined;
}

export interface Lock {
  /** Whether it still is ours: a process that stood still for long may have lost it. */
  held(): boolean;
  release(): void;
}

/**
 * Takes the lock that the file `path` is, for one process or thread at a time, and returns what gives it back. The file has
 * the number of its process and is touched while that is at work. It is stale when the process is gone, or when nobody touches it:
 * a number alone says little, as containers have their own and give the same one again.
 * @throws Error that names the file when another process keeps it
 */
export async function takeLock(path: string, options: LockOptions): Promise<Lock> {
  const { doing, signal, note, waitMs, disk = systemDisk, runtime = systemRuntime } = options;
  const own = `${process.pid} ${randomUUID()}`;
  let seen = '';
  let unchanged = 0;
  for (let waited = 0; ; waited += POLL_MS) {
    signal?.throwIfAborted();
    try {
      disk.writeFileSync(path, own, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const now = stateOf(path, disk);
    // given back just now
    if (now === undefined) continue;
    unchanged = now === seen ? unchanged + POLL_MS : 0;
    seen = now;
    const holder = Number(/^\d+/.exec(now)?.[0] ?? 0);
    const gone = holder > 0 && !isAlive(holder);
    const patience = holder > 0 && holder !== process.pid ? STALE_MS : OWNERLESS_MS;
    if (gone || unchanged >= patience) {
      // unless somebody else did so first
      if (stateOf(path, disk) === seen) disk.rmSync(path, { force: true });
      continue;
    }
    const who = holder > 0 ? `process ${holder}` : 'another process';
    // one that has not been touched for a while may be stale
    if (waited >= waitMs && unchanged <= 2 * TOUCH_MS) {
      throw new Error(`${who} ${doing}, says ${path}; remove that if it is not`);
    }
    if (waited === POLL_MS) note?.(`waiting for ${who}, which ${doing}, says ${path}`);
    await runtime.sleep(POLL_MS);
  }
  const released = new AbortController();
  const touch = async () => {
    for (;;) {
      await runtime.sleep(TOUCH_MS, released.signal);
      if (released.signal.aborted) return;
      const now = new Date();
      try {
        disk.utimesSync(path, now, now);
      } catch {
        // somebody removed it
      }
    }
  };
  void touch();
  const held = () => stateOf(path, disk)?.startsWith(own) === true;
  return {
    held,
    release() {
      released.abort();
      if (held()) disk.rmSync(path, { force: true });
    },
  };
}

/** Who has the lock, and when it was touched; undefined when it is not there. */
function stateOf(path: string, disk: Disk): string | undefined {
  try {
    return `${disk.readFileSync(path, 'utf8').slice(0, 100)}\n${disk.statSync(path).mtimeMs}`;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // somebody else's process is alive too
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
