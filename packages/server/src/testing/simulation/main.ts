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

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    method: { type: 'string' },
    schedule: { type: 'string' },
  },
});
const { method } = values;

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

async function runSeeds(first: number, count: number): Promise<void> {
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
      await tell(seed, schedule, verdict.complaint);
    }
  }
  const seconds = (systemRuntime.now() - from) / 1000;
  const counts = [...fired].sort(([, a], [, b]) => b - a).map(([kind, times]) => `${kind} ${times}`);
  console.log(`${done} schedules, ${lives} lives of the server; faults: ${counts.join(', ')}`);
  console.log(`${failed} failed; ${(done / seconds).toFixed(1)} schedules a second, ${seconds.toFixed(1)} s`);
  if (failed > 0) process.exitCode = 1;
}

async function tell(seed: number, schedule: Schedule, complaint: string): Promise<void> {
  console.log(`seed ${seed}: ${complaint}`);
  console.log(`  again: pnpm test:sim --seed ${seed}${method === undefined ? '' : ` --method ${method}`}`);
  const smallest = await shrink(schedule, async (simpler) => (await simulate(simpler)).complaint !== undefined);
  const { complaint: why } = await simulate(smallest);
  console.log(`  shrunk: ${why}\n  pnpm test:sim --schedule '${JSON.stringify(smallest)}'`);
}

if (values.schedule !== undefined) {
  const { schedule: text } = values;
  await runOne(JSON.parse(text.startsWith('{') ? text : readFileSync(text, 'utf8')));
} else {
  const first = wholeNumber('seed', values.seed, 1);
  await runSeeds(first, wholeNumber('seeds', values.seeds, values.seed === undefined ? 1000 : 1));
}
