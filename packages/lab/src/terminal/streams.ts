/**
 * Goes on when stdout or stderr is closed or full: a run is not lost because nobody reads about it. What stdout could not take
 * for another reason than that its reader has gone is said once on stderr.
 */
export function surviveStreams(): void {
  let said = false;
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (said || code === 'EPIPE') return;
    said = true;
    process.stderr.write(`flotilla: stdout cannot be written: ${message}\n`);
  });
  process.stderr.on('error', () => undefined);
}

/**
 * Takes stdout for one result: what anybody else prints, a plug-in on whatever thread, goes to stderr from now on.
 * @returns prints the result
 */
export function keepStdout(): (text: string) => void {
  const print = process.stdout.write.bind(process.stdout);
  // threads print by way of the main thread's stream
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  return print;
}
