import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@flotilla/core';
import { openDashboard } from '@flotilla/service';
import { renderReport } from '../report/index.js';
import { readRun, runFolders } from '../report/stored-run.js';
import { type Declared, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { interruptible } from '../terminal/interrupt.js';
import { programName } from '../terminal/program.js';
import { freePort } from './live-page.js';

const OPTIONS = {
  port: { type: 'string', placeholder: 'N', description: 'port of the page (default: any that is free)' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const dashboardHelp = (program: string) =>
  helpPage(
    [
      {
        title: 'Examples',
        lines: exampleLines([
          [`${program} runs/a`, 'one run'],
          [`${program} runs/a runs/b --port 8080`, 'two runs on one chart'],
        ]),
      },
      { title: 'Options', rows: optionRows(OPTIONS) },
    ],
    'Shows runs in a browser, at the address that is printed, until Ctrl-C. The page is on this machine only. The folder of start --seeds, or of a sweep, stands for the runs in it. A run that another process trains is followed. To watch a run and to stop it: start --dashboard.',
  );

/** `flotilla dashboard`. */
export async function dashboard(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
  if (values.help === true) {
    process.stdout.write(dashboardHelp(programName('dashboard')));
    return;
  }
  if (positionals.length === 0) throw new UsageError('dashboard needs the folder of at least one run');
  const port = await freePort('port', values.port);
  const folders = runFolders(positionals);
  // says what is missing
  for (const folder of folders) if (!isRun(folder)) readRun(folder);
  const opened = await openDashboard({ port, report: renderReport, runs: folders.map((folder) => ({ folder })) });
  process.stdout.write(`${opened.url}\n`);
  process.stderr.write('dashboard: Ctrl-C ends it\n');
  await interruptible(async (signal) => {
    if (!signal.aborted) await once(signal, 'abort');
  });
  await opened.close();
}

const isRun = (folder: string) => ['config.json', 'metrics.jsonl'].every((name) => existsSync(join(folder, name)));
