import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlotillaError, makeFolder } from '@flotilla/core';
import { Piscina } from 'piscina';
import { duration } from '../cli/format.js';
import type { Metrics, Summary } from '../metrics.js';
import type { SweepOutcome } from './sweep-worker.js';

/** A value whose first evaluation is wanted: of ‖∇f(x)‖² (`relative`: as a multiple of its value at x⁰), or of f. */
export interface Target {
  readonly value: number;
  readonly relative?: boolean;
  readonly of?: 'loss';
}

/** A run of a sweep. */
export interface SweepRun {
  /** Options of `train`, plain JSON. */
  readonly options: Readonly<Record<string, string | number | undefined>>;
  readonly targets: readonly Target[];
}

/** What a run of a sweep came to. */
export interface RunRecord {
  /** Evaluated rows, thinned evenly. */
  readonly rows: readonly Metrics[];
  /** For each target the first row that meets it. */
  readonly hits: readonly (Metrics | null)[];
  readonly summary: Summary | null;
  /** Why there is no summary: the step size was too large. */
  readonly diverged: string | null;
}

export interface SweepOptions {
  /** Folder of records by the hash of their configuration and of the code that ran it. */
  readonly cache: string;
  /** Runs at a time; one per core when left out. */
  readonly concurrency?: number;
  readonly log: (line: string) => void;
}

/** How often a sweep says where it is. */
const SAY_MS = 5000;

/**
 * Runs configurations on a few threads, each run on one of them, and keeps what they came to: a sweep that was interrupted
 * goes on where it was, and one that is repeated reads its records.
 */
export class Sweep {
  readonly #pool: Piscina<SweepRun, SweepOutcome>;
  readonly #code = codeHash();
  readonly #concurrency: number;
  readonly #running = new Map<string, Promise<RunRecord>>();
  readonly #closing = new AbortController();
  readonly #from = performance.now();
  #asked = 0;
  #done = 0;
  #cached = 0;
  #said = performance.now();

  constructor(private readonly options: SweepOptions) {
    makeFolder(resolve(options.cache));
    this.#concurrency = options.concurrency ?? availableParallelism();
    // one listener a run
    setMaxListeners(0, this.#closing.signal);
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL('../pool-entry.cjs', import.meta.url)),
      workerData: { module: new URL('./sweep-worker.js', import.meta.url).href },
      ...{ minThreads: 0, maxThreads: this.#concurrency, atomics: 'disabled', idleTimeout: 10_000 },
    });
  }

  /** @throws FlotillaError for a run that could not be made; one that diverged is a result. */
  run(run: SweepRun): Promise<RunRecord> {
    const key = createHash('sha256')
      .update(JSON.stringify([this.#code, canonical(run)]))
      .digest('hex')
      .slice(0, 24);
    const running = this.#running.get(key) ?? this.#record(key, run);
    this.#running.set(key, running);
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

  async #record(key: string, run: SweepRun): Promise<RunRecord> {
    const path = join(this.options.cache, `${key}.json`);
    if (existsSync(path)) {
      this.#cached++;
      return (JSON.parse(readFileSync(path, 'utf8')) as { record: RunRecord }).record;
    }
    this.#asked++;
    const record = await this.#pool.run(run, { signal: this.#closing.signal });
    if ('failed' in record) throw new FlotillaError(record.failed, record.message);
    writeFileSync(`${path}.part`, JSON.stringify({ ...run, record }));
    renameSync(`${path}.part`, path);
    this.#done++;
    this.#say();
    return record;
  }

  #say(): void {
    const now = performance.now();
    if (now - this.#said < SAY_MS) return;
    this.#said = now;
    const { options } = this;
    const left = this.#asked - this.#done;
    const eta = ((now - this.#from) / 1000 / this.#done) * left;
    const cached = this.#cached > 0 ? `, ${this.#cached} known from before` : '';
    options.log(`${this.#done} runs done, ${left} to go${cached}, about ${duration(eta)} left for these`);
  }
}

/** The run with its keys in order, and the files it names by their content. */
function canonical({ options, targets }: SweepRun): unknown {
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
  return [content.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)), targets];
}

/** Of everything that decides what a run computes: the compiled packages, drawing and sweeping left out. */
function codeHash(): string {
  const hash = createHash('sha256');
  const server = fileURLToPath(new URL('..', import.meta.url));
  const others = ['core', 'compressors', 'protocol', 'worker'].map((name) =>
    dirname(fileURLToPath(import.meta.resolve(`@flotilla/${name}`))),
  );
  for (const folder of [server, ...others]) {
    for (const file of readdirSync(folder, { recursive: folder !== server, encoding: 'utf8' }).sort()) {
      if (/\.(?:c?js|wasm)$/.test(file)) hash.update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex');
}
