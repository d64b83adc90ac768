import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Job } from './job.js';
import { readLastRow, readSummary } from './run-files.js';
import { numbersOf, numbersOfSummary } from './run-view.js';

/**
 * What a job is when its host starts again. One that waited or had ended is what it was. One that trained has ended where its run
 * folder says so; otherwise it is stopped, or waits to go on, with what it had come to.
 */
export async function recoveredJob(job: Job, folder: string, resume: 'ask' | 'auto'): Promise<Job> {
  if (job.state !== 'running' && job.state !== 'stopping') return job;
  const summary = readSummary(folder);
  const row = summary === undefined ? await readLastRow(folder) : undefined;
  const numbers = summary === undefined ? row && numbersOf({ row }) : numbersOfSummary(summary);
  const known = { ...job, numbers: numbers ?? job.numbers };
  const ended = { ...known, ended: lastWritten(folder) };
  const { stopReason = 'aborted' } = summary ?? {};
  if (stopReason !== 'aborted') return { ...ended, state: 'done', stopReason };
  // somebody was told that it stops
  if (job.state === 'stopping') return { ...ended, state: 'stopped', stopReason };
  // it has left nothing: it waits as it did
  const hasBegun = existsSync(join(folder, 'config.json')) || job.starts > 1;
  if (!hasBegun || resume === 'auto') return { ...known, state: 'queued' };
  return { ...ended, state: 'stopped', stopReason: 'interrupted' };
}

function lastWritten(folder: string): string {
  const times = ['summary.json', 'metrics.jsonl'].map(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  const last = Math.max(...times);
  return new Date(last > 0 ? last : Date.now()).toISOString();
}
