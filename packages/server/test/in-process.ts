import type { Runtime } from '@flotilla/core';
import { afterEach } from 'vitest';
import type { Metrics, Run, TrainOptions } from '../dist/index.js';
import type { LaunchedRun } from '../dist/launch.js';
import { launchHere } from '../dist/testing/in-process.js';

export { iterates, relativeDistance } from '../dist/testing/in-process.js';

const open: LaunchedRun[] = [];
afterEach(async () => {
  for (const { fleet } of open.splice(0)) await fleet.close();
});

/** A run on the test's own thread (loopback unless asked otherwise), to look at its iterates round by round. */
export async function launchInProcess(options: TrainOptions, runtime?: Runtime): Promise<LaunchedRun> {
  const run = await launchHere(options, runtime);
  open.push(run);
  return run;
}

/** Every row of a run, as a reader gets them. (Array.fromAsync came with Node 22.) */
export async function rowsOf(run: Run): Promise<Metrics[]> {
  const rows: Metrics[] = [];
  for await (const row of run) rows.push(row);
  return rows;
}
