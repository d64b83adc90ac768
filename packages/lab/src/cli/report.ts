import { parseArgs } from 'node:util';
import { UsageError } from '@flotilla/core';
import { canReplace, reasonOf, writeWhole } from '@flotilla/core/internal';
import { isPage } from '../report/page.js';
import { reportOf } from '../report/run-report.js';
import { readRun } from '../report/stored-run.js';
import { parseOrRefuse, programName } from '../terminal/program.js';

/** @param program How the command is called here. */
export const reportHelp = (
  program: string,
) => `${program} RUN… [--out FILE]   one page of one or several run folders (default: report.html here)
Runs that differ in their seed only become one curve, the seeds a band around it.
`;

/** `flotilla report`. */
export async function report(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseOrRefuse(() => read(argv), ['out', 'help']);
  if (values.help === true) {
    process.stdout.write(reportHelp(programName('report')));
    return;
  }
  if (positionals.length === 0) throw new UsageError('report needs the folder of at least one run');
  const { out = 'report.html' } = values;
  const runs = positionals.map(readRun);
  // refused before anything is drawn
  try {
    canReplace(out, isPage);
  } catch (cause) {
    const taken = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const reason = taken
      ? 'is there already and is no report; name another file'
      : `cannot be written: ${reasonOf(cause)}`;
    throw new UsageError(`out ${JSON.stringify(out)} ${reason}`, { cause });
  }
  for (const note of runs.flatMap(({ notes }) => notes)) process.stderr.write(`flotilla: ${note}\n`);
  writeWhole(out, await reportOf(runs), isPage);
  process.stdout.write(`${out}\n`);
}

const read = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
