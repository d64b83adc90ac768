import { type ErrorCode, UsageError } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';

/** What each exit code says. */
export const EXIT_CODES = {
  0: 'finished, by any stop rule',
  1: 'the run failed: diverged, a worker lost, a file that cannot be read or written',
  2: 'bad usage: one line says what is wrong and what is allowed',
  130: 'interrupted by Ctrl-C or SIGTERM; the run folder has the summary of the rounds until then, if there were any',
} as const;

/** Exit codes by cause; every other failure is 1. */
const EXIT_CODE_OF: Partial<Record<ErrorCode, keyof typeof EXIT_CODES>> = { usage: 2, aborted: 130 };

/** Runs a command's program to its end: what it throws becomes one line on stderr and an exit code. */
export async function runProgram(main: (argv: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await main(process.argv.slice(2));
  } catch (thrown) {
    const error = asFlotillaError(thrown);
    process.stderr.write(`flotilla: ${error.message}\n`);
    if (error.code === 'internal') process.stderr.write(`${error.stack}\n`);
    process.exitCode = EXIT_CODE_OF[error.code] ?? 1;
  }
}

/** How a command is called here: `pnpm start` by the repository's scripts, else `flotilla start`. */
export function programName(command: string): string {
  const { npm_lifecycle_event: script, npm_package_name: name } = process.env;
  return name === 'flotilla-workspace' && script === command ? `pnpm ${command}` : `flotilla ${command}`;
}

/** What `parse` gives. @throws UsageError with the first sentence of parseArgs' complaint and the options there are. */
export function parseOrRefuse<T>(parse: () => T, known: readonly string[]): T {
  try {
    return parse();
  } catch (cause) {
    const reason = ((cause as Error).message.split(/\.?\n|\. /)[0] as string).replace(/ <value>/, '');
    throw new UsageError(`${reason}; known: ${known.map((name) => `--${name}`).join(' ')}`, { cause });
  }
}

/** The words with negative numbers joined to the option before them: `--target-loss -1` is `--target-loss=-1`. */
export function joinNegative(argv: readonly string[]): string[] {
  return argv.reduce<string[]>((words, word) => {
    const before = words.at(-1);
    if (/^-[\d.]/.test(word) && before?.startsWith('--') && !before.includes('=')) words.push(`${words.pop()}=${word}`);
    else words.push(word);
    return words;
  }, []);
}

/** The whole number from 1 to 1000 that an option gives; undefined when it is not given. @throws UsageError */
export function countOption(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= 1000)) {
    throw new UsageError(`${option} cannot be ${JSON.stringify(text)}; it is a whole number, 1 to 1000`);
  }
  return value;
}
