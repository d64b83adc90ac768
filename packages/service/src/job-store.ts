import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FlotillaError } from '@flotilla/core';
import { type Lock, reasonOf, takeLock } from '@flotilla/core/internal';
import { type Job, parseJob } from './job.js';

const JOB = 'job.json';
const LOCK = 'lock';
const DELETED = '.deleted-';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** As long as one waits for another host that has the folder. */
const LOCK_WAIT_MS = 2000;

/** What is found in a folder of jobs. */
export interface StoredJobs {
  readonly store: JobStore;
  readonly jobs: readonly Job[];
  /** What could not be read, and was left as it is: one line each, for the host's log. */
  readonly notes: readonly string[];
}

/**
 * Jobs on the disk: a folder for each, which is its run folder too, with a job.json that is there whole or not at all. What has
 * been saved is on the disk. Nothing here waits for the disk on the event loop.
 */
export class JobStore {
  /** Of each job what is being saved last. */
  readonly #saving = new Map<string, Promise<void>>();

  private constructor(
    readonly path: string,
    private readonly lock: Lock,
  ) {}

  /** Opens a folder of jobs, for this process alone; one that is not there is made. @throws FlotillaError `io` */
  static async open(path: string): Promise<StoredJobs> {
    try {
      await mkdir(path, { recursive: true });
      const lock = await takeLock(join(path, LOCK), { doing: 'serves these runs', waitMs: LOCK_WAIT_MS });
      const store = new JobStore(path, lock);
      try {
        return { store, ...(await store.#read()) };
      } catch (error) {
        lock.release();
        throw error;
      }
    } catch (cause) {
      throw new FlotillaError('io', `${path} cannot be a folder of runs: ${reasonOf(cause)}`, { cause });
    }
  }

  /** The folder of a job, by an id that is ours. */
  folderOf(id: string): string {
    return join(this.path, id);
  }

  async #read(): Promise<Omit<StoredJobs, 'store'>> {
    const jobs: Job[] = [];
    const notes: string[] = [];
    for (const name of await readdir(this.path)) {
      if (name.startsWith(DELETED)) await rm(join(this.path, name), { recursive: true, force: true });
      if (!UUID.test(name)) continue;
      try {
        jobs.push(parseJob(await readFile(join(this.path, name, JOB), 'utf8'), name));
      } catch (error) {
        if (await this.#removeHalf(name, error)) continue;
        notes.push(`${join(this.path, name, JOB)} cannot be read, and the run is left as it is: ${reasonOf(error)}`);
      }
    }
    return { jobs: jobs.sort((a, b) => a.order - b.order), notes };
  }

  /** Removes what is left of a job that was being made when its host was killed: it had not been promised. */
  async #removeHalf(id: string, error: unknown): Promise<boolean> {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return false;
    const names = await readdir(this.folderOf(id));
    if (!names.every(isPart)) return false;
    for (const name of names) await rm(join(this.folderOf(id), name));
    await rmdir(this.folderOf(id));
    return true;
  }

  /** A job that is new: it is on the disk, with its name, when this resolves. */
  async add(job: Job): Promise<void> {
    await mkdir(this.folderOf(job.id));
    try {
      await this.save(job);
      await syncFolder(this.path);
    } catch (error) {
      await rm(this.folderOf(job.id), { recursive: true, force: true });
      throw error;
    }
  }

  /** Saves a job, after what of it is being saved already. */
  async save(job: Job): Promise<void> {
    const before = this.#saving.get(job.id) ?? Promise.resolve();
    const saved = before.catch(() => undefined).then(() => this.#write(job));
    this.#saving.set(job.id, saved);
    try {
      await saved;
    } finally {
      if (this.#saving.get(job.id) === saved) this.#saving.delete(job.id);
    }
  }

  async #write(job: Job): Promise<void> {
    const folder = this.folderOf(job.id);
    const part = join(folder, `.job-${randomBytes(6).toString('hex')}.part`);
    try {
      const file = await open(part, 'wx');
      try {
        await file.writeFile(`${JSON.stringify(job, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, join(folder, JOB));
      await syncFolder(folder);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  /** Removes a job and its folder: it is gone when this resolves, its files a little later. */
  async remove(id: string): Promise<void> {
    const gone = join(this.path, `${DELETED}${id}`);
    await this.#saving.get(id)?.catch(() => undefined);
    try {
      await rename(this.folderOf(id), gone);
    } catch (error) {
      // somebody else has taken the folder away
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    await syncFolder(this.path);
    await rm(gone, { recursive: true, force: true });
  }

  /** Gives the folder back, when all is saved. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#saving.values());
    this.lock.release();
  }
}

const isPart = (name: string) => /^\.job-[0-9a-f]+\.part$/.test(name);

/** Makes the names in a folder last. (A folder cannot be opened on Windows, where a rename lasts by itself.) */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
