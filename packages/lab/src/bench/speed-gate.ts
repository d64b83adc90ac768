import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { FlotillaError, UsageError } from '@flotilla/core';
import { printed, reasonOf } from '@flotilla/core/internal';
import { median } from '../report/statistics.js';
import type { BenchContext, BenchReport } from './bench.js';
import { measureRounds } from './measure-rounds.js';
import { referenceLoop } from './reference-loop.js';

/** How many times its stored ratio a job may take. */
const ALLOWED = 1.5;
/** Pairs of a measurement and a reference loop, of which the median counts, and how often a job that fails is measured again. */
const PAIRS = 5;
const AGAIN = 5;
const BUDGET_MS = 150;

/** Jobs by name, few and short: the hot path of small and large rounds, on one thread and on the cores there are. */
const JOBS: Readonly<Record<string, Record<string, unknown>>> = {
  'm3, quadratics, n = 1, d = 112': { problem: 'heterogeneous-quadratic:d=112', workers: 1, threads: 'auto' },
  'm3, quadratics, n = 20, d = 112, one thread': {
    problem: 'heterogeneous-quadratic:d=112',
    workers: 20,
    transport: 'loopback',
  },
  'm3, quadratics, n = 20, d = 25,088': { problem: 'heterogeneous-quadratic:d=25088', workers: 20, threads: 'auto' },
  'marina, quadratics, n = 100, d = 1,000': {
    problem: 'heterogeneous-quadratic:d=1000',
    workers: 100,
    method: 'marina',
    threads: 'auto',
  },
};

/** What is stored. */
interface Stored {
  readonly cores: number;
  /** By job, milliseconds a round over milliseconds of the reference loop. */
  readonly ratios: Readonly<Record<string, number>>;
}

/**
 * Fails where a job takes 1.5 times as long as it did, in units of a reference loop that is timed beside it. The file is made where
 * it is not there. With another number of cores than its machine had, only jobs that got slower on one thread can be told.
 * @throws FlotillaError `limit` naming the jobs that have become slower
 */
export async function gate(context: BenchContext, path: string, jobs = JOBS): Promise<BenchReport> {
  const stored = readGate(path);
  const rows: { job: string; stored: number | undefined; ratio: number; tries: number }[] = [];
  for (const [job, input] of Object.entries(jobs)) {
    if (stored !== undefined && stored.cores !== availableParallelism() && input.transport !== 'loopback') continue;
    const due = stored?.ratios[job];
    let ratio = Number.POSITIVE_INFINITY;
    let tries = 0;
    do {
      ratio = Math.min(ratio, await ratioOf(context, input));
      tries++;
    } while (due !== undefined && ratio > ALLOWED * due && tries < AGAIN);
    context.log(
      `${job}: ${ratio.toPrecision(3)} reference loops in ${tries} ${tries === 1 ? 'measurement' : 'measurements'}`,
    );
    rows.push({ job, stored: due, ratio, tries });
  }
  if (stored === undefined) {
    const ratios = Object.fromEntries(rows.map(({ job, ratio }) => [job, Number(ratio.toPrecision(3))]));
    writeFileSync(path, `${JSON.stringify({ cores: availableParallelism(), ratios }, null, 2)}\n`);
  }
  const slower = rows.filter(({ stored: due, ratio }) => due !== undefined && ratio > ALLOWED * due);
  if (slower.length > 0) {
    const said = slower.map(({ job, stored: due = 0, ratio }) => `${job}: ${(ratio / due).toFixed(2)} times`);
    throw new FlotillaError('limit', `rounds take longer than ${ALLOWED} times what ${path} says: ${said.join('; ')}`);
  }
  return {
    results: { rows },
    tables: [
      {
        title: `Milliseconds a round, in units of a reference loop (at most ${ALLOWED} times what is stored)`,
        columns: ['job', 'stored', 'now', 'now / stored', 'measured'],
        rows: rows.map(({ job, stored: due, ratio, tries }) => [job, due ?? '–', ratio, ratio / (due ?? ratio), tries]),
      },
    ],
  };
}

/** The median of a job's rounds over the loop before it and after it. */
async function ratioOf({ runtime, smoke }: BenchContext, input: Record<string, unknown>): Promise<number> {
  const ratios: number[] = [];
  for (let pair = 0; pair < (smoke ? 1 : PAIRS); pair++) {
    const before = referenceLoop(runtime);
    const { msPerRound } = await measureRounds(input, smoke ? 5 : BUDGET_MS, runtime);
    ratios.push((2 * msPerRound) / (before + referenceLoop(runtime)));
  }
  return median(ratios);
}

/** What is stored; undefined where there is no file. @throws UsageError for one that is another's */
function readGate(path: string): Stored | undefined {
  const refused = (why: string, cause?: unknown) =>
    new UsageError(`--gate ${printed(path)} must be a file that bench speed --gate has made: ${why}`, { cause });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw refused(reasonOf(cause), cause);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw refused('it is no JSON', cause);
  }
  const { cores, ratios } = (content ?? {}) as Partial<Stored>;
  if (typeof cores !== 'number' || typeof ratios !== 'object' || !Object.values(ratios ?? { none: '' }).every(Number)) {
    throw refused('it has no ratios');
  }
  return { cores, ratios };
}
