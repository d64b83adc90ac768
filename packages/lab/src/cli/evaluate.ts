import { evaluate as evaluateModel } from '@flotilla/server';
import { type Declared, readCommandLine } from '../terminal/command-line.js';
import { number } from '../terminal/format.js';
import { exampleLines, helpPage, optionRows } from '../terminal/help-page.js';
import { programName } from '../terminal/program.js';
import { keepStdout, printResult } from '../terminal/streams.js';
import { MODEL_OPTIONS, modelAndData } from './model-arguments.js';

const OPTIONS = {
  ...MODEL_OPTIONS,
  json: { type: 'boolean', description: 'print one JSON object: loss, and the metrics of the problem' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies Record<string, Declared>;

/** @param program How the command is called here. */
export const evaluateHelp = (program: string) =>
  helpPage(
    [
      {
        title: 'Examples',
        lines: exampleLines([[`${program} runs/first --data held-out.csv`, "f and metrics of the run's model"]]),
      },
      { title: 'Options', rows: optionRows(OPTIONS) },
    ],
    'A run folder, or a model.safetensors, and the data to look at.',
  );

/** `flotilla evaluate`. */
export async function evaluate(argv: readonly string[]): Promise<void> {
  const { values, positionals } = readCommandLine(argv, OPTIONS);
  if (values.help === true) {
    process.stdout.write(evaluateHelp(programName('evaluate')));
    return;
  }
  const { run, use } = modelAndData('evaluate', positionals, values);
  const print = keepStdout();
  const found = await evaluateModel(run, use);
  if (values.json === true) return printResult(`${JSON.stringify(found)}\n`, print);
  const names = Object.keys(found);
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) => `${name.padEnd(width)}  ${number(found[name] as number)}\n`);
  printResult(lines.join(''), print);
}
