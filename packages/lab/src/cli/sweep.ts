import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { FlotillaError, Spec, systemRuntime, UsageError } from '@flotilla/core';
import { makeFolder, printed, reasonOf } from '@flotilla/core/internal';
import { type Options, parseOptions } from '@flotilla/server';
import { type Ending, Fingerprints, runInFolders } from '../experiment/folder-runs.js';
import { type Grid, readGrid } from '../experiment/grid.js';
import { hasTarget, readScore, SCORE_NAMES } from '../experiment/score.js';
import { type SweepPoint, sweepCsv, sweepResults, sweepSections, sweepTable } from '../experiment/sweep-results.js';
import { replaceOwn } from '../files/replace-own.js';
import { PAGE_HEAD, renderPage } from '../report/page.js';
import { readRun } from '../report/stored-run.js';
import { tableText } from '../report/table.js';
import { countOption, withHome } from '../terminal/command-line.js';
import { interruptible } from '../terminal/interrupt.js';
import { programName } from '../terminal/program.js';
import { keepStdout } from '../terminal/streams.js';
import { createWorkProgress, type WorkAt } from '../terminal/work-progress.js';
import { readArguments } from './arguments.js';
import { withConfig } from './config-file.js';
import { parseSeeds } from './seeds.js';

/** @param program How the command is called here. */
export const sweepHelp = (program: string) => `${program} [options of start, with lists]
Trains over a grid of options:
  ${program} --step-size 'theory*{0.5,1,2}' --seeds 0..2

A value may have a list in braces, {a,b,c} or {0..4}; an option may be given
several values, or several times. Several lists make a grid. Every run has a
folder of its own, and goes on one thread unless --transport, --threads or
--link is given. The same command again goes on where it was: runs that have
ended are not made again.

  --best METRIC    what the points are ranked by: bytes-to-target if there is
                   a target, else loss. max:METRIC for the largest. One of
                   ${SCORE_NAMES.slice(0, 6).join(' ')}
                   ${SCORE_NAMES.slice(6, 10).join(' ')}
                   ${SCORE_NAMES.slice(10, 12).join(' ')}
                   ${SCORE_NAMES.slice(12, 14).join(' ')}
                   ${SCORE_NAMES.slice(14).join(' ')}
  --seeds A,B,…    or 0..4: every point with each of these seeds
  --config FILE    options from a run's config.json
  --trust          that file may name modules and commands
  --parallel N     runs at a time (default: one per core, or 1 when each run has
                   threads of its own)
  --out DIR        results.json, results.csv, report.html, and the run folders
                   in runs/ (default: a folder in runs, named after the grid)
  --json           results.json on stdout
  --quiet          no progress and no table
`;

const SYNTAX = {
  flags: { '--json': 'json', '--quiet': 'quiet', '-q': 'quiet', '--trust': 'trust', '--help': 'help', '-h': 'help' },
  own: ['best', 'seeds', 'config', 'parallel', 'out'],
  lists: ['plugin'],
  refused: ['explain', 'version'],
};

