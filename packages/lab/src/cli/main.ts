#!/usr/bin/env node
import { programName, runProgram } from '../terminal/program.js';
import { commands, loadCommand } from './commands.js';

/** `flotilla COMMAND …`; options alone are those of `start`. */
async function main(argv: readonly string[]): Promise<void> {
  const words = withoutSeparator(argv);
  const [first, ...rest] = words;
  if (first === 'help') return help(rest);
  // with nothing but these nobody has said what to train
  if (words.length > 0 && words.every((word) => ['--help', '-h', '--all'].includes(word))) return help(words);
  if (first === undefined || first.startsWith('-')) return (await loadCommand('start'))(words);
  return (await loadCommand(first))(withoutSeparator(rest));
}

/** `flotilla help` and `flotilla help COMMAND …`, which is `flotilla COMMAND … --help`. */
async function help(words: readonly string[]): Promise<void> {
  const [command, ...rest] = words;
  if (command !== undefined && !command.startsWith('-')) return (await loadCommand(command))([...rest, '--help']);
  const { startHelp } = await import('./help.js');
  process.stdout.write(startHelp(programName('start'), { all: words.includes('--all'), commands }));
}

/** `pnpm start -- --workers 20` hands the separator on, to the program or behind the command. */
function withoutSeparator(argv: readonly string[]): readonly string[] {
  return argv[0] === '--' ? argv.slice(1) : argv;
}

await runProgram(async (argv) => {
  try {
    await main(argv);
  } catch (thrown) {
    const { asGiven } = await import('./arguments.js');
    throw asGiven(thrown);
  }
});
