import { availableParallelism } from 'node:os';
import { FlotillaError, type Runtime } from '@flotilla/core';
import { asFlotillaError, type ErrorRecord, errorFrom } from '@flotilla/core/internal';
import { CHECKSUM_BYTES, createThreadTransport, HEADER_BYTES, linkServerEnd, STAMP_BYTES } from '@flotilla/protocol';
import { modulesOf, type ThreadTask } from '@flotilla/worker';
import type { Options } from '../run/options.js';
import type { RunPlan } from '../run/plan.js';
import type { Fleet, Transport } from './fleet.js';
import { type ThreadPool, threadPool } from './pool.js';
import { isStamped } from './stamped.js';

/** Threads hosting more workers than this are chosen by the number of cores, not of workers. */
const MAX_THREAD_PER_WORKER = 32;

type Pool = ThreadPool<ThreadTask, ErrorRecord | undefined>;

/** Workers on threads of their own, each with an equal share, and mailboxes in shared memory. */
export const threads: Transport = {
  start(options, runtime) {
    // a module's own imports must be the modules that the thread runs
    const entry = modulesOf(options).length === 0 ? '@flotilla/worker/thread-bundle' : '@flotilla/worker/thread';
    const pool: Pool = threadPool(import.meta.resolve(entry), threadCount(options), runtime);
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
  pool: Pool,
  runtime: Runtime,
): Fleet {
  const { workers, plugins, problem: reference } = options;
  const { dimension, problem, problemData, start, links, checksumRun } = plan;
  const threads = threadCount(options);
  const stamped = isStamped(plan);
  // the largest frame is an evaluation: f_i, ∇f_i and metrics in f64
  const values = 1 + dimension + (problem.metrics?.length ?? 0);
  const maxFrameBytes = HEADER_BYTES + 8 * values + CHECKSUM_BYTES + STAMP_BYTES;
  const { server, attachments } = createThreadTransport({ workers, threads, maxFrameBytes }, runtime);
  const linked = stamped ? linkServerEnd(server, runtime) : undefined;
  let failure: FlotillaError | undefined;
  let closed = false;
  const tasks = attachments.map((attachment) =>
    pool
      .run(
        {
          attachment,
          problemData,
          start,
          computeSeconds,
          linked: stamped ? { links } : undefined,
          seal: checksumRun === undefined ? undefined : { run: checksumRun, workers, attempt },
          plugins,
          problem: reference,
        },
        attachment.port,
      )
      .then((record) => record && errorFrom(record), asFlotillaError)
      .then((error) => {
        if (error && error.code !== 'internal') failure ??= error;
        else if (!closed) {
          const what = `workers on thread ${attachment.thread} ended: ${error?.message ?? 'nobody knows why'}`;
          failure ??= new FlotillaError('worker-lost', what, { cause: error?.cause ?? error });
        }
      }),
  );
  return {
    transport: linked ?? server,
    linked,
    threads,
    runtime,
    failure: () => failure,
    async close(patienceMs = 1000 * options.grace) {
      closed = true;
      server.close();
      // a thread that is inside a gradient ends when it is through; one that never is gets terminated
      const ended = new AbortController();
      await Promise.race([Promise.all(tasks), runtime.sleep(patienceMs, ended.signal)]);
      ended.abort();
      await pool.close();
    },
  };
}
