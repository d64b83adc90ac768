import { UsageError } from '@flotilla/core';
import { canReplace, printed, reasonOf, writeWhole } from '@flotilla/core/internal';
import { isPage } from '../report/page.js';
import { reportOf } from '../report/run-report.js';
import { readRun } from '../report/stored-run.js';
import { type Declared, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';

const OPTIONS = {
  out: { type: 'string', path: true, placeholder: 'FILE', description: 'the page (default: report.html here)' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const reportHelp = (program: string) =>
  helpPage(
    [
      {
        title: 'Examples',
        lines: exampleLines([
          [`${program} runs/first`, 'one page of a run folder'],
          [`${program} runs/first runs/second --out FILE`, 'of several'],
        ]),
      },
      { title: 'Options', rows: optionRows(OPTIONS) },
    ],
    'Runs that differ in their seed only become one curve, the seeds a band around it.',
  );

/** `flotilla report`. */
export async function report(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
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
    throw new UsageError(`--out ${printed(out)} ${reason}`, { cause });
  }
  for (const note of runs.flatMap(({ notes }) => notes)) process.stderr.write(`flotilla: ${note}\n`);
  writeWhole(out, await reportOf(runs), isPage);
  process.stdout.write(`${out}\n`);
}
