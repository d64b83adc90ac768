import type { Runtime } from '@flotilla/core';
import { afterEach } from 'vitest';
import type { Metrics, Run, TrainOptions } from '../dist/index.js';
import { openHere } from '../dist/testing/in-process.js';
import type { Training } from '../dist/training.js';

export { iterates, relativeDistance } from '../dist/testing/in-process.js';

const open: Training[] = [];
afterEach(async () => {
  for (const training of open.splice(0)) await training.close();
});

/** A training on the test's own thread (loopback unless asked otherwise), to look at its iterates round by round. */
export async function openInProcess(options: TrainOptions, runtime?: Runtime): Promise<Training> {
  const training = await openHere(options, runtime);
  open.push(training);
  return training;
}

/** Every row of a run, as a reader gets them. (Array.fromAsync came with Node 22.) */
export async function rowsOf(run: Run): Promise<Metrics[]> {
  const rows: Metrics[] = [];
  for await (const row of run) rows.push(row);
  return rows;
}
