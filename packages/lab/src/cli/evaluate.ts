import { UsageError } from '@flotilla/core';
import { evaluate as evaluateModel } from '@flotilla/server';
import { number } from '../terminal/format.js';
import { programName } from '../terminal/program.js';
import { MODEL_OPTIONS, readModelArguments } from './model-arguments.js';

/** @param program How the command is called here. */
export const evaluateHelp = (
  program: string,
) => `${program} RUN --data DATA [--json]   f and metrics of a run's model on data

${MODEL_OPTIONS}  --json          print one JSON object: loss, and the metrics of the problem
`;

/** `flotilla evaluate`. */
export async function evaluate(argv: readonly string[]): Promise<void> {
  const { help, run, use, out, json } = readModelArguments('evaluate', argv);
  if (help) {
    process.stdout.write(evaluateHelp(programName('evaluate')));
    return;
  }
  if (out !== undefined) throw new UsageError('evaluate prints what it finds; leave out --out');
  const found = await evaluateModel(run, use);
  if (json) {
    process.stdout.write(`${JSON.stringify(found)}\n`);
    return;
  }
  const names = Object.keys(found);
  const width = Math.max(...names.map((name) => name.length));
  for (const name of names) process.stdout.write(`${name.padEnd(width)}  ${number(found[name] as number)}\n`);
}
