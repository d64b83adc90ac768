import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Spec } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import { AbortedError, explain, type Options, parseOptions, type Summary, train } from '@flotilla/server';
import { StoppingCriteria } from '@flotilla/server/internal';
import { programName } from '../terminal/program.js';
import { createProgressDisplay } from '../terminal/progress.js';
import { readArguments } from './arguments.js';
import { closingTable } from './closing-table.js';
import { withConfig } from './config-file.js';
import { explanationText } from './explanation.js';

/** `flotilla start`: trains. */
export async function start(argv: readonly string[]): Promise<void> {
  const { options: given, flags, settings } = readArguments(argv);
  if (flags.help) {
    const { startHelp } = await import('./help.js');
    process.stdout.write(await startHelp(programName('start')));
    return;
  }
  if (flags.version) {
    const path = new URL('../../package.json', import.meta.url);
    process.stdout.write(`${(JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version}\n`);
    return;
  }
  const checked = parseOptions(withConfig(given, settings.config, flags.trust));
  if (flags.explain) {
    const explanation = await explain(checked);
    process.stdout.write(flags.json ? `${JSON.stringify(explanation)}\n` : explanationText(explanation));
    return;
  }
  const out = checked.out ?? defaultFolder(checked.method, checked.problem);
  const options = { ...checked, out };
  if (settings.seeds !== undefined) {
    const { startSeeds } = await import('./seeds.js');
    return startSeeds(options, settings.seeds, 'seed' in given, flags, trainInto);
  }
  const summary = await trainInto(options, flags.quiet);
  if (flags.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else if (!flags.quiet) process.stdout.write(closingTable(summary, out));
}

/** Trains into a folder, shows how far it is, and leaves a report there. */
async function trainInto(options: Options & { out: string }, quiet: boolean): Promise<Summary> {
  const { out } = options;
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  const display = quiet ? undefined : createProgressDisplay(process.stderr, new StoppingCriteria(options).rounds);
  let failure: string | undefined;
  try {
    const run = train({
      ...options,
      signal: interrupt.signal,
      onProgress: (at) => display?.progress(at),
    });
    for await (const row of run) display?.metrics(row);
    display?.stop();
    return await run.result;
  } catch (error) {
    display?.stop();
    // what was interrupted has a summary, and its report shows that
    if (!(error instanceof AbortedError)) failure = asFlotillaError(error).message;
    throw error;
  } finally {
    if (existsSync(join(out, 'config.json'))) await leaveReport(out, failure);
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onInterrupt);
  }
}

/** report.html; a run that could not draw its report is still a run. */
async function leaveReport(folder: string, failure: string | undefined): Promise<void> {
  try {
    // the chart library takes longer to load than a small run takes to start: only now
    const { writeRunReport } = await import('../report/run-report.js');
    await writeRunReport(folder, failure);
  } catch (thrown) {
    process.stderr.write(`flotilla: report.html was not written: ${asFlotillaError(thrown).message}\n`);
  }
}

/** runs/<time>-<method>-<problem> */
function defaultFolder(method: string, problem: string): string {
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  return join('runs', `${time}-${Spec.parse('method', method).name}-${Spec.parse('problem', problem).name}`);
}
