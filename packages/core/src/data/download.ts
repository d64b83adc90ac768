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
import { copyFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { FlotillaError } from '../errors.js';
import { httpGet } from './http-get.js';
import { takeLock } from './lock.js';

/** Bytes a download may have. */
const MAX_BYTES = 2 ** 30;
/** A server that sends nothing for so long is given up. */
const IDLE_MS = 30_000;
/** As long as one waits for another process that downloads the same file. */
const WAIT_MS = 600_000;

export interface DownloadOptions {
  /** Ends the download; what came is kept for the next time. */
  readonly signal?: AbortSignal | undefined;
  /** Gets a line when the download begins, and one when it has to wait for another. */
  readonly note?: ((message: string) => void) | undefined;
  /** Has the proxies; the process's own when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly bytes?: number;
  readonly idleMs?: number;
  readonly waitMs?: number;
}

/**
 * Downloads `url` to the file `target`, which appears when it is complete and not before. Until then the bytes lie in
 * `<target>.part`; a later call goes on where an earlier one broke off, if the server still has the same file. While
 * another process or thread is downloading it, this waits. A `file:` URL is copied.
 * @throws FlotillaError `io`
 */
export async function download(url: string, target: string, options: DownloadOptions = {}): Promise<void> {
  const { signal, note, waitMs = WAIT_MS } = options;
  try {
    const lock = await takeLock(`${target}.lock`, { doing: 'is downloading', signal, note, waitMs });
    try {
      if (existsSync(target)) return;
      note?.(`downloading ${url}`);
      if (url.startsWith('file:')) await copyTo(url, target, options);
      else await fetchTo(url, target, options);
    } finally {
      lock.release();
    }
  } catch (cause) {
    throw new FlotillaError('io', `cannot download ${url}: ${reason(cause)}`, { cause });
  }
}

async function copyTo(url: string, target: string, { bytes: most = MAX_BYTES }: DownloadOptions): Promise<void> {
  const from = fileURLToPath(url);
  const found = await stat(from);
  if (!found.isFile()) throw new Error('it is not a file');
  if (found.size > most) throw new Error(`it is larger than ${most} bytes`);
  const part = `${target}.part`;
  try {
    await copyFile(from, part);
    renameSync(part, target);
  } finally {
    discard(part);
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
    const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'flotilla' };
    if (known !== undefined && have > 0) {
      headers.range = `bytes=${have}-`;
      headers['if-range'] = known;
    }
    const signal = AbortSignal.any([stop.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    const response = await httpGet(new URL(url), headers, options.env ?? process.env, signal);
    const { statusCode, statusMessage } = response;
    const resumed = statusCode === 206 && response.headers['content-range']?.startsWith(`bytes ${have}-`);
    if (statusCode !== 200 && !resumed) {
      response.destroy();
      if (have > 0 && statusCode === 416) {
        // there is no byte beyond those we have: whether they are right, nobody can tell
        discard(part, tag);
        return await fetchTo(url, target, options);
      }
      throw new Error(`the server answers ${statusCode} ${statusMessage}`.trimEnd());
    }
    let at = resumed ? have : 0;
    const announced = response.headers['content-length'];
    const total = announced === undefined ? undefined : at + Number(announced);
    const tooLarge = () => {
      discard(part, tag);
      return new Error(`it is larger than ${most} bytes`);
    };
    if (total !== undefined && total > most) throw tooLarge();
    if (!resumed) {
      ftruncateSync(file, 0);
      // only a strong validator can vouch for single bytes
      const { etag, 'last-modified': modified } = response.headers;
      const validator = etag !== undefined && !etag.startsWith('W/') ? etag : modified;
      if (validator === undefined) rmSync(tag, { force: true });
      else writeFileSync(tag, validator);
    }
    for await (const chunk of response as AsyncIterable<Buffer>) {
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
  } catch (error) {
    // the reason, not that it was aborted
    stop.signal.throwIfAborted();
    throw error;
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

/** What went wrong; of a host with several addresses, at the first. */
function reason(thrown: unknown): string {
  const [error] = thrown instanceof AggregateError ? thrown.errors : [thrown];
  return (error as Error).message || (error as NodeJS.ErrnoException).code || 'unknown';
}
