import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FlotillaError, Spec, systemRuntime, UsageError } from '@flotilla/core';
import { asFlotillaError, parseProblem } from '@flotilla/core/internal';
import {
  AbortedError,
  explain,
  type Options,
  parseOptions,
  type Reporter,
  type Run,
  type Summary,
  type TrainOptions,
  train,
} from '@flotilla/server';
import { hasCheckpoint, readStoredRun } from '@flotilla/server/internal';
import { interruptible } from '../terminal/interrupt.js';
import { programName } from '../terminal/program.js';
import { createProgressDisplay } from '../terminal/progress.js';
import { keepStdout } from '../terminal/streams.js';
import { styleOf } from '../terminal/style.js';
import { dashed, readArguments } from './arguments.js';
import { closingTable } from './closing-table.js';
import { withConfig } from './config-file.js';
import { explanationText } from './explanation.js';
import type { FlagName, SettingName } from './flags.js';
import type { LivePage } from './live-page.js';
import { nextCommands, resumeCommand } from './next-commands.js';
import { seedFolders } from './seed-folders.js';

type Settings = Readonly<Partial<Record<SettingName, string>>>;

/** `flotilla start`: trains. */
export async function start(argv: readonly string[]): Promise<void> {
  const { options: given, flags, settings } = readArguments(argv);
  if (flags.help) {
    const { startHelp } = await import('./help.js');
    process.stdout.write(startHelp(programName('start'), { all: flags.all }));
    return;
  }
  if (flags.version) {
    const path = new URL('../../package.json', import.meta.url);
    process.stdout.write(`${(JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version}\n`);
    return;
  }
  checkResume(settings, flags);
  try {
    await startAs(given, flags, settings);
  } catch (thrown) {
    throw ofStored(thrown, given, settings);
  }
}

async function startAs(
  given: Record<string, unknown>,
  flags: Readonly<Record<FlagName, boolean>>,
  settings: Settings,
): Promise<void> {
  const { resume } = settings;
  const checked =
    resume === undefined
      ? parseOptions(withConfig(given, settings.config, flags.trust))
      : readStoredRun(resume, given, flags.trust).options;
  const print = flags.json ? keepStdout() : (text: string) => void process.stdout.write(text);
  if (flags.measure && !flags.explain) {
    throw new UsageError('--measure belongs to --explain; to train with measured constants: --step-size measured');
  }
  if (flags.explain && settings.dashboard !== undefined) {
    throw new UsageError('--dashboard shows a run, and --explain makes none; leave out one of them');
  }
  if (flags.explain) {
    const explanation = await explain(checked, { measure: flags.measure });
    print(flags.json ? `${JSON.stringify(explanation)}\n` : explanationText(explanation));
    return;
  }
  const out = resume ?? checked.out ?? defaultFolder(checked.method, checked.problem);
  const options = withRun({ ...checked, out });
  if (settings.seeds !== undefined) {
    if (options.transport === 'nats') {
      throw new UsageError(
        '--seeds and --transport nats cannot both be given: hosts leave with the run that they have joined',
      );
    }
    const { startSeeds } = await import('./seeds.js');
    if (settings.dashboard !== undefined) throw noPageOfSeeds(out);
    return startSeeds(options, settings.seeds, 'seed' in given, flags, { trainInto, print });
  }
  const page = settings.dashboard === undefined ? undefined : await livePage(settings.dashboard);
  const again = resume === undefined ? undefined : { ...given, resume, trust: flags.trust, force: flags.force };
  const summary = await trainInto(options, flags.quiet, again, page);
  if (flags.json) print(`${JSON.stringify(summary)}\n`);
  else if (!flags.quiet) {
    const { isTTY, columns } = process.stdout;
    const width = isTTY ? columns || 80 : Number.POSITIVE_INFINITY;
    print(
      closingTable(summary, out, { width, style: styleOf(process.stdout), next: nextCommands(summary, options, out) }),
    );
  }
  await page?.closeUnwatched();
}

/** The live page, loaded: a server takes longer to load than a small run takes to start. @throws UsageError */
async function livePage(port: string): Promise<LivePage> {
  const { LivePage } = await import('./live-page.js');
  return LivePage.prepare(port);
}

function noPageOfSeeds(out: string): UsageError {
  return new UsageError(`--dashboard shows one run; those of --seeds: ${programName('dashboard')} ${out}`);
}

/** A run on a broker has a name there: a random one, where none was given. */
function withRun<T extends Options>(options: T): T {
  if (options.transport !== 'nats' || options.run !== undefined) return options;
  return { ...options, run: randomBytes(6).toString('hex') };
}