/** `flotilla sweep`. */
export async function sweep(argv: readonly string[]): Promise<void> {
  const grid = readGrid(argv, SYNTAX);
  if (grid.flags.has('help')) {
    process.stdout.write(sweepHelp(programName('sweep')));
    return;
  }
  const quiet = grid.flags.has('quiet');
  const print = grid.flags.has('json') ? keepStdout() : (text: string) => void process.stdout.write(text);
  const { points, ownThreads } = readPoints(grid);
  const parallel = countOption('parallel', grid.own.get('parallel')) ?? (ownThreads ? 1 : availableParallelism());
  const first = points[0]?.runs[0]?.options as Options;
  const targeted = points.every(({ runs }) => runs.every(({ options }) => hasTarget(options)));
  const score = readScore(grid.own.get('best') ?? (targeted ? 'bytes-to-target' : 'loss'), targeted);
  const fingerprint = Fingerprints.together(points.flatMap(({ runs }) => runs.map(({ key }) => key)));
  const out = pathOf(grid, 'out') ?? join('runs', `sweep-${Spec.parse('method', first.method).name}-${fingerprint}`);
  try {
    makeFolder(resolve(out, 'runs'));
  } catch (cause) {
    throw new UsageError(`--out ${printed(out)} cannot be written: ${reasonOf(cause)}`, { cause });
  }
  const folders = points.flatMap(({ runs }) => runs.map((run) => ({ ...run, folder: join(out, 'runs', run.name) })));
  const { log, progress, stop } = createWorkProgress(process.stderr, systemRuntime);
  let told = false;
  const onProgress = (at: WorkAt) => {
    if (!told) log(`${at.left} runs to make, ${at.known} known from before, ${parallel} at a time`);
    told = true;
    progress(at);
  };
  let endings: Ending[];
  let interrupted = false;
  try {
    endings = await interruptible(async (signal) => {
      const options = { parallel, signal, runtime: systemRuntime, progress: quiet ? () => undefined : onProgress };
      const ended = await runInFolders(folders, options);
      interrupted = signal.aborted;
      return ended;
    });
  } finally {
    stop();
  }
  let k = 0;
  const swept = points.map(({ values, runs }): SweepPoint => {
    const members = runs.map(({ options: { seed } }) => {
      const [{ folder }, ending] = [folders[k] as (typeof folders)[0], endings[k] as Ending];
      k++;
      return { seed, folder, ending, stored: ending.status === 'finished' ? readRun(folder) : undefined };
    });
    return { values, runs: members };
  });
  const command = [programName('sweep'), ...argv].join(' ');
  const results = sweepResults(swept, grid.axes, score, command);
  replaceOwn(join(out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`, '{\n "sweep":', '--out');
  replaceOwn(join(out, 'results.csv'), sweepCsv(swept, grid.axes, score), 'folder,', '--out');
  const { title, sections } = sweepSections(swept, grid.axes, score, command);
  replaceOwn(join(out, 'report.html'), await renderPage(title, sections), PAGE_HEAD, '--out');
  if (grid.flags.has('json')) print(`${JSON.stringify(results)}\n`);
  else if (!quiet)
    print(`${tableText(sweepTable(swept, grid.axes, score))}\n\n${closing(results.best, score.name, out)}`);
  refuse(endings, interrupted);
}

function closing(best: ReturnType<typeof sweepResults>['best'], score: string, out: string): string {
  if (best === null) return `no point has ${score} for every seed\nresults: ${out}\n`;
  const options = Object.entries(best.options).map(([option, value]) => ` --${option} ${value}`);
  return `best:${options.join('')}\n  in ${best.folders.join(' ')}\nresults: ${out}\n`;
}

/** Ends the command with what went wrong; runs that diverged are results. */
function refuse(endings: readonly Ending[], interrupted: boolean): void {
  const failed = endings.filter((ending) => ending.status === 'failed');
  const [first] = failed;
  const ended = endings.filter(({ status }) => status === 'finished' || status === 'diverged').length;
  if (interrupted) {
    const message = `the sweep was interrupted after ${ended} of ${endings.length} runs; the same command goes on`;
    throw new FlotillaError('aborted', message);
  }
  if (first === undefined) return;
  const others = failed.length === 1 ? 'one run' : `${failed.length} runs`;
  throw new FlotillaError(first.code, `${others} of ${endings.length} failed: ${first.message}`);
}

/** Every point with its checked options, a seed each. @throws UsageError */
function readPoints(grid: Grid) {
  const { points, axes, own, flags } = grid;
  const config = pathOf(grid, 'config');
  const seedsText = own.get('seeds');
  const seeds = seedsText === undefined ? undefined : parseSeeds(seedsText);
  const prints = new Fingerprints(version());
  let ownThreads = false;
  const read = points.map((words) => {
    const { options: given } = readArguments(words.map(([name, value]) => `--${name}=${value}`));
    if (seeds !== undefined && 'seed' in given) throw new UsageError('--seed and --seeds cannot both be given');
    const threaded = ['transport', 'threads', 'link'].some((name) => name in given);
    ownThreads ||= threaded;
    const loopback = threaded ? {} : { transport: 'loopback' };
    const all = { ...withConfig(given, config, flags.has('trust')), ...loopback };
    const values = axes.map(({ option }) => words.find(([name]) => name === option)?.[1] ?? '');
    const runs = (seeds ?? [undefined]).map((seed) => {
      const options = parseOptions(seed === undefined ? all : { ...all, seed });
      const key = prints.of(options);
      const named = [...values, ...(seed === undefined ? [] : [`seed-${seed}`])]
        .map(slug)
        .filter((part) => part !== '');
      return { options, key, name: `${[...named, key].join('_')}` };
    });
    return { values, runs };
  });
  return { points: read, ownThreads };
}

/** The path that an option of the sweep itself gives. @throws UsageError */
function pathOf({ own }: Grid, option: string): string | undefined {
  const path = own.get(option);
  if (path === '') throw new UsageError(`--${option} must not be empty`);
  return path === undefined ? undefined : withHome(`--${option}`, path);
}

/** A value as a part of a file's name. */
const slug = (value: string) =>
  value
    .replace(/[^\w.]+/g, '-')
    .replace(/^[-.]+|-+$/g, '')
    .slice(0, 40);

function version(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
