import { availableParallelism } from 'node:os';
import type { Runtime } from '@flotilla/core';
import { createThreadTransport, linkServerEnd, STAMP_BYTES } from '@flotilla/protocol';
import type { Options } from '../run/options.js';
import type { RunPlan } from '../run/plan.js';
import type { Fleet, Transport } from './fleet.js';
import { largestFrameBytes } from './largest-frame.js';
import { isStamped } from './stamped.js';
import { hostWorkers, type WorkerPool, workerPool } from './worker-threads.js';

/** Threads hosting more workers than this are chosen by the number of cores, not of workers. */
const MAX_THREAD_PER_WORKER = 32;

/** Workers on threads of their own, each with an equal share, and mailboxes in shared memory. */
export const threads: Transport = {
  start(options, runtime) {
    const pool = workerPool(options, threadCount(options), runtime);
    return {
      open: (plan, attempt, computeSeconds) => open(options, plan, attempt, computeSeconds, pool, runtime),
      close: () => pool.close(),
    };
  },
};

/** Worker threads of a run: as many as asked for, at most one per worker. */
function threadCount({ workers, threads, linkModel }: Options): number {
  // a worker's work can only be measured while it has a core
  const alone = workers <= MAX_THREAD_PER_WORKER && linkModel === undefined;
  const asked = threads ?? (alone ? workers : 'auto');
  return Math.min(workers, asked === 'auto' ? availableParallelism() : asked);
}

function open(
  options: Options,
  plan: RunPlan,
  attempt: number,
  computeSeconds: Float64Array | undefined,
  pool: WorkerPool,
  runtime: Runtime,
): Fleet {
  const { workers, plugins, problem: reference } = options;
  const { problemData, start, links, checksumRun } = plan;
  const threads = threadCount(options);
  const stamped = isStamped(plan);
  const maxFrameBytes = largestFrameBytes(plan) + STAMP_BYTES;
  const { server, attachments } = createThreadTransport({ workers, threads, maxFrameBytes }, runtime);
  const linked = stamped ? linkServerEnd(server, runtime) : undefined;
  const task = {
    problemData,
    start,
    computeSeconds,
    linked: stamped ? { links } : undefined,
    seal: checksumRun === undefined ? undefined : { run: checksumRun, workers, attempt },
    plugins,
    problem: reference,
  };
  const hosting = hostWorkers(pool, attachments, task, runtime);
  return {
    transport: linked ?? server,
    linked,
    threads,
    runtime,
    failure: hosting.failure,
    close: (patienceMs = 1000 * options.grace) => hosting.close(() => server.close(), patienceMs),
  };
}
