import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { FlotillaError, type Runtime } from '@flotilla/core';
import { POOL_ENTRY } from '@flotilla/server/internal';
import { Piscina } from 'piscina';
import type { WorkAt } from '../terminal/work-progress.js';
import { RecordCache } from './record-cache.js';
import type { RunRecord, SweepOutcome, SweepRun } from './run-record.js';

export interface SweepOptions {
  /** Folder of records by the hash of their configuration and of the code that ran it. */
  readonly cache: string;
  /** Runs at a time; one per core when left out. */
  readonly concurrency?: number;
  /** Tells how long the runs that are left will take. */
  readonly runtime: Runtime;
  /** Told after every run that is made. */
  readonly progress?: (at: WorkAt) => void;
}

/**
 * Runs configurations on a few threads, each run on one of them, and keeps what they came to: a sweep that was interrupted
 * goes on where it was, and one that is repeated reads its records.
 */
export class Sweep {
  readonly #pool: Piscina<SweepRun, SweepOutcome>;
  readonly #cache: RecordCache;
  readonly #concurrency: number;
  readonly #running = new Map<string, Promise<RunRecord>>();
  readonly #closing = new AbortController();
  readonly #from: number;
  #asked = 0;
  #done = 0;
  #cached = 0;

  constructor(private readonly options: SweepOptions) {
    this.#from = options.runtime.now();
    this.#cache = new RecordCache(options.cache);
    this.#concurrency = options.concurrency ?? availableParallelism();
    // one listener a run
    setMaxListeners(0, this.#closing.signal);
    this.#pool = new Piscina({
      filename: POOL_ENTRY,
      workerData: { module: new URL('./sweep-worker.js', import.meta.url).href },
      minThreads: 0,
      maxThreads: this.#concurrency,
      atomics: 'disabled',
      idleTimeout: 10_000,
    });
  }

  /** Runs so far that were read from records instead of made. */
  get known(): number {
    return this.#cached;
  }

  /** @throws FlotillaError for a run that could not be made; one that diverged is a result. */
  run(run: SweepRun): Promise<RunRecord> {
    const name = this.#cache.nameOf(canonical(run));
    const running = this.#running.get(name) ?? this.#record(name, run);
    this.#running.set(name, running);
    return running;
  }

  /** Ends the threads; runs under way are given up. */
  async close(): Promise<void> {
    // an answer may be on its way from a run that is given up: the pool would take it for an error
    this.#pool.on('error', () => undefined);
    this.#closing.abort();
    await Promise.allSettled(this.#running.values());
    await this.#pool.destroy();
  }

  async #record(name: string, run: SweepRun): Promise<RunRecord> {
    const known = this.#cache.read<RunRecord>(name);
    if (known !== undefined) {
      this.#cached++;
      return known;
    }
    this.#asked++;
    const record = await this.#pool.run(run, { signal: this.#closing.signal });
    if ('failed' in record) throw new FlotillaError(record.failed, record.message);
    this.#cache.write(name, run, record);
    this.#done++;
    this.#say();
    return record;
  }

  #say(): void {
    const left = this.#asked - this.#done;
    const secondsLeft = ((this.options.runtime.now() - this.#from) / 1000 / this.#done) * left;
    this.options.progress?.({ done: this.#done, left, known: this.#cached, secondsLeft });
  }
}

/** The run with its keys in order, and the files it names by their content. */
function canonical({ options, targets, rows, linkModels }: SweepRun): unknown {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  const content = entries.map(([name, value]) =>
    name === 'data' && existsSync(String(value)) && statSync(String(value)).isFile()
      ? [
          name,
          createHash('sha256')
            .update(readFileSync(String(value)))
            .digest('hex'),
        ]
      : [name, value],
  );
  const more = [rows, linkModels].filter((one) => one !== undefined);
  return [content.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)), targets, ...more];
}
