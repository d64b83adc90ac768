import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FlotillaError, UsageError } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import type { Options, Summary } from '@flotilla/server';
import { replaceOwn } from '../files/replace-own.js';
import { outcomeTable } from '../report/comparison.js';
import { groupRuns } from '../report/groups.js';
import { meanAndStd } from '../report/statistics.js';
import { readRun, runFolders } from '../report/stored-run.js';
import { tableText } from '../report/table.js';
import { interruptible } from '../terminal/interrupt.js';
import type { FlagName } from './flags.js';
import { seedFolder } from './seed-folders.js';

/** As many as anybody waits for. */
const MAX_SEEDS = 1000;
/** A seed that may be the name of a folder. */
const SEED = /^(?!.*\.\.)[\w+][\w.+-]{0,63}$|^-\d{1,15}$/;
const RANGE = /^(-?\d{1,15})\.\.(-?\d{1,15})$/;

/** The seeds that `0..4`, `1,2,7` or `0..2,9` writes. @throws UsageError */
export function parseSeeds(text: string): string[] {
  const refuse = (why: string): never => {
    throw new UsageError(`--seeds cannot be ${JSON.stringify(text)}: ${why}, such as 0..4 or 1,2,7`);
  };
  const seeds = text.split(',').flatMap((part) => {
    const range = RANGE.exec(part);
    if (range !== null) {
      const [from, to] = [Number(range[1]), Number(range[2])];
      if (to < from) refuse('a range goes upwards');
      if (to - from >= MAX_SEEDS) refuse(`at most ${MAX_SEEDS} seeds`);
      return Array.from({ length: to - from + 1 }, (_, k) => String(from + k));
    }
    if (!SEED.test(part)) refuse('each seed is a name of letters, digits, _ . + -, as its folder is called after it');
    return [part];
  });
  if (seeds.length > MAX_SEEDS) refuse(`at most ${MAX_SEEDS} seeds`);
  if (new Set(seeds).size < seeds.length) refuse('each seed once');
  return seeds;
}

/** A seed whose run diverged. */
interface Failure {
  readonly seed: string;
  readonly message: string;
}

/** What runs of several seeds came to: summary.json in the folder above theirs, and what `--json` prints. */
function seedsSummary(runs: readonly Summary[], failed: readonly Failure[]) {
  return { runs, ...meanAndStd(runs), ...(failed.length === 0 ? {} : { failed }) };
}

type InFolder = Options & { readonly out: string };

/**
 * `flotilla start --seeds`: one run after another, in `<out>/seed-<s>`. A seed that diverges leaves the others their turn; the
 * command fails then when all have had theirs.
 * @param seedGiven Whether `--seed` was given too.
 * @param start What `start` has: makes one run, and prints a result.
 */
export async function startSeeds(
  options: InFolder,
  text: string,
  seedGiven: boolean,
  { quiet, json }: Readonly<Record<FlagName, boolean>>,
  {
    trainInto,
    print,
  }: {
    readonly trainInto: (options: InFolder, quiet: boolean) => Promise<Summary>;
    readonly print: (text: string) => void;
  },
): Promise<void> {
  const seeds = parseSeeds(text);
  if (seedGiven) throw new UsageError('--seed and --seeds cannot both be given');
  const { out } = options;
  const folderOf = (seed: string) => join(out, seedFolder(seed));
  const taken = [...['summary.json', 'config.json'].map((name) => join(out, name)), ...seeds.map(folderOf)].find(
    (path) => existsSync(path),
  );
  if (taken !== undefined) {
    throw new UsageError(`--out ${JSON.stringify(out)} has ${basename(taken)} already; name a new folder`);
  }
  const runs: Summary[] = [];
  const failed: Failure[] = [];
  let tables = '';
  const trainAll = async (signal: AbortSignal) => {
    for (const [k, seed] of seeds.entries()) {
      const later = seeds.slice(k + 1);
      const left = later.length === 0 ? '' : `; not begun: ${later.length > 1 ? 'seeds' : 'seed'} ${later.join(', ')}`;
      if (!quiet) process.stderr.write(`seed ${seed} (${k + 1} of ${seeds.length})\n`);
      try {
        runs.push(await trainInto({ ...options, seed, out: folderOf(seed) }, quiet));
      } catch (thrown) {
        const { code, message } = asFlotillaError(thrown);
        if (code === 'aborted' && left !== '') throw new FlotillaError('aborted', message + left, { cause: thrown });
        if (code !== 'diverged') throw thrown;
        failed.push({ seed, message });
      }
      // also when the seed was at its end, as while its report is drawn
      if (signal.aborted && left !== '') {
        throw new FlotillaError('aborted', `interrupted after ${k + 1} of ${seeds.length} seeds${left}`);
      }
    }
  };
  try {
    await interruptible(trainAll);
  } finally {
    if (runs.length > 0) {
      replaceOwn(join(out, 'summary.json'), `${JSON.stringify(seedsSummary(runs, failed), null, 2)}\n`, '{', '--out');
      tables = await leaveReport(out);
    }
  }
  if (json) print(`${JSON.stringify(seedsSummary(runs, failed))}\n`);
  else if (!quiet) print(`\n${tables}\n\nrun folders: ${join(out, seedFolder('…'))}\n`);
  const [first] = failed;
  if (first !== undefined) {
    const others = failed.length === 1 ? '' : ` (and ${failed.length - 1} more)`;
    throw new FlotillaError('diverged', `seed ${first.seed}${others}: ${first.message}`);
  }
}

/** report.html of all seeds in their common folder. Gives what they came to as text. */
async function leaveReport(folder: string): Promise<string> {
  const { PAGE_HEAD, renderPage } = await import('../report/page.js');
  const { reportOf } = await import('../report/run-report.js');
  const runs = runFolders([folder]).map(readRun);
  const grouped = groupRuns(runs);
  try {
    const { title, sections } = reportOf(runs);
    replaceOwn(join(folder, 'report.html'), await renderPage(title, sections), PAGE_HEAD, '--out');
  } catch (thrown) {
    process.stderr.write(`flotilla: report.html was not written: ${asFlotillaError(thrown).message}\n`);
  }
  return `${grouped.title}\n\n${tableText(outcomeTable(grouped))}`;
}
