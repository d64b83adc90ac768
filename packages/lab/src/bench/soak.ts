import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { FlotillaError } from '@flotilla/core';
import type { TrainOptions } from '@flotilla/server';
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
            'RSS first',
            'last',
            'drift',
            'restarts',
            'rounds again',
            'seconds',
          ],
          rows: found.map(({ name, soaked }) => {
            const { own, rss, first, last } = growth(soaked.held, rounds);
            const { restarts, repeatedRounds, seconds } = soaked;
            return [
              ...[name, own.toFixed(3), megabytes(first.rss), megabytes(last.rss), megabytes(rss)],
              ...[restarts, repeatedRounds, seconds.toFixed(1)],
            ];
          }),
        },
      ],
      notes: [
        'Bytes a round are the growth of heap, external memory and array buffers of the server’s thread after garbage was collected, the least of what is held in the last fifth of the rounds less the least of the first fifth after warming up, over the rounds between. RSS is that of the whole process, all workers’ threads included, which nobody asks to collect theirs; its drift is between the means of the same two fifths.',
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

/** What was held in the first fifth after warming up, and in the last. */
function growth(held: readonly Held[], rounds: number) {
  const within = (from: number, to: number) =>
    held.filter(({ round }) => round >= from * rounds && round <= to * rounds);
  const [early, late] = [within(WARM, 2 * WARM), within(1 - WARM, 1)];
  const least = (list: readonly Held[]) => list.reduce((a, b) => (b.own < a.own ? b : a));
  const mean = (list: readonly Held[]) => list.reduce((sum, { rss }) => sum + rss, 0) / list.length;
  const [first, last] = [least(early), least(late)];
  const own = (last.own - first.own) / Math.max(1, last.round - first.round);
  return { own, first: { rss: mean(early) }, last: { rss: mean(late) }, rss: mean(late) - mean(early) };
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
