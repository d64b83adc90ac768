import { restoreState, snapshotState } from '@flotilla/core';
import { type LaunchedRun, launch } from '../launch.js';
import { parseOptions } from '../run/options.js';
import { planRun } from '../run/plan.js';
import type { TrainOptions } from '../train.js';

/** Starts a run on the calling thread (loopback unless asked otherwise), to look at it round by round. Close its fleet. */
export async function launchHere(options: TrainOptions): Promise<LaunchedRun> {
  const parsed = parseOptions({ transport: 'loopback', ...options });
  return launch(parsed, await planRun(parsed), () => new Promise(setImmediate));
}

/** The iterates x¹ … x^rounds. */
export async function iterates(options: TrainOptions, rounds: number): Promise<Float64Array[]> {
  const { server, fleet } = await launchHere(options);
  try {
    await server.start();
    const list: Float64Array[] = [];
    for (let round = 0; round < rounds; round++) {
      await server.step();
      list.push(server.iterate());
    }
    return list;
  } finally {
    await fleet.close();
  }
}

/** The state of a worker's half, in a run on the calling thread. */
export function hosted({ host }: LaunchedRun['fleet'], worker: number): object {
  if (host === undefined) throw new Error('this run has no host on the calling thread');
  return host.state(worker);
}

/** Puts the state of one run's halves, the server's and all workers', in the place of another's. */
export function copyState(from: LaunchedRun, to: LaunchedRun, workers: number): void {
  restoreState(to.server.state, snapshotState(from.server.state));
  for (let worker = 0; worker < workers; worker++) {
    restoreState(hosted(to.fleet, worker), snapshotState(hosted(from.fleet, worker)));
  }
}

/** max |a − b| / max |b| over all iterates. */
export function relativeDistance(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  let distance = 0;
  let size = 0;
  for (const [k, vector] of b.entries()) {
    for (const [j, v] of vector.entries()) {
      distance = Math.max(distance, Math.abs(v - (a[k]?.[j] ?? Number.NaN)));
      size = Math.max(size, Math.abs(v));
    }
  }
  return distance / size;
}
