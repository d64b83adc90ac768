import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { UsageError } from '@flotilla/core';
import { runReport } from '../report/run-report.js';
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
  const page = await runReport(positionals);
  try {
    writeFileSync(out, page);
  } catch (cause) {
    throw new UsageError(`out ${JSON.stringify(out)} cannot be written: ${(cause as Error).message}`, { cause });
  }
  process.stdout.write(`${out}\n`);
}

const read = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
