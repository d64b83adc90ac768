import { availableParallelism } from 'node:os';
import { FlotillaError, KeyedRandom, type Runtime } from '@flotilla/core';
import { initialPoint, SharedDraws } from '@flotilla/core/internal';
import { checksumHostEnd, createThreadTransport, type HostEnd, linkServerEnd, STAMP_BYTES } from '@flotilla/protocol';
import { WorkerHost } from '@flotilla/worker';
import type { Options } from '../run/options.js';
import type { RunPlan } from '../run/plan.js';
import type { Fleet, Transport } from './fleet.js';
import { largestFrameBytes, usualFrameBytes } from './frame-bytes.js';
import { isStamped } from './stamped.js';
import { hostWorkers, type WorkerPool, workerPool } from './worker-threads.js';

/** Threads hosting more workers than this are chosen by the number of cores, not of workers. */
const MAX_THREAD_PER_WORKER = 32;

/** Coordinates of a starting point that is made once for all threads; more of them would lie in memory for the whole run. */
const MAX_SHARED_START = 2 ** 20;

/** Workers on threads, each with a share of them, and mailboxes in shared memory. */
export const threads: Transport = {
  start(options, runtime) {
    const shape = shapeOf(options);
    const others = shape.threads - (shape.own ? 1 : 0);
    const pool = others === 0 ? undefined : workerPool(options, others, runtime);
    return {
      open: (plan, attempt, computeSeconds) => open(options, shape, plan, attempt, computeSeconds, pool, runtime),
      close: async () => pool?.close(),
    };
  },
};

/** Which threads have workers. */
interface Shape {
  readonly threads: number;
  /** Whether the server's own thread is one of them. */
  readonly own: boolean;
}

/** As many threads as asked for, at most one per worker. By `auto` one for each core, of which one is the server's. */
function shapeOf({ workers, threads, link, linkModel }: Options): Shape {
  // a worker's work can only be measured while it has a core
  const alone = workers <= MAX_THREAD_PER_WORKER && linkModel === undefined;
  const asked = threads ?? (alone ? workers : 'auto');
  if (asked !== 'auto') return { threads: Math.min(workers, asked), own: false };
  // where frames carry times, a worker waits for its own
  const own = link === undefined && linkModel === undefined;
  return { threads: Math.min(workers, availableParallelism()), own };
}

/** x⁰ by a formula, in shared memory. A problem's own is for each thread to ask for. */
function sharedStart({ job, problem, dimension }: RunPlan): Float64Array | undefined {
  if (problem.start !== undefined || dimension > MAX_SHARED_START) return undefined;
  const x = new Float64Array(new SharedArrayBuffer(8 * dimension));
  x.set(initialPoint(job.init, problem, new KeyedRandom(job.seed)));
  return x;
}

function open(
  options: Options,
  { threads, own }: Shape,
  plan: RunPlan,
  attempt: number,
  computeSeconds: Float64Array | undefined,
  pool: WorkerPool | undefined,
  runtime: Runtime,
): Fleet {
  const { workers, plugins, problem: reference } = options;
  const { problemData, links, checksumRun, registries } = plan;
  const stamped = isStamped(plan);
  // who waits for the time of a frame would keep the server from sending it
  if (stamped && own) throw new FlotillaError('internal', 'the plan has links of which the options say nothing');
  const maxFrameBytes = largestFrameBytes(plan) + STAMP_BYTES;
  const usual = usualFrameBytes(plan) + STAMP_BYTES;
  // where most frames are half as long as the longest, or longer, slots have room for all
  const shortFrameBytes = 3 * usual < maxFrameBytes ? usual : maxFrameBytes;
  const seal = checksumRun === undefined ? undefined : { run: checksumRun, workers, attempt };
  const draws = SharedDraws.memory(plan.dimension + workers);
  const input = { problemData, start: plan.start ?? sharedStart(plan), computeSeconds, draws };
  const serveOwn = (end: HostEnd) => {
    const host = new WorkerHost(seal === undefined ? end : checksumHostEnd(end, seal), input, registries, runtime);
    return host.step.bind(host);
  };
  const { server, attachments } = createThreadTransport(
    { workers, threads, maxFrameBytes, shortFrameBytes, own: own ? serveOwn : undefined },
    runtime,
  );
  const linked = stamped ? linkServerEnd(server, runtime) : undefined;
  const task = { ...input, linked: stamped ? { links } : undefined, seal, plugins, problem: reference };
  const hosting = pool && hostWorkers(pool, attachments, task, runtime);
  return {
    transport: linked ?? server,
    linked,
    get threads() {
      return new Set(Array.from({ length: workers }, (_, worker) => server.hostOf(worker))).size;
    },
    movable: own ? server : undefined,
    draws,
    runtime,
    failure: () => hosting?.failure(),
    async close(patienceMs = 1000 * options.grace) {
      if (hosting === undefined) server.close();
      else await hosting.close(() => server.close(), patienceMs);
    },
  };
}
