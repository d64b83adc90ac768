import { basename, join } from 'node:path';
import { FlotillaError, methods, UsageError } from '@flotilla/core';
import { asFlotillaError, lookUp, printed } from '@flotilla/core/internal';
import { keptIn } from '../../experiment/record-cache.js';
import { Sweep } from '../../experiment/sweep.js';
import { machine } from '../../report/machine.js';
import { numberOption } from '../../terminal/command-line.js';
import { programName } from '../../terminal/program.js';
import type { Bench, BenchReport } from '../bench.js';
import { methodOf } from '../methods.js';
import { CASE_IDS, CASES, type CaseId, entries } from './cases.js';
import { type CaseResult, LINKS, measureCase } from './measure.js';
import { basesTable, NOTES, pageMarkdown, theoryTable, tunedTable, winnersTable } from './page.js';
import { READING } from './reading.js';
import { caseWords } from './words.js';

/** Images of MNIST unless it is told otherwise: a thirtieth, so that a run takes seconds. */
const IMAGES = 2000;

export const methodsTable: Bench = {
  name: 'methods-table',
  summary:
    'all methods on three problems to an equal target, at theory’s step sizes and tuned ones: who wins where, as a page',
  options: {
    problems: `which of ${CASE_IDS.join(', ')}, joined by commas (default all)`,
    methods: 'names of methods, joined by commas (default all)',
    images: `training images of MNIST that are used, the first ones, or all (${IMAGES})`,
    'data-dir': 'where the file of mushrooms lies; else it is looked up by its name',
  },
  async run(context): Promise<BenchReport> {
    const { quick, options, progress, log, runtime, out } = context;
    const ids = options.problems?.split(',').map(caseId) ?? CASE_IDS;
    const asked = options.methods?.split(',').map((name) => lookUp('method', methods, name).name);
    const seeds = Array.from({ length: context.seeds ?? (quick ? 2 : 3) }, (_, k) => String(k));
    const from = { quick, out, images: imagesOf(options.images), dataFolder: options['data-dir'] };
    const sweep = new Sweep({ cache: join(out, 'cache'), runtime, progress });
    const setup = { sweep, keep: keptIn(join(out, 'cache')), seeds };
    const results: CaseResult[] = [];
    const skipped: string[] = [];
    try {
      for (const id of ids) {
        try {
          results.push(await measureCase(await CASES[id](from), entries(asked), setup, { log, runtime }));
        } catch (thrown) {
          const { code, message } = asFlotillaError(thrown);
          // data that is not at hand
          if (code !== 'io') throw thrown;
          skipped.push(`${id}: ${message}`);
          log(`${id} is left out: ${message}`);
        }
      }
    } finally {
      await sweep.close();
    }
    if (results.length === 0) throw new FlotillaError('io', `every problem was left out, ${skipped[0]}`);
    const names = [
      ...new Set(results.flatMap(({ measured }) => measured.map(({ entry }) => methodOf(entry.method).name))),
    ];
    const whole = !quick && asked === undefined && results.length === CASE_IDS.length;
    const page = pageMarkdown(results, {
      command: commandOf(options, quick, context.seeds),
      machine: machine(),
      seeds: seeds.length,
      reading: whole ? READING : [],
    });
    return {
      results: { links: LINKS, seeds, skipped, cases: results.map(withoutFolders) },
      tables: [
        winnersTable(results, false),
        winnersTable(results, true),
        ...results.flatMap((result) =>
          [tunedTable(result), theoryTable(result)].map((table) => ({
            ...table,
            title: `${result.of.title}. ${table.title}`,
          })),
        ),
        { ...basesTable(names), title: 'Own compressors, and base step sizes' },
      ],
      files: { 'README.md': page },
      notes: [
        ...NOTES,
        ...results.map((result) => `${result.of.title}: ${caseWords(result).join(' ').replaceAll('**', '')}`),
      ],
    };
  },
};

/** A case as another machine may read it. */
const withoutFolders = ({ of, ...rest }: CaseResult) => ({
  of: { ...of, ...(of.data === undefined ? {} : { data: basename(of.data) }) },
  ...rest,
});

function caseId(text: string): CaseId {
  const id = CASE_IDS.find((one) => one === text);
  if (id === undefined) throw new UsageError(`unknown problem ${printed(text)}; known: ${CASE_IDS.join(', ')}`);
  return id;
}

function imagesOf(text: string | undefined): number | undefined {
  if (text === 'all') return undefined;
  const allowed = 'all, or a whole number from 100 to 60000';
  const fits = (value: number) => Number.isInteger(value) && value >= 100 && value <= 60_000;
  return numberOption('images', text, allowed, fits) ?? IMAGES;
}

/** The command of the page: what decides its numbers, and not where files lie. */
function commandOf(options: Readonly<Record<string, string>>, quick: boolean, seeds: number | undefined): string {
  const own = Object.entries(options).map(([name, value]) => ` --${name} ${name === 'data-dir' ? 'DIR' : value}`);
  return `${programName('bench')} methods-table${quick ? ' --quick' : ''}${seeds === undefined ? '' : ` --seeds ${seeds}`}${own.join('')}`;
}
