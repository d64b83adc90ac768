import { reasonOf } from '@flotilla/core/internal';

/**
 * Goes on when stdout or stderr is closed or full: a run is not lost because nobody reads about it. What stdout could not take
 * for another reason than that its reader has gone is said once on stderr.
 */
export function surviveStreams(): void {
  let said = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (said || error.code === 'EPIPE') return;
    said = true;
    process.stderr.write(`flotilla: stdout cannot be written: ${reasonOf(error)}\n`);
  });
  process.stderr.on('error', () => undefined);
}

/** Writes to stdout; `done` is told what kept the text from being written. */
export type Print = (text: string, done?: (error?: Error | null) => void) => void;

/** Prints what a command is asked for: where stdout cannot take it, other than that its reader has gone, the command has failed. */
export function printResult(text: string, print: Print = process.stdout.write.bind(process.stdout)): void {
  print(text, (error) => {
    if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') process.exitCode = 1;
  });
}

/**
 * Takes stdout for one result: what anybody else prints, a plug-in on whatever thread, goes to stderr from now on.
 * @returns prints the result
 */
export function keepStdout(): Print {
  const print: Print = process.stdout.write.bind(process.stdout);
  // threads print by way of the main thread's stream
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  return print;
}
