import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ErrorCode, Runtime } from '@flotilla/core';
import { asFlotillaError, readRegular, writeWhole } from '@flotilla/core/internal';
import { AbortedError, type Options, type Summary, train } from '@flotilla/server';
import { RUN_FILES } from '@flotilla/server/internal';
import type { WorkAt } from '../terminal/work-progress.js';

/** A run of a sweep: its options, and the folder that it has of its own. */
export interface FolderRun {
  readonly options: Options;
  readonly folder: string;
}

/** How a run ended. `pending` are those that were not made, because the sweep was interrupted. */
export type Ending =
  | { readonly status: 'finished' | 'pending' }
  | { readonly status: 'diverged'; readonly message: string }
  | { readonly status: 'failed'; readonly message: string; readonly code: ErrorCode };

export interface FolderRunsOptions {
  /** Runs at a time. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly runtime: Runtime;
  readonly progress: (at: WorkAt) => void;
}

/** Beside config.json and rows in the folder of a run that diverged: it is not made again. */
const DIVERGED = 'diverged.json';
const MAX_BYTES = 1 << 24;

/**
 * Makes runs, several at a time, each on threads of its own. One whose folder says that it has ended is known; what an
 * interrupted one left is removed, and the run begins anew.
 */
export async function runInFolders(runs: readonly FolderRun[], options: FolderRunsOptions): Promise<Ending[]> {
  const { parallel, signal, runtime, progress } = options;
  const endings = runs.map(({ folder }) => knownEnding(folder));
  const waiting = [...runs.entries()].filter(([k]) => endings[k] === undefined);
  const known = runs.length - waiting.length;
  const total = waiting.length;
  const from = runtime.now();
  let done = 0;
  const say = () => {
    const left = total - done;
    const secondsLeft = done === 0 ? Number.NaN : ((runtime.now() - from) / 1000 / done) * left;
    progress({ done, left, known, secondsLeft });
  };
  say();
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) {
      const [k, run] = next;
      endings[k] = await runInFolder(run, signal);
      done++;
      say();
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, total) }, work));
  return endings.map((ending) => ending ?? { status: 'pending' });
}

function knownEnding(folder: string): Ending | undefined {
  const read = (file: string): Record<string, unknown> | undefined => {
    try {
      return JSON.parse(readRegular(join(folder, file), MAX_BYTES)) as Record<string, unknown>;
    } catch {
      return undefined;
    }
  };
  const diverged = read(DIVERGED);
  if (diverged !== undefined) return { status: 'diverged', message: String(diverged.message) };
  const stopReason = (read('summary.json') as Partial<Summary> | undefined)?.stopReason;
  return stopReason === undefined || stopReason === 'aborted' ? undefined : { status: 'finished' };
}

async function runInFolder({ options, folder }: FolderRun, signal: AbortSignal): Promise<Ending> {
  try {
    for (const name of RUN_FILES) rmSync(join(folder, name), { recursive: true, force: true });
    // an interrupted one begins anew: hundreds of checkpoints would lie there for nothing
    await train({ ...options, out: folder, checkpointEvery: 'never', signal }).result;
    return { status: 'finished' };
  } catch (thrown) {
    if (thrown instanceof AbortedError) return { status: 'pending' };
    const { code, message } = asFlotillaError(thrown);
    if (code !== 'diverged') return { status: 'failed', message, code };
    try {
      writeWhole(join(folder, DIVERGED), `${JSON.stringify({ message })}\n`);
    } catch {
      // a full disk: the next sweep makes this run again
    }
    return { status: 'diverged', message };
  }
}

/** Options that change nothing that a run computes. */
const BYSTANDERS = new Set([
  ...['out', 'threads', 'transport', 'grace', 'roundTimeout', 'onStraggler', 'checkpointEvery', 'maxRestarts'],
]);

/**
 * A hash of everything that a run computes: its options, the content of the files that they name, and the version of the program.
 */
export class Fingerprints {
  readonly #files = new Map<string, string>();

  constructor(private readonly version: string) {}

  /** Of several runs, in their order. */
  static together(fingerprints: readonly string[]): string {
    return hash(fingerprints.join()).slice(0, 10);
  }

  /** Of one run. */
  of(options: Options): string {
    const entries = Object.entries(options).filter(([name, value]) => value !== undefined && !BYSTANDERS.has(name));
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    const contents = entries.flatMap(([, value]) =>
      [value].flat().flatMap((part) => (typeof part === 'string' ? this.#contentsOf(part) : [])),
    );
    return hash(JSON.stringify([this.version, entries, contents])).slice(0, 10);
  }

  /** Of the file that a value names, alone or with parameters behind it. */
  #contentsOf(text: string): string[] {
    return [...new Set([text, text.split(':')[0] as string])].flatMap((path) => {
      const known = this.#files.get(path);
      if (known !== undefined) return [known];
      if (!isFile(path)) return [];
      const content = hashOfFile(path);
      this.#files.set(path, content);
      return [content];
    });
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** In pieces: data may be larger than one buffer. */
function hashOfFile(path: string): string {
  const sum = createHash('sha256');
  const piece = Buffer.alloc(1 << 20);
  const file = openSync(path, 'r');
  try {
    for (let length = 1; length > 0; ) {
      length = readSync(file, piece, 0, piece.length, null);
      sum.update(piece.subarray(0, length));
    }
  } finally {
    closeSync(file);
  }
  return sum.digest('hex');
}

const hash = (content: string) => createHash('sha256').update(content).digest('hex');
