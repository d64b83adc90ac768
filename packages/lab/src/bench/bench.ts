import type { Runtime } from '@flotilla/core';
import type { ChartSpec } from '../report/chart.js';
import type { Table } from '../report/table.js';
import type { WorkAt } from '../terminal/work-progress.js';

/** What a bench is run with. */
export interface BenchContext {
  /** The bench's own folder, which exists: `<out>/bench/<name>`. Caches go here. */
  readonly out: string;
  /** Small sizes, for a machine or a reader in a hurry. */
  readonly quick: boolean;
  /** Sizes so small that the figures say nothing, only that the bench runs; `quick` is set too. */
  readonly smoke: boolean;
  /** Seeds of everything that is repeated over seeds; undefined when the bench is to choose. */
  readonly seeds: number | undefined;
  /** The bench's own options that were given. */
  readonly options: Readonly<Record<string, string>>;
  /** Those of its options without a value that were given. */
  readonly flags: ReadonlySet<string>;
  /** What is measured is measured with this. */
  readonly runtime: Runtime;
  /** Says on stderr what is going on. */
  log(line: string): void;
  /** Shows there how far a list of runs is. */
  progress(at: WorkAt): void;
}

/** What a bench has found. */
export interface BenchReport {
  /** Everything measured, as JSON. */
  readonly results: unknown;
  readonly tables: readonly Table[];
  readonly charts?: readonly ChartSpec[];
  /** Further files for the bench's folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** What a reader must know to read the tables, one paragraph each. */
  readonly notes?: readonly string[];
  /** Why nothing was measured, in words that follow “skipped: ”; nothing is written then. */
  readonly skipped?: string;
}

/** A comparison that `pnpm bench NAME` runs. */
export interface Bench {
  readonly name: string;
  /** One line, for `--list`. */
  readonly summary: string;
  /** Options of its own that have a value: name and what it means. */
  readonly options?: Readonly<Record<string, string>>;
  /** The same of those without one. */
  readonly flags?: Readonly<Record<string, string>>;
  /** @throws FlotillaError */
  run(context: BenchContext): Promise<BenchReport>;
}
