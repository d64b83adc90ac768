import { MessageChannel } from 'node:worker_threads';
import { systemRuntime } from '@flotilla/core';
import type { Disk } from '@flotilla/core/internal';
import type { Metrics } from '../../run/metrics.js';
import type { HostMessage, RunEvent, RunOutcome, RunTask } from '../../server-messages.js';
import serve from '../../server-thread.js';
import type { Schedule } from './schedule.js';
import { type NetworkSetup, simulatedHosts } from './simulated-network.js';
import { SimulatedProcess, type SimulatedWorld, Stuck } from './simulated-process.js';

/** Parts that do not do what they should: what the simulation must find out. */
export interface FaultyParts {
  readonly end?: NetworkSetup['end'];
  readonly disk?: (disk: Disk) => Disk;
}

/** How one life of the server has ended. */
export interface Life {
  readonly outcome: RunOutcome | 'killed';
  /** Rows that a reader was told of. */
  readonly rows: readonly Metrics[];
  /** Lines of its log. */
  readonly log: readonly string[];
  /** Files that it has left open. */
  readonly handles: number;
}

/** Event-loop turns without a step after which a run is taken for one that waits for nothing. */
const IDLE_TURNS = 2000;
/** Turns that what is left of a dead process may take to come to nothing. */
const LAST_TURNS = 10;

/** One life: from the call of the server thread to its answer, or until it is killed. */
export async function live(
  { options, resume }: Pick<RunTask, 'options' | 'resume'>,
  { threads, jitter }: Pick<Schedule, 'threads' | 'jitter'>,
  world: SimulatedWorld,
  { disk: faultyDisk, end }: FaultyParts = {},
  onDownlink: NetworkSetup['onDownlink'] = () => {},
): Promise<Life> {
  const process = new SimulatedProcess(world);
  const { port1, port2 } = new MessageChannel();
  const rows: Metrics[] = [];
  const log: string[] = [];
  const postMessage = (event: RunEvent) => {
    if (!process.alive) return;
    if (event.type === 'metrics') rows.push(event.metrics);
    else if (event.type === 'log') log.push(event.message);
  };
  const tell = (message: HostMessage) => port1.postMessage(message);
  const network: NetworkSetup = { threads, jitter, end, tell, onDownlink, lingering: [] };
  const { disk } = process.access;
  const machine = {
    runtime: process,
    disk: faultyDisk?.(disk) ?? disk,
    startHosts: () => simulatedHosts(process, network),
  };
  const port = Object.assign(port2, { postMessage });
  const work = serve({ options, resume, calledAt: process.now(), port }, machine);
  const done = new AbortController();
  try {
    const outcome = await Promise.race([work, process.killed, idle(world, done.signal)]);
    if (process.alive) return { outcome, rows, log, handles: process.access.handles };
    await Promise.race([work, turns(LAST_TURNS)]);
    return { outcome: 'killed', rows, log, handles: 0 };
  } finally {
    done.abort();
    port1.close();
  }
}

async function turns(count: number): Promise<void> {
  for (let k = 0; k < count; k++) await systemRuntime.yield();
}

/** Throws when nothing goes on any more. */
async function idle(world: SimulatedWorld, done: AbortSignal): Promise<never> {
  for (let quiet = 0, before = -1; !done.aborted; ) {
    quiet = world.steps === before ? quiet + 1 : 0;
    before = world.steps;
    if (quiet > IDLE_TURNS) throw new Stuck('it waits for something that never comes');
    await systemRuntime.yield();
  }
  return new Promise(() => undefined);
}
