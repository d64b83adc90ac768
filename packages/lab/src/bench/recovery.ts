import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlotillaError } from '@flotilla/core';
import { type TrainOptions, train } from '@flotilla/server';
import type { Bench } from './bench.js';

const WORKERS = 20;
const JOBS: Readonly<Record<string, { readonly d: number; readonly threads: number }>> = {
  'd = 112, 2 threads': { d: 112, threads: 2 },
  'd = 112, 20 threads': { d: 112, threads: 20 },
  'd = 25,088, 2 threads': { d: 25_088, threads: 2 },
  'd = 25,088, 20 threads': { d: 25_088, threads: 20 },
};
/** The gradient of worker 0 with which its thread ends. */
const LIFE = 300;

/** Milliseconds from the end of a worker's thread. */
interface Recovered {
  /** Until the server has said so. */
  readonly noticed: number;
  /** Until the first round that has ended after it. */
  readonly round: number;
}

/** How long it takes until a run that has lost a worker goes on. */
export const recovery: Bench = {
  name: 'recovery',
  summary: 'milliseconds from the end of a worker’s thread to its being noticed, and to the next round',
  async run({ quick, smoke, log }) {
    const turns = smoke ? 1 : quick ? 3 : 10;
    const jobs = Object.entries(JOBS).slice(0, smoke ? 1 : undefined);
    const found = new Map<string, Recovered[]>(jobs.map(([name]) => [name, []]));
    for (let turn = 0; turn < turns; turn++) {
      for (const [name, job] of jobs) found.get(name)?.push(await lose(job));
      log(`turn ${turn + 1} of ${turns} is over`);
    }
    const rows = Array.from(found, ([name, times]) => ({ name, times }));
    return {
      results: { workers: WORKERS, rows },
      tables: [
        {
          title: `M3, ${WORKERS} workers, a thread that ends in a gradient: milliseconds from then, median (least to most) of ${turns}`,
          columns: ['', 'noticed', 'next round'],
          rows: rows.map(({ name, times }) => [
            name,
            spread(times.map((t) => t.noticed)),
            spread(times.map((t) => t.round)),
          ]),
        },
      ],
      notes: [
        'All threads of workers are started again and take the state of the checkpoint in memory, here that of round 0: what the rounds since then take comes on top. “Next round” is the first one that ends after the loss.',
      ],
    };
  },
};

async function lose({ d, threads }: { readonly d: number; readonly threads: number }): Promise<Recovered> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-recovery-'));
  const epitaph = join(folder, 'ended');
  const problem = fileURLToPath(new URL('./soak-problem.js', import.meta.url));
  let noticed: number | undefined;
  let round: number | undefined;
  let isBack = false;
  const stop = new AbortController();
  const job: TrainOptions = {
    problem: { module: problem, parameters: { d, life: LIFE, epitaph } },
    method: 'm3',
    workers: WORKERS,
    threads,
    rounds: 1e9,
    evalEvery: 1e9,
    signal: stop.signal,
    logger: {
      debug: (fields) => {
        if ('lost' in fields) noticed ??= Date.now();
      },
      info: (_fields, message) => {
        isBack ||= message.includes('started again');
      },
      error: () => undefined,
    },
    onProgress() {
      if (!isBack || round !== undefined) return;
      round = Date.now();
      stop.abort();
    },
  };
  try {
    await train(job).result.catch((error) => {
      if (round === undefined) throw error;
    });
    const ended = Number(readFileSync(epitaph, 'utf8'));
    if (noticed === undefined || round === undefined) throw new FlotillaError('internal', 'no worker was lost');
    return { noticed: noticed - ended, round: round - ended };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return `${sorted[sorted.length >> 1]} (${sorted[0]} to ${sorted.at(-1)})`;
}
