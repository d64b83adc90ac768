import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { FlotillaError, systemRuntime, UsageError } from '@flotilla/core';
import { printed } from '@flotilla/core/internal';
import {
  type Control,
  createThreadTransport,
  packControl,
  shareOf,
  subjectsOf,
  unpackControl,
} from '@flotilla/protocol';
import type { LocalWorkers, NatsOptions, Offer, Prepared } from '@flotilla/protocol/nats';
import { hostWorkers, workerPool } from '../hosts/worker-threads.js';
import { planRun, type RunPlan } from '../run/plan.js';
import { type OwnOptions, optionsOf, sharedIdentity } from './offer.js';
import { withFile } from './sent-data.js';

/** What a host of workers is started with. */
export interface JoinOptions extends OwnOptions {
  /** The broker, and how to be let in. */
  readonly nats: NatsOptions;
  /** What the run is called there. */
  readonly run: string;
  /** The workers of this process: `from` to `to`, or share `rank` of `of` equal ones; all of them when left out. */
  readonly workers?:
    | { readonly from: number; readonly to: number }
    | { readonly rank: number; readonly of: number }
    | undefined;
  /** Threads that they share; as many as there are cores, or workers if those are fewer, when left out. */
  readonly threads?: number | undefined;
  /** Ends the part that this process has; the run's server then looks for another host. */
  readonly signal?: AbortSignal | undefined;
  /** Gets what there is to say, a line each. */
  readonly onNote?: ((line: string) => void) | undefined;
}

/** What threads have to end of themselves. */
const PATIENCE_MS = 5_000;

/**
 * Hosts workers of a run whose server is another process, until the run is over or `signal` fires. The server may come later,
 * or come back after it was killed; the broker too. Data come by the name in the run's offer or from what is named here, never
 * by a path from a message.
 * @throws FlotillaError why this process cannot take part
 */
export async function joinRun(options: JoinOptions): Promise<void> {
  const { nats, run, signal = new AbortController().signal, onNote = () => undefined } = options;
  subjectsOf(run);
  const { connectNats, HostBridge } = await import('@flotilla/protocol/nats');
  const wire = await connectNats(nats, `flotilla host ${run}`);
  const bridge = new HostBridge({
    wire,
    run,
    id: randomUUID(),
    now: () => systemRuntime.now(),
    note: onNote,
    prepare: (offer, fetch) => prepare(offer, fetch, options, onNote, signal),
  });
  await bridge.run(signal);
}

async function prepare(
  offer: Offer,
  fetch: (worker: number) => Promise<Uint8Array>,
  own: JoinOptions,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<Prepared> {
  const { data } = offer;
  // what is named here is compared, and what is not is sent
  if (data === undefined || own.data !== undefined) return prepareFrom(offer, own, note, signal);
  note(`the server sends the data: ${data.bytes} bytes`);
  const bytes = await fetch(rangeOf(own.workers, offer.workers).first);
  return withFile(bytes, data.ending, (path) => prepareFrom(offer, { ...own, data: path }, note, signal));
}

async function prepareFrom(
  offer: Offer,
  own: JoinOptions,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<Prepared> {
  const { problem, data, init, plugins } = own;
  const options = optionsOf(offer.options, { problem, data, init, plugins });
  if (options.workers !== offer.workers) throw new FlotillaError('protocol', 'the offer has two numbers of workers');
  const plan = await planRun(options, signal, note);
  const { first, end } = rangeOf(own.workers, offer.workers);
  return {
    first,
    workers: end - first,
    identity: await sharedIdentity(options, plan),
    translate: (message) => withOwnJob(message, plan),
    merge,
    start: () => startThreads(plan, offer, { first, end }, own),
  };
}

/** @throws UsageError for workers that the run has not got */
function rangeOf(asked: JoinOptions['workers'], workers: number): { first: number; end: number } {
  if (asked === undefined) return { first: 0, end: workers };
  if ('rank' in asked) {
    const { first, end } = shareOf(workers, asked.rank, asked.of);
    if (end > first) return { first, end };
    throw new UsageError(`there is no worker for host ${asked.rank} of ${asked.of}: the run has ${workers}`);
  }
  const { from, to } = asked;
  if (to < workers) return { first: from, end: to + 1 };
  throw new UsageError(`workers ${printed(`${from}..${to}`)}: the run has workers 0 to ${workers - 1}`);
}

/** The job as it is called here: what it comes to has been compared. */
function withOwnJob(bytes: Uint8Array, { job }: RunPlan): Uint8Array {
  const message = unpackControl(bytes);
  return message.type === 'configure' ? packControl({ ...message, job }) : bytes;
}

/** One answer of several threads, which are in the order of their workers. */
function merge(bytes: readonly Uint8Array[]): Uint8Array {
  const answers = bytes.map(unpackControl);
  const [first] = answers as [Control];
  const failed = answers.find(({ type }) => type === 'failed');
  if (failed !== undefined) return packControl(failed);
  const of = <T extends Control['type']>(type: T) =>
    answers.filter((answer): answer is Extract<Control, { type: T }> => answer.type === type);
  if (first.type === 'ready') {
    const smoothness = of('ready').flatMap((answer) => answer.smoothness);
    return packControl({
      ...first,
      smoothness,
      sampleSmoothness: of('ready').flatMap((answer) => answer.sampleSmoothness),
    });
  }
  if (first.type === 'finished') {
    const computeSeconds = of('finished').reduce((sum, answer) => sum + answer.computeSeconds, 0);
    return packControl({
      ...first,
      computeSeconds,
      gradientCalls: of('finished').flatMap((answer) => answer.gradientCalls),
    });
  }
  return packControl(first);
}

function startThreads(
  { problemData, start }: RunPlan,
  { workers: all, maxFrameBytes, checksumRun, attempt }: Offer,
  { first, end }: { readonly first: number; readonly end: number },
  own: JoinOptions,
): LocalWorkers {
  const workers = end - first;
  const threads = Math.min(workers, own.threads ?? availableParallelism());
  const plugins = (own.plugins ?? []) as readonly string[];
  const problem = typeof own.problem === 'string' ? own.problem : 'autoencoder';
  const pool = workerPool({ plugins, problem }, threads, systemRuntime);
  const transport = createThreadTransport(
    { workers, threads, maxFrameBytes, anybody: true, crowded: true },
    systemRuntime,
  );
  const task = {
    first,
    problemData,
    start,
    linked: undefined,
    seal: checksumRun === undefined ? undefined : { run: checksumRun, workers: all, attempt },
    plugins,
    problem,
  };
  const hosting = hostWorkers(pool, transport.attachments, task, systemRuntime);
  return {
    end: transport.server,
    rung: transport.rung,
    failure: hosting.failure,
    close: () => hosting.close(() => transport.server.close(), PATIENCE_MS),
  };
}
