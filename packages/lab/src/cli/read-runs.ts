import { readRun, runFolders, type StoredRun } from '../report/stored-run.js';

/** The runs that the words of a command stand for; what of them could not be read is said on stderr. @throws UsageError */
export function readRuns(paths: readonly string[]): StoredRun[] {
  const runs = runFolders(paths).map(readRun);
  for (const note of runs.flatMap(({ notes }) => notes)) process.stderr.write(`flotilla: ${note}\n`);
  return runs;
}
