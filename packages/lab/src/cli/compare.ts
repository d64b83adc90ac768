import { parseArgs } from 'node:util';
import { UsageError } from '@flotilla/core';
import { comparisonJson, differencesTable, goalTable, outcomeTable } from '../report/comparison.js';
import { groupRuns } from '../report/groups.js';
import { latexTable } from '../report/latex.js';
import { commonGoal, readGoals } from '../report/measures.js';
import { readRun, runFolders } from '../report/stored-run.js';
import { tableText } from '../report/table.js';
import { joinNegative, parseOrRefuse, programName } from '../terminal/program.js';

/** @param program How the command is called here. */
export const compareHelp = (program: string) => `${program} RUN RUN… [options]   run folders side by side
What differs between them, f, ‖∇f‖², metrics, bytes, wall seconds, and what
each needed to reach a value. Runs that differ in their seed only become one
line: mean ± standard deviation. The folder of start --seeds, or of a sweep,
stands for the runs in it.

  --target V         the value: ‖∇f‖² ≤ V (default: what every run has reached)
  --target-loss V    or f ≤ V
  --json             everything as one object, every run's numbers too
  --latex            tables for a paper, for the package booktabs
`;

/** `flotilla compare`. */
export async function compare(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseOrRefuse(() => read(argv), Object.keys(OPTIONS));
  if (values.help === true) {
    process.stdout.write(compareHelp(programName('compare')));
    return;
  }
  if (positionals.length === 0) throw new UsageError('compare needs the folders of runs');
  if (values.json === true && values.latex === true) throw new UsageError('--json and --latex cannot both be given');
  const runs = runFolders(positionals).map(readRun);
  const grouped = groupRuns(runs);
  const chosen = readGoals(values.target, values['target-loss']);
  const shared = chosen.length === 0 ? commonGoal(runs) : undefined;
  if (values.json === true) {
    const goals = shared === undefined ? chosen : [shared];
    process.stdout.write(`${JSON.stringify(comparisonJson(grouped, goals))}\n`);
    return;
  }
  const tables = [
    outcomeTable(grouped),
    ...chosen.map((goal) => goalTable(grouped, goal)),
    ...(shared === undefined ? [] : [goalTable(grouped, shared, ', what every run has reached')]),
  ];
  if (values.latex === true) process.stdout.write(tables.map(latexTable).join('\n'));
  else {
    const differing = grouped.groups.length > 1 ? [differencesTable(grouped)] : [];
    process.stdout.write(`${[grouped.title, ...[...differing, ...tables].map(tableText)].join('\n\n')}\n`);
  }
}

const OPTIONS = {
  target: { type: 'string' },
  'target-loss': { type: 'string' },
  json: { type: 'boolean' },
  latex: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const read = (argv: readonly string[]) =>
  parseArgs({ args: joinNegative(argv), options: OPTIONS, allowPositionals: true });