/** Refuses what has no meaning together with `--resume`. @throws UsageError */
function checkResume({ resume, config, seeds }: Settings, { force }: Readonly<Record<FlagName, boolean>>): void {
  if (resume === undefined && force) throw new UsageError('--force is for a run that goes on: --resume');
  if (resume === undefined) return;
  if (config !== undefined) throw new UsageError('--config and --resume cannot both be given');
  if (seeds !== undefined) throw new UsageError('--seeds and --resume cannot both be given; resume a folder seed-<s>');
  const each = seedFolders(resume);
  if (each.length === 0 || existsSync(join(resume, 'config.json'))) return;
  throw new UsageError(
    `--resume ${JSON.stringify(resume)} holds ${each.length === 1 ? 'a run' : `${each.length} runs`} of --seeds, and each goes on by itself: --resume ${join(resume, each[0] as string)}`,
  );
}

/** What is wrong with an option that nobody gave, for it was stored with a run: said of where it comes from. */
function ofStored(thrown: unknown, given: Readonly<Record<string, unknown>>, { resume, config }: Settings): unknown {
  const stored = resume === undefined ? config : resume;
  if (!(thrown instanceof FlotillaError) || stored === undefined) return thrown;
  const { code, message, option } = thrown;
  if (option === undefined || ['resume', 'out'].includes(option) || option in given) return thrown;
  if (!message.startsWith(`${option} `)) return thrown;
  const name = dashed(option as keyof Options) + message.slice(option.length);
  const where = `--${resume === undefined ? 'config' : 'resume'} ${JSON.stringify(stored)}`;
  return new FlotillaError(code, `${where}: its ${name}`, { cause: thrown });
}

/** An interrupted run that has not ended by then says that it is about to. */
const ENDING_MS = 300;

/**
 * Trains into a folder, shows how far it is, and leaves a report there.
 * @param again How a run goes on that is in the folder already.
 * @param page Where it can be watched.
 */
async function trainInto(
  options: Options & { out: string },
  quiet: boolean,
  again?: TrainOptions,
  page?: LivePage,
): Promise<Summary> {
  const { out } = options;
  const folder = absolute(out);
  const display = quiet ? undefined : createProgressDisplay(process.stderr, options);
  let run: Run | undefined;
  let left = false;
  const follower: Reporter = {
    row() {
      // with its first row the run has files in the folder
      left = true;
    },
    event({ type, message }) {
      if (quiet && type === 'waiting') process.stderr.write(`${message}\n`);
    },
  };
  const reporters = display === undefined ? [follower] : [follower, display];
  const work = async (signal: AbortSignal) => {
    let failure: string | undefined;
    const ended = new AbortController();
    signal.addEventListener('abort', async () => {
      await systemRuntime.sleep(ENDING_MS, ended.signal);
      if (ended.signal.aborted) return;
      display?.say(`ending: the round under way has ${options.grace} s; interrupt once more to end at once`);
    });
    try {
      const stop = page === undefined ? signal : AbortSignal.any([signal, page.stopped]);
      run = train({ ...(again ?? options), ...page?.callbacks, signal: stop, reporters });
      await page?.open(folder, run, (text) => (display ? display.say(text) : process.stderr.write(`${text}\n`)));
      return await run.result;
    } catch (error) {
      const known = asFlotillaError(error);
      // what was interrupted has a summary, and its report shows that
      if (!(error instanceof AbortedError)) failure = known.message;
      await page?.close();
      // what has diverged does so again
      const isHopeless = known.code === 'usage' || known.code === 'diverged';
      throw isHopeless || !hasCheckpoint(folder) ? error : goingOn(known, out);
    } finally {
      ended.abort();
      display?.stop();
      if (left) await leaveReport(folder, failure);
    }
  };
  return interruptible(work, () => {
    display?.stop();
    run?.terminate();
  });
}

/** The same error with the command that goes on. */
function goingOn({ code, message, cause }: FlotillaError, out: string): FlotillaError {
  return new FlotillaError(code, `${message}; go on with: ${resumeCommand(out)}`, { cause });
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

/** The path from the root, if there still is a current folder: it may be gone when the run ends. */
function absolute(path: string): string {
  try {
    return resolve(path);
  } catch {
    return path;
  }
}

/** runs/<time>-<method>-<problem> */
function defaultFolder(method: string, problem: string): string {
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  return join('runs', `${time}-${Spec.parse('method', method).name}-${parseProblem(problem).spec.name}`);
}
