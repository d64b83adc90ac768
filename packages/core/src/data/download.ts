import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { FlotillaError } from '../errors.js';

/** Bytes a download may have. */
const MAX_BYTES = 2 ** 30;
/** A server that sends nothing for so long is given up. */
const IDLE_MS = 30_000;
/** As long as one waits for another process that downloads the same file. */
const WAIT_MS = 600_000;
const POLL_MS = 200;

export interface DownloadOptions {
  /** Ends the download; what came is kept for the next time. */
  readonly signal?: AbortSignal | undefined;
  readonly bytes?: number;
  readonly idleMs?: number;
  readonly waitMs?: number;
}

/**
 * Downloads `url` to the file `target`, which appears when it is complete and not before. Until then the bytes lie in
 * `<target>.part`; a later call goes on where an earlier one broke off, if the server still has the same file. While
 * another process or thread is downloading it, this waits.
 * @throws FlotillaError `io`
 */
export async function download(url: string, target: string, options: DownloadOptions = {}): Promise<void> {
  const lock = `${target}.lock`;
  try {
    await take(lock, options);
    try {
      if (!existsSync(target)) await fetchTo(url, target, options);
    } finally {
      rmSync(lock, { force: true });
    }
  } catch (cause) {
    throw new FlotillaError('io', `cannot download ${url}: ${reason(cause)}`, { cause });
  }
}

/** Creates `lock`, which holds the number of the process that has it. */
async function take(lock: string, { signal, waitMs = WAIT_MS }: DownloadOptions): Promise<void> {
  for (const deadline = Date.now() + waitMs; ; ) {
    signal?.throwIfAborted();
    try {
      return writeFileSync(lock, String(process.pid), { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(readIfThere(lock) ?? 0);
    if (holder > 0 && !isAlive(holder)) rmSync(lock, { force: true });
    else if (Date.now() > deadline)
      throw new Error(`process ${holder} is downloading, says ${lock}; remove that if it is not`);
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
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

async function fetchTo(url: string, target: string, options: DownloadOptions): Promise<void> {
  const { bytes: most = MAX_BYTES, idleMs = IDLE_MS } = options;
  const part = `${target}.part`;
  const tag = `${target}.tag`;
  const stop = new AbortController();
  const giveUp = () => stop.abort(new Error(`nothing came for ${idleMs / 1000} s`));
  let timer = setTimeout(giveUp, idleMs);
  const file = openSync(part, existsSync(part) ? 'r+' : 'w');
  try {
    const known = readIfThere(tag);
    const have = known === undefined ? 0 : fstatSync(file).size;
    const headers = new Headers({ 'accept-encoding': 'identity' });
    if (known !== undefined && have > 0) {
      headers.set('range', `bytes=${have}-`);
      headers.set('if-range', known);
    }
    const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    const response = await fetch(url, { headers, signal });
    const resumed = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${have}-`);
    if (response.status !== 200 && !resumed) {
      await response.body?.cancel();
      if (have > 0 && response.status === 416) {
        // there is no byte beyond those we have: whether they are right, nobody can tell
        discard(part, tag);
        return await fetchTo(url, target, options);
      }
      throw new Error(`the server answers ${response.status} ${response.statusText}`.trimEnd());
    }
    let at = resumed ? have : 0;
    const announced = response.headers.get('content-length');
    const total = announced === null ? undefined : at + Number(announced);
    const tooLarge = () => {
      discard(part, tag);
      return new Error(`it is larger than ${most} bytes`);
    };
    if (total !== undefined && total > most) throw tooLarge();
    if (!resumed) {
      ftruncateSync(file, 0);
      // only a strong validator can vouch for single bytes
      const etag = response.headers.get('etag');
      const validator = etag !== null && !etag.startsWith('W/') ? etag : response.headers.get('last-modified');
      if (validator === null) rmSync(tag, { force: true });
      else writeFileSync(tag, validator);
    }
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, idleMs);
      if (at + chunk.length > most) throw tooLarge();
      writeSync(file, chunk, 0, chunk.length, at);
      at += chunk.length;
    }
    if (total !== undefined && at !== total) throw new Error(`it broke off after ${at} of ${total} bytes`);
    ftruncateSync(file, at);
    fsyncSync(file);
    renameSync(part, target);
    rmSync(tag, { force: true });
  } finally {
    clearTimeout(timer);
    stop.abort();
    if (fstatSync(file).size === 0) discard(part, tag);
    closeSync(file);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function discard(...paths: string[]): void {
  for (const path of paths) rmSync(path, { force: true });
}

/** What `fetch` says is that it failed; why is in the causes. */
function reason(thrown: unknown): string {
  for (let error = thrown; ; error = (error as Error).cause) {
    const { cause, message } = error as Error;
    if (!(cause instanceof Error)) return message || (error as NodeJS.ErrnoException).code || 'unknown';
  }
}
