import { join, resolve } from 'node:path';
import { UsageError } from '@flotilla/core';
import { makeFolder, printed, reasonOf } from '@flotilla/core/internal';
import { checkOwn, replaceOwn } from '../files/replace-own.js';
import { type ChartSpec, drawChart, SVG_HEAD } from '../report/chart.js';
import { readGoals } from '../report/measures.js';
import { PAGE_HEAD, renderPage } from '../report/page.js';
import { reportOf } from '../report/run-report.js';
import { type Declared, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { readRuns } from './read-runs.js';

const OPTIONS = {
  out: { type: 'string', path: true, placeholder: 'FILE', description: 'the page (default: report.html)' },
  target: {
    type: 'string',
    placeholder: 'V',
    description: 'what each run needed to reach ‖∇f‖² ≤ V: rounds, bytes and wall seconds',
  },
  'target-loss': { type: 'string', placeholder: 'V', description: 'the same for f ≤ V' },
  svg: { type: 'string', path: true, placeholder: 'DIR', description: 'each chart as an SVG file there too' },
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
    'Runs that differ in their seed only become one curve, the seeds a band around it. The folder of start --seeds, or of a sweep, stands for the runs in it.',
  );

/** `flotilla report`. */
export async function report(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
  if (values.help === true) {
    process.stdout.write(reportHelp(programName('report')));
    return;
  }
  if (positionals.length === 0) throw new UsageError('report needs the folder of at least one run');
  const { out = 'report.html', svg } = values;
  const goals = readGoals(values.target, values['target-loss']);
  const runs = readRuns(positionals);
  // refused before anything is drawn
  checkOwn(out, PAGE_HEAD, '--out');
  const { title, sections, charts } = reportOf(runs, { goals });
  replaceOwn(out, await renderPage(title, sections), PAGE_HEAD, '--out');
  process.stdout.write(`${out}\n`);
  if (svg !== undefined) await writeCharts(charts, svg);
}

/** Each chart as an SVG file; prints their paths. */
async function writeCharts(charts: readonly ChartSpec[], folder: string): Promise<void> {
  try {
    makeFolder(resolve(folder));
  } catch (cause) {
    throw new UsageError(`--svg ${printed(folder)} cannot be made: ${reasonOf(cause)}`, { cause });
  }
  const written = new Set<string>();
  for (const [k, chart] of charts.entries()) {
    const { file = 'chart' } = chart;
    // names of metrics may be alike once they are names of files
    const path = join(folder, `${written.has(file) ? `${file}-${k + 1}` : file}.svg`);
    written.add(file);
    replaceOwn(path, (await drawChart(chart, 640, 400)).svg, SVG_HEAD, '--svg');
    process.stdout.write(`${path}\n`);
  }
}
