import { UsageError } from '@flotilla/core';
import { comparisonJson, differencesTable, goalTable, outcomeTable } from '../report/comparison.js';
import { groupRuns } from '../report/groups.js';
import { latexTable } from '../report/latex.js';
import { commonGoal, readGoals } from '../report/measures.js';

import { tableText } from '../report/table.js';
import { type Declared, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { printResult } from '../terminal/streams.js';
import { readRuns } from './read-runs.js';

const OPTIONS = {
  target: {
    type: 'string',
    placeholder: 'V',
    description: 'what each run needed to reach ‖∇f‖² ≤ V (default: what every run has reached)',
  },
  'target-loss': { type: 'string', placeholder: 'V', description: 'the same for f ≤ V' },
  json: { type: 'boolean', description: "everything as one object, every run's numbers too" },
  latex: { type: 'boolean', description: 'tables for a paper, for the package booktabs' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const compareHelp = (program: string) =>
  helpPage(
    [
      {
        title: 'Examples',
        lines: exampleLines([
          [`${program} runs/a runs/b`, 'two runs side by side'],
          [`${program} runs/seeds runs/other --target 1e-4`, ''],
        ]),
      },
      { title: 'Options', rows: optionRows(OPTIONS) },
    ],
    'What differs between the runs, f, ‖∇f‖², metrics, bytes, wall seconds, and what each needed to reach a value. Runs that differ in their seed only become one line: mean ± standard deviation. The folder of start --seeds, or of a sweep, stands for the runs in it.',
  );

/** `flotilla compare`. */
export async function compare(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
  if (values.help === true) {
    process.stdout.write(compareHelp(programName('compare')));
    return;
  }
  if (positionals.length === 0) throw new UsageError('compare needs the folders of runs');
  if (values.json === true && values.latex === true) throw new UsageError('--json and --latex cannot both be given');
  const runs = readRuns(positionals);
  const grouped = groupRuns(runs);
  const chosen = readGoals(values.target, values['target-loss']);
  const shared = chosen.length === 0 ? commonGoal(runs) : undefined;
  if (values.json === true) {
    const goals = shared === undefined ? chosen : [shared];
    printResult(`${JSON.stringify(comparisonJson(grouped, goals))}\n`);
    return;
  }
  const tables = [
    outcomeTable(grouped),
    ...chosen.map((goal) => goalTable(grouped, goal)),
    ...(shared === undefined ? [] : [goalTable(grouped, shared, ', what every run has reached')]),
  ];
  if (values.latex === true) printResult(tables.map(latexTable).join('\n'));
  else {
    const differing = grouped.groups.length > 1 ? [differencesTable(grouped)] : [];
    printResult(`${[grouped.title, ...[...differing, ...tables].map(tableText)].join('\n\n')}\n`);
  }
}
