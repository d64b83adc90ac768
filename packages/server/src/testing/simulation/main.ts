// pnpm test:sim [--seeds N] [--seed S] [--method NAME] [--schedule JSON]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemRuntime } from '@flotilla/core';
import { drawSchedule } from './draw.js';
import type { Schedule } from './schedule.js';
import { shrink } from './shrink.js';
import { simulate } from './simulate.js';

/** Failing seeds after which it gives up. */
const MAX_FAILED = 10;

const options = {
  seeds: { type: 'string' },
  seed: { type: 'string' },
  method: { type: 'string' },
  schedule: { type: 'string' },
} as const;

type Asked = Partial<Readonly<Record<keyof typeof options, string>>>;

function wholeNumber(name: 'seeds' | 'seed', text: string | undefined, preset: number): number {
  const value = text === undefined ? preset : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${name} must be a whole number, not ${text}`);
}

async function runOne(schedule: Schedule): Promise<void> {
  const { complaint, lives, fired, seconds } = await simulate(schedule);
  console.log(`${lives} lives, ${seconds.toFixed(1)} s of simulated time, faults: ${fired.join(' ') || 'none'}`);
  if (complaint === undefined) return console.log('as undisturbed');
  process.exitCode = 1;
  console.log(complaint);
}

async function runSeeds(first: number, count: number, method: string | undefined): Promise<void> {
  const from = systemRuntime.now();
  const fired = new Map<string, number>();
  let lives = 0;
  let failed = 0;
  let done = 0;
  for (let seed = first; seed < first + count && failed < MAX_FAILED; seed++) {
    const schedule = drawSchedule(seed, method);
    const verdict = await simulate(schedule);
    done++;
    lives += verdict.lives;
    for (const kind of verdict.fired) fired.set(kind, (fired.get(kind) ?? 0) + 1);
    if (verdict.complaint !== undefined) {
      failed++;
      await tell(seed, schedule, verdict.complaint, method);
    }
    if (done % 1000 === 0) console.error(`${done} of ${count} schedules, ${failed} failed`);
  }
  const seconds = (systemRuntime.now() - from) / 1000;
  const counts = [...fired].sort(([, a], [, b]) => b - a).map(([kind, times]) => `${kind} ${times}`);
  console.log(`${done} schedules, ${lives} lives of the server; faults: ${counts.join(', ')}`);
  console.log(`${failed} failed; ${(done / seconds).toFixed(1)} schedules a second, ${seconds.toFixed(1)} s`);
  if (failed > 0) process.exitCode = 1;
}

async function tell(seed: number, schedule: Schedule, complaint: string, method: string | undefined): Promise<void> {
  console.log(`seed ${seed}: ${complaint}`);
  console.log(`  again: pnpm test:sim --seed ${seed}${method === undefined ? '' : ` --method ${method}`}`);
  const smallest = await shrink(schedule, async (simpler) => (await simulate(simpler)).complaint !== undefined);
  const { complaint: why } = await simulate(smallest);
  console.log(`  shrunk: ${why}\n  pnpm test:sim --schedule '${JSON.stringify(smallest)}'`);
}

async function main({ schedule, seed, seeds, method }: Asked): Promise<void> {
  if (schedule !== undefined) {
    return runOne(JSON.parse(schedule.startsWith('{') ? schedule : readFileSync(schedule, 'utf8')));
  }
  const count = wholeNumber('seeds', seeds, seed === undefined ? 1000 : 1);
  await runSeeds(wholeNumber('seed', seed, 1), count, method);
}

try {
  await main(parseArgs({ options }).values);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}
