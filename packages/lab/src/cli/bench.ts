import { parseArgs } from 'node:util';
import { systemRuntime } from '@flotilla/core';
import { lookUp } from '@flotilla/core/internal';
import type { Bench } from '../bench/bench.js';
import { benches } from '../bench/registry.js';
import { machine } from '../report/machine.js';
import { writeResults } from '../report/results.js';
import { tableText } from '../report/table.js';
import { countOption, parseOrRefuse, programName } from '../terminal/program.js';
import { createWorkProgress } from '../terminal/work-progress.js';

/** @param program How the command is called here. */
export const benchHelp = (program: string) => `${program} --list                                  what there is
${program} NAME [--out DIR] [--quick] [--seeds K]  runs one; results in DIR/bench/NAME (default: runs)
${program} NAME --smoke                            the same in seconds, to see that it runs: its figures say nothing
${program} NAME --help                             its own options
`;

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
  const { out, quick, smoke, seeds, help, own } = readOptions(bench, argv.slice(1));
  if (help) {
    const lines = Object.entries(bench.options ?? {}).map(([name, means]) => `  --${name} VALUE  ${means}\n`);
    return print(`${bench.name}: ${bench.summary}\n${lines.join('')}`);
  }
  const results = writeResults(out, 'bench', bench.name);
  const { log, progress, stop } = createWorkProgress(process.stderr, systemRuntime);
  const context = { out: results.folder, quick, smoke, seeds, options: own, runtime: systemRuntime, log, progress };
  const report = await bench.run(context).finally(stop);
  const { tables, charts = [], notes = [], files = {} } = report;
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
  const own = Object.keys(bench.options ?? {});
  const known: Record<string, { type: 'string' | 'boolean'; short?: string }> = {
    ...Object.fromEntries(own.map((name) => [name, { type: 'string' }])),
    out: { type: 'string' },
    quick: { type: 'boolean' },
    smoke: { type: 'boolean' },
    seeds: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  };
  const { values } = parseOrRefuse(
    () => parseArgs({ args: [...args], options: known, strict: true }),
    Object.keys(known),
  );
  const { out = 'runs', quick = false, smoke = false, seeds: text, help = false, ...rest } = values;
  const seeds = countOption('seeds', text as string | undefined);
  return {
    out: String(out),
    quick: quick === true || smoke === true,
    smoke: smoke === true,
    seeds,
    help: help === true,
    own: rest as Record<string, string>,
  };
}

function print(text: string): void {
  process.stdout.write(text);
}
