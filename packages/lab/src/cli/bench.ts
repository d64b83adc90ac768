import { systemRuntime, UsageError } from '@flotilla/core';
import { lookUp, printed } from '@flotilla/core/internal';
import type { Bench } from '../bench/bench.js';
import { benches } from '../bench/registry.js';
import { machine } from '../report/machine.js';
import { writeResults } from '../report/results.js';
import { tableText } from '../report/table.js';
import { countOption, type Declared, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { createWorkProgress } from '../terminal/work-progress.js';

/** What every bench takes. */
const OPTIONS = {
  out: { type: 'string', path: true, placeholder: 'DIR', description: 'results go to DIR/bench/NAME (default: runs)' },
  quick: { type: 'boolean', description: 'small sizes' },
  smoke: { type: 'boolean', description: 'the same in seconds, to see that it runs: its figures say nothing' },
  seeds: { type: 'string', placeholder: 'K', description: 'seeds of what is repeated over seeds (default: per bench)' },
  help: { type: 'boolean', short: 'h', description: 'show this; behind a NAME, its own options too' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const benchHelp = (program: string) =>
  helpPage([
    {
      title: 'Examples',
      lines: exampleLines([
        [`${program} --list`, 'what there is'],
        [`${program} NAME`, 'runs one'],
        [`${program} NAME --quick --out DIR`, ''],
        [`${program} NAME --help`, 'its own options'],
      ]),
    },
    { title: 'Options', rows: optionRows(OPTIONS) },
  ]);

/** The bench's own options. */
const ownOptions = ({ options = {}, flags = {} }: Bench): Record<string, Declared> => ({
  ...Object.fromEntries(
    Object.entries(options).map(([name, description]) => [
      name,
      { type: 'string', path: true, placeholder: 'VALUE', description },
    ]),
  ),
  ...Object.fromEntries(Object.entries(flags).map(([name, description]) => [name, { type: 'boolean', description }])),
});

const ownHelp = (bench: Bench) => {
  const own = optionRows(ownOptions(bench));
  return helpPage([
    { title: `${bench.name}: ${bench.summary}` },
    ...(own.length === 0 ? [] : [{ title: 'Options of its own', rows: own }]),
    { title: 'Options of every bench', rows: optionRows(OPTIONS) },
  ]);
};

/** `flotilla bench`. */
export async function bench(argv: readonly string[]): Promise<void> {
  const [first] = argv;
  if (first === undefined || first === '--help' || first === '-h') return print(benchHelp(programName('bench')));
  if (first === '--list') {
    const width = Math.max(...Object.keys(benches).map((name) => name.length));
    return print(
      Object.values(benches)
        .map(({ name, summary }) => `${name.padEnd(width)}  ${summary}\n`)
        .join(''),
    );
  }
  const bench = lookUp('bench', benches, first);
  const { out, quick, smoke, seeds, help, own, flags } = readOptions(bench, argv.slice(1));
  if (help) return print(ownHelp(bench));
  const results = writeResults(out, 'bench', bench.name);
  const { log, progress, stop } = createWorkProgress(process.stderr, systemRuntime);
  const context = {
    out: results.folder,
    quick,
    smoke,
    seeds,
    options: own,
    flags,
    runtime: systemRuntime,
    log,
    progress,
  };
  const report = await bench.run(context).finally(stop);
  const { tables, charts = [], notes = [], files = {}, skipped } = report;
  if (skipped !== undefined) return print(`skipped: ${skipped}\n`);
  const command = [programName('bench'), ...argv].join(' ');
  await results.write({ command, quick, machine: machine(), results: report.results }, `Bench: ${bench.name}`, [
    { text: [bench.summary, ...notes] },
    { charts, tables },
    { title: 'How this was made', text: [machine()], code: command },
  ]);
  for (const [name, content] of Object.entries(files)) results.file(name, content);
  print(`${tables.map(tableText).join('\n\n')}\n\nresults: ${results.folder}\n`);
}

function readOptions(bench: Bench, args: readonly string[]) {
  const declared = ownOptions(bench);
  const { values, positionals } = readCommandLine(args, { ...declared, ...OPTIONS });
  const [stray] = positionals;
  if (stray !== undefined) throw new UsageError(`unexpected ${printed(stray)}: one bench at a time`);
  const { out = 'runs', quick = false, smoke = false, seeds, help = false, ...own } = values;
  return {
    out,
    quick: quick || smoke,
    smoke,
    seeds: countOption('seeds', seeds),
    help,
    own: Object.fromEntries(
      Object.entries(own).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
    flags: new Set(Object.entries(own).flatMap(([name, value]) => ((value as unknown) === true ? [name] : []))),
  };
}

function print(text: string): void {
  process.stdout.write(text);
}
