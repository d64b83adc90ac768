import type { Predictions } from '@flotilla/core';
import { writeWhole } from '@flotilla/core/internal';
import { predict as predictWith } from '@flotilla/server';
import { type Declared, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { MODEL_OPTIONS, modelAndData } from './model-arguments.js';

const OPTIONS = {
  ...MODEL_OPTIONS,
  out: { type: 'string', path: true, placeholder: 'FILE', description: 'write there instead of printing' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const predictHelp = (program: string) =>
  helpPage(
    [
      {
        title: 'Examples',
        lines: exampleLines([
          [`${program} runs/first --data new.csv`, "what the run's model says of each sample"],
          [`${program} runs/first --data new.csv --out FILE`, 'the same into a new file'],
        ]),
      },
      { title: 'Options', rows: optionRows(OPTIONS) },
    ],
    'CSV: a line of names, then a line for each sample in the order of the data, such as label,probability.',
  );

/** `flotilla predict`. */
export async function predict(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
  if (values.help === true) {
    process.stdout.write(predictHelp(programName('predict')));
    return;
  }
  const { run, use } = modelAndData('predict', positionals, values);
  const table = csv(await predictWith(run, use));
  if (values.out === undefined) {
    process.stdout.write(table);
    return;
  }
  writeWhole(values.out, table);
  process.stdout.write(`${values.out}\n`);
}

function csv(predictions: Predictions): string {
  const columns = Object.values(predictions);
  const lines = [Object.keys(predictions).join(',')];
  const rows = columns[0]?.length ?? 0;
  for (let r = 0; r < rows; r++) lines.push(columns.map((column) => column[r]).join(','));
  return `${lines.join('\n')}\n`;
}
