import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '@flotilla/core';
import { makeFolder } from '@flotilla/core/internal';
import { replaceOwn } from '../files/replace-own.js';
import { type ChartSpec, drawChart, SVG_HEAD } from '../report/chart.js';
import { readGoals } from '../report/measures.js';
import { PAGE_HEAD, renderPage } from '../report/page.js';
import { reportOf } from '../report/run-report.js';
import { readRun, runFolders } from '../report/stored-run.js';
import { joinNegative, parseOrRefuse, programName } from '../terminal/program.js';

/** @param program How the command is called here. */
export const reportHelp = (program: string) => `${program} RUN… [options]   one page of one or several run folders
Runs that differ in their seed only become one curve, the seeds a band around
it. The folder of start --seeds, or of a sweep, stands for the runs in it.

  --out FILE         (default: report.html)
  --target V         what each run needed to reach ‖∇f‖² ≤ V: rounds, bytes and
                     wall seconds
  --target-loss V    the same for f ≤ V
  --svg DIR          each chart as an SVG file there too
`;

/** `flotilla report`. */
export async function report(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseOrRefuse(() => read(argv), ['out', 'target', 'target-loss', 'svg', 'help']);
  if (values.help === true) {
    process.stdout.write(reportHelp(programName('report')));
    return;
  }
  if (positionals.length === 0) throw new UsageError('report needs the folder of at least one run');
  const { out = 'report.html', svg } = values;
  const goals = readGoals(values.target, values['target-loss']);
  const { title, sections, charts } = reportOf(runFolders(positionals).map(readRun), { goals });
  const page = await renderPage(title, sections);
  replaceOwn(out, page, PAGE_HEAD, '--out');
  process.stdout.write(`${out}\n`);
  if (svg !== undefined) await writeCharts(charts, svg);
}

/** Each chart as an SVG file; prints their paths. */
async function writeCharts(charts: readonly ChartSpec[], folder: string): Promise<void> {
  try {
    makeFolder(resolve(folder));
  } catch (cause) {
    throw new UsageError(`--svg ${JSON.stringify(folder)} cannot be made: ${(cause as Error).message}`, { cause });
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

const read = (argv: readonly string[]) =>
  parseArgs({
    args: joinNegative(argv),
    options: {
      out: { type: 'string' },
      target: { type: 'string' },
      'target-loss': { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
