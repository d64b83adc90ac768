import type { Predictions } from '@flotilla/core';
import { predict as predictWith } from '@flotilla/server';
import { checkNew, writeNew } from '../files/replace-own.js';
import { type Declared, readCommandLine } from '../terminal/command-line.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { keepStdout, printResult } from '../terminal/streams.js';
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
  const { out } = values;
  // refused before anything is computed
  if (out !== undefined) checkNew(out, '--out');
  const print = keepStdout();
  const table = csv(await predictWith(run, use));
  if (out === undefined) return printResult(table, print);
  writeNew(out, table, '--out');
  print(`${out}\n`);
}

function csv(predictions: Predictions): string {
  const columns = Object.values(predictions);
  const lines = [Object.keys(predictions).join(',')];
  const rows = columns[0]?.length ?? 0;
  for (let r = 0; r < rows; r++) lines.push(columns.map((column) => column[r]).join(','));
  return `${lines.join('\n')}\n`;
}
