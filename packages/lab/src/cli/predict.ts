import { writeFileSync } from 'node:fs';
import { FlotillaError, type Predictions, UsageError } from '@flotilla/core';
import { predict as predictWith } from '@flotilla/server';
import { programName } from '../terminal/program.js';
import { MODEL_OPTIONS, readModelArguments } from './model-arguments.js';

/** @param program How the command is called here. */
export const predictHelp = (
  program: string,
) => `${program} RUN --data DATA [--out FILE]   what a run's model says of each sample

${MODEL_OPTIONS}  --out FILE      write there instead of printing

CSV: a line of names, then a line for each sample in the order of the data, such as label,probability.
`;

/** `flotilla predict`. */
export async function predict(argv: readonly string[]): Promise<void> {
  const { help, run, use, out, json } = readModelArguments('predict', argv);
  if (help) {
    process.stdout.write(predictHelp(programName('predict')));
    return;
  }
  if (json) throw new UsageError('predict prints CSV; leave out --json');
  const table = csv(await predictWith(run, use));
  if (out === undefined) {
    process.stdout.write(table);
    return;
  }
  try {
    writeFileSync(out, table, { flag: 'wx' });
  } catch (cause) {
    throw new FlotillaError('io', `${out} cannot be written: ${(cause as Error).message}`, { cause });
  }
  process.stdout.write(`${out}\n`);
}

function csv(predictions: Predictions): string {
  const columns = Object.values(predictions);
  const lines = [Object.keys(predictions).join(',')];
  const rows = columns[0]?.length ?? 0;
  for (let r = 0; r < rows; r++) lines.push(columns.map((column) => column[r]).join(','));
  return `${lines.join('\n')}\n`;
}
