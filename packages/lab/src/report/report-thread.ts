import { sep } from 'node:path';
import { type ErrorRecord, errorRecord } from '@flotilla/core/internal';
import { renderPage } from './page.js';
import { reportOf } from './run-report.js';
import { readRun } from './stored-run.js';

export interface ReportTask {
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

/** What a thread of `renderReport` does. */
export default async function makeReport({ folder, config }: ReportTask): Promise<string | ErrorRecord> {
  try {
    const run = readRun(folder);
    // its one reader need not know where it lies
    const notes = run.notes.map((note) => note.replace(`${folder}${sep}`, ''));
    const { title, sections } = reportOf([{ ...run, notes, config: config ?? run.config }]);
    return await renderPage(title, sections);
  } catch (error) {
    return errorRecord(error);
  }
}
