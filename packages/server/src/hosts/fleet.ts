import { availableParallelism } from 'node:os';
import { type ErrorCode, FlotillaError } from '@flotilla/core';
import {
  awaitArrivals,
  type Control,
  createLoopback,
  createThreadTransport,
  HEADER_BYTES,
  type LinkedServerEnd,
  linkHostEnd,
  linkServerEnd,
  ProtocolError,
  packControl,
  type ServerEnd,
  STAMP_BYTES,
  unpackControl,
} from '@flotilla/protocol';
import { type ThreadTask, WorkerHost } from '@flotilla/worker';
import type { Options } from '../run/options.js';
import type { RunPlan } from '../run/plan.js';
import { type ThreadPool, threadPool } from './pool.js';

/** Threads hosting more workers than this are chosen by the number of cores, not of workers. */
const MAX_THREAD_PER_WORKER = 32;
/** How long a control message may stay unanswered: the answer to `configure` includes building every worker's function. */
const CONTROL_TIMEOUT_MS = 600_000;
const SLICE_MS = 20;

/** The workers of a run, wherever they are, and the server's end of the transport to them. */
export interface Fleet {
  readonly transport: ServerEnd;
  readonly threads: number;
  /** The workers themselves, when they run on the calling thread. */
  readonly host?: WorkerHost | undefined;
  /** The transport again, when its frames are stamped: links are paced or modelled. */
  readonly linked: LinkedServerEnd | undefined;
  /** The error of a thread that has ended before its time. */
  failure(): FlotillaError | undefined;
  close(): Promise<void>;
}

/** Worker threads of a run: `threads` as asked, at most one per worker. */
function threadCount({ workers, threads, transport, linkModel }: Options): number {
  if (transport === 'loopback') return 1;
  // a worker's work can only be measured while it has a core
  const alone = workers <= MAX_THREAD_PER_WORKER && linkModel === undefined;
  const asked = threads ?? (alone ? workers : 'auto');
  return Math.min(workers, asked === 'auto' ? availableParallelism() : asked);
}

/** The threads of a run's workers. They load their code at once, so start them before what takes time; none on loopback. */
export function startThreads(options: Options): ThreadPool<ThreadTask, void> | undefined {
  if (options.transport === 'loopback') return undefined;
  // a plug-in's own imports must be the modules that the thread runs
  const entry = options.plugins.length === 0 ? '@flotilla/worker/thread-bundle' : '@flotilla/worker/thread';
  return threadPool<ThreadTask, void>(import.meta.resolve(entry), threadCount(options));
}

/** Starts the hosts of a run, on `pool` unless they run on the calling thread. */
export function startFleet(
  options: Options,
  { dimension, problemData, registries, links, linkModels }: RunPlan,
  pool: ThreadPool<ThreadTask, void> | undefined,
): Fleet {
  const { workers, plugins } = options;
  const threads = threadCount(options);
  const stamped = links !== undefined || linkModels.length > 0;
  const ends = (end: ServerEnd) => {
    const linked = stamped ? linkServerEnd(end) : undefined;
    return { transport: linked ?? end, linked, threads };
  };
  if (pool === undefined) {
    let host: WorkerHost | undefined;
    const server = ends(
      createLoopback(workers, (end) => {
        const linked = stamped ? linkHostEnd(end, links) : undefined;
        host = new WorkerHost(linked ?? end, problemData, registries);
        return linked === undefined ? stepper(host) : awaitArrivals(linked, stepper(host));
      }),
    );
    return { ...server, host, failure: () => undefined, close: async () => server.transport.close() };
  }

  // the largest frame is an evaluation: f_i and ∇f_i in f64
  const maxFrameBytes = HEADER_BYTES + 8 * (dimension + 1) + STAMP_BYTES;
  const { server: plain, attachments } = createThreadTransport({ workers, threads, maxFrameBytes });
  const server = ends(plain);
  let failure: FlotillaError | undefined;
  const tasks = attachments.map((attachment) =>
    pool
      .run({ attachment, problemData, linked: stamped ? { links } : undefined, plugins }, attachment.port)
      .catch((cause: unknown) => {
        const first = `workers on thread ${attachment.thread}`;
        failure ??= new FlotillaError('worker-lost', `${first} ended: ${(cause as Error).message}`, { cause });
      }),
  );
  return {
    ...server,
    failure: () => failure,
    async close() {
      server.transport.close();
      // a thread that is inside a gradient ends when it is through; one that never is gets terminated
      await Promise.race([Promise.all(tasks), new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
      await pool.close();
    },
  };
}

const stepper = (host: WorkerHost) => () => host.step();

/** Sends a control message to every host and waits for the answers, in host order. */
export async function request<T extends Control['type']>(
  fleet: Fleet,
  message: Control,
  answer: T,
  turn: () => Promise<void>,
): Promise<Extract<Control, { type: T }>[]> {
  const { transport } = fleet;
  const bytes = packControl(message);
  for (let host = 0; host < transport.hosts; host++) transport.sendControl(host, bytes);
  const answers: Extract<Control, { type: T }>[] = [];
  const from = Date.now();
  for (let host = 0; host < transport.hosts; host++) {
    let reply = transport.receiveControl(host, SLICE_MS);
    for (; reply === undefined; reply = transport.receiveControl(host, SLICE_MS)) {
      await turn();
      if (Date.now() - from > CONTROL_TIMEOUT_MS) {
        throw new FlotillaError(
          'worker-lost',
          `host ${host} did not answer ${message.type} within ${CONTROL_TIMEOUT_MS / 1000} s`,
        );
      }
    }
    const got = unpackControl(reply);
    if (got.type === 'failed') throw new FlotillaError(got.code as ErrorCode, got.message);
    if (got.type !== answer) throw new ProtocolError(`host ${host} answered ${message.type} with ${got.type}`);
    answers.push(got as Extract<Control, { type: T }>);
  }
  return answers;
}
