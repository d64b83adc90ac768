import { join } from 'node:path';
import { FlotillaError, systemRuntime, UsageError } from '@flotilla/core';
import { lookUp, printed } from '@flotilla/core/internal';
import { Sweep } from '../experiment/sweep.js';
import { drawChart } from '../report/chart.js';
import { machine } from '../report/machine.js';
import { writeResults } from '../report/results.js';
import { tableText } from '../report/table.js';
import type { Figure } from '../reproduce/figure.js';
import { figureJson } from '../reproduce/figure-json.js';
import { chartFile, figureMarkdown } from '../reproduce/markdown.js';
import { figures } from '../reproduce/registry.js';
import { type FigureResult, figureSections, panelCharts, panelTable, runFigure } from '../reproduce/run-figure.js';
import { countOption, type Declared, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { createWorkProgress } from '../terminal/work-progress.js';

const OPTIONS = {
  list: { type: 'boolean', description: 'list the figures there are' },
  quick: { type: 'boolean', description: 'a smaller size, under two minutes' },
  seeds: { type: 'string', placeholder: 'K', description: 'seeds of every run (default: 5, quick 3)' },
  'data-dir': {
    type: 'string',
    path: true,
    placeholder: 'DIR',
    description: 'where LIBSVM files lie (mushrooms, phishing.xz, …); else a data set is looked up by its name',
  },
  only: {
    type: 'string',
    placeholder: 'IDS',
    description: 'some of its panels, by the ids that results.json has, joined by commas',
  },
  out: {
    type: 'string',
    path: true,
    placeholder: 'DIR',
    description: 'results go to DIR/reproduce/FIGURE (default: runs)',
  },
  threads: { type: 'string', placeholder: 'T', description: 'runs at a time (default: one per core)' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const reproduceHelp = (program: string) =>
  helpPage([
    {
      title: 'Examples',
      lines: exampleLines([
        [`${program} --list`, 'the figures there are'],
        [`${program} marina-1 --quick`, 'one of them, at a smaller size'],
      ]),
    },
    { title: 'Options', rows: optionRows(OPTIONS) },
  ]);

/** `flotilla reproduce`. */
export async function reproduce(argv: readonly string[]): Promise<void> {
  const { figure, help, list, out, quick, seeds, dataFolder, threads, only } = read(argv);
  if (list) {
    const width = Math.max(...Object.keys(figures).map((name) => name.length));
    const lines = Object.values(figures).map((one) => `${one.name.padEnd(width)}  ${one.paper}: ${one.summary}\n`);
    return print(lines.join(''));
  }
  if (help || figure === undefined) return print(reproduceHelp(programName('reproduce')));
  const size = { quick, seeds: seeds ?? (quick ? 3 : 5) };
  const results = writeResults(out, 'reproduce', figure.name);
  const { log, progress, stop } = createWorkProgress(process.stderr, systemRuntime);
  const sweep = new Sweep({
    cache: join(results.folder, 'cache'),
    runtime: systemRuntime,
    progress,
    ...(threads === undefined ? {} : { concurrency: threads }),
  });
  const from = systemRuntime.now();
  try {
    const result = await runFigure(figure, size, sweep, { dataFolder, only, log });
    stop();
    const seconds = Math.round((systemRuntime.now() - from) / 1000);
    const command = [programName('reproduce'), ...argv].join(' ');
    await results.write(
      { command, size, seconds, runsFromCache: sweep.known, machine: machine(), ...figureJson(result) },
      `${figure.paper}, reproduced`,
      [
        ...figureSections(result),
        {
          title: 'How this was made',
          text: [`${machine()}; ${seconds} s${sweep.known > 0 ? `, ${sweep.known} runs known from before` : ''}.`],
          code: command,
        },
      ],
    );
    await writeCharts(result, results.file);
    results.file('README.md', figureMarkdown(result, command, machine()));
    const tables = result.panels.filter(({ skipped }) => skipped === undefined).map(panelTable);
    const titled = tables.map((table, k) => ({ ...table, title: `${result.panels[k]?.panel.title}\n${table.title}` }));
    const claims = result.claims.map(({ claim, verdict, numbers }) => `${verdict}: ${claim}\n    ${numbers}`);
    print(`${titled.map(tableText).join('\n\n')}\n\n${claims.join('\n')}\n\nresults: ${results.folder}\n`);
    const [first] = result.panels;
    if (first?.skipped !== undefined && tables.length === 0) {
      throw new FlotillaError('io', `${figure.name}: every panel was left out, the first because ${first.skipped}`);
    }
  } finally {
    stop();
    await sweep.close();
  }
}

/** Each chart as an SVG file: <panel>-<number>.svg. */
async function writeCharts({ panels }: FigureResult, write: (name: string, content: string) => void): Promise<void> {
  for (const result of panels) {
    for (const [k, chart] of panelCharts(result).entries()) {
      const { svg } = await drawChart(chart, 640, 400);
      write(chartFile(result.panel.id, k), svg);
    }
  }
}

function read(argv: readonly string[]) {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
  const [name, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`one figure at a time: ${printed(rest[0])} is one too many`);
  const figure: Figure | undefined = name === undefined ? undefined : lookUp('figure', figures, name);
  return {
    figure,
    help: values.help === true,
    list: values.list === true,
    quick: values.quick === true,
    out: values.out ?? 'runs',
    dataFolder: values['data-dir'],
    seeds: countOption('seeds', values.seeds),
    threads: countOption('threads', values.threads),
    only: values.only?.split(','),
  };
}

function print(text: string): void {
  process.stdout.write(text);
}
