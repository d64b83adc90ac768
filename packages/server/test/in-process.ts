import { afterEach } from 'vitest';
import type { Metrics, Run } from '../dist/index.js';
import { type LaunchedRun, launch } from '../dist/launch.js';
import { parseOptions } from '../dist/options.js';
import { planRun } from '../dist/plan.js';

const open: LaunchedRun[] = [];
afterEach(async () => {
  for (const { fleet } of open.splice(0)) await fleet.close();
});

/** A run on the test's own thread (loopback unless asked otherwise), to look at its iterates round by round. */
export async function launchInProcess(options: Record<string, unknown>): Promise<LaunchedRun> {
  const parsed = parseOptions({ transport: 'loopback', ...options });
  const run = await launch(parsed, await planRun(parsed), () => new Promise(setImmediate));
  open.push(run);
  return run;
}

/** The iterates x¹ … x^rounds. */
export async function iterates(options: Record<string, unknown>, rounds: number): Promise<Float64Array[]> {
  const { server } = await launchInProcess(options);
  await server.start();
  const list: Float64Array[] = [];
  for (let round = 0; round < rounds; round++) {
    await server.step();
    list.push(server.iterate());
  }
  return list;
}

/** max |a − b| / max |b| over all iterates. */
export function relativeDistance(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  let distance = 0;
  let size = 0;
  for (const [k, vector] of b.entries()) {
    for (const [j, v] of vector.entries()) {
      distance = Math.max(distance, Math.abs(v - a[k][j]));
      size = Math.max(size, Math.abs(v));
    }
  }
  return distance / size;
}

/** Every row of a run, as a reader gets them. (Array.fromAsync came with Node 22.) */
export async function rowsOf(run: Run): Promise<Metrics[]> {
  const rows: Metrics[] = [];
  for await (const row of run) rows.push(row);
  return rows;
}
