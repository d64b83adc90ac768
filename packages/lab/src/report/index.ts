import { fileURLToPath } from 'node:url';
import { type ErrorRecord, errorFrom } from '@flotilla/core/internal';
import { Piscina } from 'piscina';
import type { ReportTask } from './report-thread.js';

/** A run whose report is asked for. */
export interface ReportedRun {
  /** Its run folder, with config.json and metrics.jsonl at least. */
  readonly folder: string;
  /** What is told of its configuration; what config.json has, when left out. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A report takes some 100 MB; more rows than fit are an error, not the end of the process. */
const MAX_HEAP_MB = 1024;

/**
 * The report of a run as one HTML file, as `flotilla report` makes it: charts, tables and configuration. It is made on a thread
 * of its own: the caller's event loop stays free. Fits the option `report` of `@flotilla/service`.
 * @throws UsageError when the folder holds no run
 */
export async function renderReport({ folder, config }: ReportedRun): Promise<string> {
  const task: ReportTask = { folder, config };
  const pool = new Piscina<ReportTask, string | ErrorRecord>({
    filename: fileURLToPath(new URL('./report-thread.js', import.meta.url)),
    maxThreads: 1,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  try {
    const made = await pool.run(task);
    if (typeof made === 'string') return made;
    throw errorFrom(made);
  } finally {
    await pool.destroy();
  }
}
