import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { FlotillaError } from '@flotilla/core';
import type { TrainOptions } from '@flotilla/server';
import { median } from '../report/statistics.js';
import { numberOption } from '../terminal/command-line.js';
import type { Bench } from './bench.js';
import type { Held, Soaked } from './soak-run.js';

const WORKERS = 20;
/** Rounds between two losses of a worker. */
const LIFE = 1000;
/** What is allocated once, code that is compiled and heaps that find their size, is there by then. */
const WARM = 0.2;

/** What a long run holds, and whether that grows. */
export const soak: Bench = {
  name: 'soak',
  summary: 'memory over a hundred thousand rounds, undisturbed and with a worker lost every thousand',
  options: { rounds: 'rounds of each run (default 100000)' },
  async run({ quick, smoke, log, options }) {
    const fits = (value: number) => Number.isInteger(value) && value >= 100 && value <= 1e9;
    const given = numberOption('rounds', options.rounds, 'a whole number from 100 to 1000000000', fits);
    const rounds = given ?? (smoke ? 100 : quick ? 10_000 : 100_000);
    const life = smoke ? 40 : LIFE;
    const found: { name: string; soaked: Soaked }[] = [];
    for (const { name, ...job } of jobs(life)) {
      const soaked = await inProcess({ ...common(rounds), ...job });
      found.push({ name, soaked });
      log(`${name}: ${rounds} rounds in ${soaked.seconds.toFixed(1)} s`);
    }
    const hashes = new Set(found.map(({ soaked: { xHash } }) => xHash));
    if (hashes.size > 1) throw new FlotillaError('internal', 'the runs of one job came to different x');
    return {
      results: { rounds, workers: WORKERS, runs: found },
      tables: [
        {
          title: `${rounds} rounds of M3, ${WORKERS} workers, d = 112, from round ${WARM * rounds} on`,
          columns: [
            '',
            'bytes a round, server’s thread',
            'in all',
            'RSS first',
            'last',
            'drift',
            'restarts',
            'rounds again',
            'seconds',
          ],
          rows: found.map(({ name, soaked }) => {
            const { aRound, total, first, last } = growth(soaked.held, rounds);
            const { restarts, repeatedRounds, seconds } = soaked;
            return [
              ...[
                name,
                aRound.toFixed(3),
                megabytes(total),
                megabytes(first),
                megabytes(last),
                megabytes(last - first),
              ],
              ...[restarts, repeatedRounds, seconds.toFixed(1)],
            ];
          }),
        },
      ],
      notes: [
        'Bytes a round are the growth of heap, external memory and array buffers of the server’s thread after garbage was collected, the median over a hundredth of the rounds each; in all: between the means of the first fifth after warming up and of the last, with what is allocated once, such as code that is compiled again. RSS is that of the whole process, all workers’ threads included, which nobody asks to collect theirs.',
        'A worker is lost by the end of its thread. All runs come to the same x, or the bench fails.',
      ],
    };
  },
};

function jobs(life: number): ({ readonly name: string } & TrainOptions)[] {
  const problem = fileURLToPath(new URL('./soak-problem.js', import.meta.url));
  return [
    { name: 'two threads', problem },
    { name: 'one thread (loopback)', problem, transport: 'loopback' },
    {
      name: `two threads, a worker lost every ${life} rounds`,
      problem: `${problem}:life=${life}`,
      maxRestarts: 1e6,
      checkpointEvery: Math.ceil(life / 8),
    },
  ];
}

const common = (rounds: number): TrainOptions => ({
  method: 'm3',
  workers: WORKERS,
  threads: 2,
  rounds,
  evalEvery: Math.max(10, Math.round(rounds / 100)),
});

async function inProcess(job: TrainOptions): Promise<Soaked> {
  const program = fileURLToPath(new URL('./soak-run.js', import.meta.url));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, JSON.stringify(job)]);
    return JSON.parse(stdout) as Soaked;
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new FlotillaError('internal', `a soak has failed: ${stderr.trim().split('\n').at(-1)}`, { cause });
  }
}

/** What was held in the first fifth after warming up, and in the last, and how it grew between them. */
function growth(held: readonly Held[], rounds: number) {
  // at the end of the last round the mailboxes are given back
  const warm = held.filter(({ round }) => round >= WARM * rounds && round < rounds);
  const steps = warm.slice(1).map(({ round, own }, k) => {
    const before = warm[k] as Held;
    return (own - before.own) / (round - before.round);
  });
  const early = warm.filter(({ round }) => round <= 2 * WARM * rounds);
  const late = warm.filter(({ round }) => round >= (1 - WARM) * rounds);
  const mean = (list: readonly Held[], of: (one: Held) => number) =>
    list.reduce((sum, one) => sum + of(one), 0) / list.length;
  const [first, last] = [early, late].map((list) => mean(list, ({ rss }) => rss)) as [number, number];
  const total = mean(late, ({ own }) => own) - mean(early, ({ own }) => own);
  return { aRound: median(steps), total, first, last };
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
