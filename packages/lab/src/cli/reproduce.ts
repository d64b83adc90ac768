import { join } from 'node:path';
import { FlotillaError, systemRuntime, UsageError } from '@flotilla/core';
import { lookUp, printed } from '@flotilla/core/internal';
import { Sweep } from '../experiment/sweep.js';
import { type ChartSpec, drawChart } from '../report/chart.js';
import { machine } from '../report/machine.js';
import type { Section } from '../report/page.js';
import { writeResults } from '../report/results.js';
import { type Table, tableText } from '../report/table.js';
import type { Claim, Figure, Study, StudyResult } from '../reproduce/figure.js';
import { figureJson } from '../reproduce/figure-json.js';
import { chartFile, figureMarkdown, studyMarkdown } from '../reproduce/markdown.js';
import { figures, studies } from '../reproduce/registry.js';
import {
  claimsTable,
  type FigureResult,
  figureSections,
  panelCharts,
  panelTable,
  runFigure,
} from '../reproduce/run-figure.js';
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

/** What a figure or a study has come to, ready to be written. */
interface Made {
  readonly json: object;
  readonly sections: readonly Section[];
  readonly markdown: string;
  /** By file name, without an ending. */
  readonly charts: readonly (readonly [file: string, chart: ChartSpec])[];
  readonly tables: readonly Table[];
  readonly claims: readonly Claim[];
  /** Why nothing at all was run. */
  readonly skipped?: string | undefined;
}

/** `flotilla reproduce`. */
export async function reproduce(argv: readonly string[]): Promise<void> {
  const { figure, help, list, out, quick, seeds, dataFolder, threads, only } = read(argv);
  const all = { ...figures, ...studies };
  if (list) {
    const width = Math.max(...Object.keys(all).map((name) => name.length));
    const lines = Object.values(all).map((one) => `${one.name.padEnd(width)}  ${one.paper}: ${one.summary}\n`);
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
  const command = [programName('reproduce'), ...argv].join(' ');
  try {
    const made =
      'run' in figure
        ? studyMade(figure, await figure.run(size, sweep, log), command)
        : figureMade(await runFigure(figure, size, sweep, { dataFolder, only, log }), command);
    stop();
    const seconds = Math.round((systemRuntime.now() - from) / 1000);
    await results.write(
      { command, size, seconds, runsFromCache: sweep.known, machine: machine(), ...made.json },
      `${figure.paper}, reproduced`,
      [
        ...made.sections,
        {
          title: 'How this was made',
          text: [`${machine()}; ${seconds} s${sweep.known > 0 ? `, ${sweep.known} runs known from before` : ''}.`],
          code: command,
        },
      ],
    );
    for (const [file, chart] of made.charts) results.file(`${file}.svg`, (await drawChart(chart, 640, 400)).svg);
    results.file('README.md', made.markdown);
    const claims = made.claims.map(({ claim, verdict, numbers }) => `${verdict}: ${claim}\n    ${numbers}`);
    print(`${made.tables.map(tableText).join('\n\n')}\n\n${claims.join('\n')}\n\nresults: ${results.folder}\n`);
    if (made.skipped !== undefined) {
      throw new FlotillaError('io', `${figure.name}: every panel was left out, the first because ${made.skipped}`);
    }
  } finally {
    stop();
    await sweep.close();
  }
}

function figureMade(result: FigureResult, command: string): Made {
  const run = result.panels.filter(({ skipped }) => skipped === undefined);
  return {
    json: figureJson(result),
    sections: figureSections(result),
    markdown: figureMarkdown(result, command, machine()),
    charts: result.panels.flatMap((one) =>
      panelCharts(one).map((chart, k) => [chartFile(one.panel.id, k), chart] as const),
    ),
    tables: run.map((one) => {
      const table = panelTable(one);
      return { ...table, title: `${one.panel.title}\n${table.title}` };
    }),
    claims: result.claims,
    skipped: run.length === 0 ? result.panels[0]?.skipped : undefined,
  };
}

function studyMade(study: Study, result: StudyResult, command: string): Made {
  const { sections, claims, measured } = result;
  return {
    json: { claims, measured },
    sections: [
      { text: [`${study.paper}. ${study.summary}`] },
      ...sections,
      { title: 'Claims, and references', tables: [claimsTable(claims)] },
    ],
    markdown: studyMarkdown(study, result, command, machine()),
    charts: sections.flatMap(({ charts = [] }) => charts.map((chart) => [chart.file ?? chart.title, chart] as const)),
    tables: sections.flatMap(({ tables = [] }) => tables),
    claims,
  };
}

function read(argv: readonly string[]) {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
  const [name, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`one figure at a time: ${printed(rest[0])} is one too many`);
  const figure: Figure | Study | undefined =
    name === undefined ? undefined : lookUp<Figure | Study>('figure', { ...figures, ...studies }, name);
  if (figure !== undefined && 'run' in figure && (values.only ?? values['data-dir']) !== undefined) {
    throw new UsageError(`${figure.name} has no panels and no data: it takes neither --only nor --data-dir`);
  }
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
