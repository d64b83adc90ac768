import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { asFlotillaError, FlotillaError, type Runtime, systemRuntime } from '@flotilla/core';
import { type Fleet, startHosts } from './hosts/fleet.js';
import { request } from './hosts/request.js';
import { launch } from './launch.js';
import type { Metrics, Progress, StopReason, Summary } from './run/metrics.js';
import type { Options } from './run/options.js';
import { planRun } from './run/plan.js';
import { RunFolder } from './run/run-folder.js';
import { StoppingCriteria } from './run/stopping.js';

/** What the server thread is started with. */
export interface RunTask {
  readonly options: Options;
  /** When `train` was called, by the runtime's clock. */
  readonly calledAt: number;
  /** Events to the host; `abort` from it. */
  readonly port: MessagePort;
}

/** What the server thread tells its host while it runs. */
export type RunEvent =
  | { readonly type: 'log'; readonly level: 'debug' | 'info'; readonly message: string; readonly fields: object }
  | { readonly type: 'metrics'; readonly metrics: Metrics }
  | { readonly type: 'progress'; readonly progress: Progress };

/** How the task ends. Errors are data here, because classes and codes do not survive the way between threads. */
export type RunOutcome =
  | { readonly ok: true; readonly summary: Summary }
  | {
      readonly ok: false;
      readonly code: FlotillaError['code'];
      readonly message: string;
      readonly stack: string | undefined;
    };

const PROGRESS_MS = 200;
/** How often the event loop runs while rounds are short. */
const YIELD_MS = 50;

/** Entry of the server thread: one run from options to summary. Run by piscina as one long task. */
export default async function run(task: RunTask, runtime: Runtime = systemRuntime): Promise<RunOutcome> {
  try {
    return { ok: true, summary: await runInThread(task, runtime) };
  } catch (thrown) {
    const { code, message, stack } = asFlotillaError(thrown);
    return { ok: false, code, message, stack };
  } finally {
    task.port.close();
  }
}

async function runInThread({ options, calledAt, port }: RunTask, runtime: Runtime): Promise<Summary> {
  const emit = (event: RunEvent) => port.postMessage(event);
  let aborted = false;
  let training = false;
  const yieldToEventLoop = async () => {
    await runtime.yield();
    aborted ||= receiveMessageOnPort(port)?.message === 'abort';
    // a run that trains ends after a whole round; before that there is nothing to keep
    if (aborted && !training) throw new FlotillaError('aborted', 'the run was aborted before its first round');
  };
  // the workers' threads load their code while the data is read
  const hosts = startHosts(options, runtime);
  let folder: RunFolder | undefined;
  let fleet: Fleet | undefined;
  try {
    // data may have to be downloaded
    const plan = await abortable((signal) => planRun(options, signal), yieldToEventLoop, runtime);
    const { job, dimension, parameters } = plan;
    // what is left behind must be writable before any shard is loaded
    if (options.out !== undefined) folder = new RunFolder(options.out, { ...options, ...job });
    const launched = await launch(options, plan, runtime, yieldToEventLoop, hosts);
    const { server, stepSize, model } = launched;
    fleet = launched.fleet;
    const { threads } = fleet;
    const { ledger } = server;
    const rules = new StoppingCriteria(options);
    const record = async () => {
      const { round, seconds, ...values } = await server.evaluate();
      const clocks = model === undefined ? { seconds } : { seconds, modelSeconds: model.seconds[0] };
      const metrics: Metrics = { round, ...clocks, ...values };
      folder?.metrics(metrics);
      emit({ type: 'metrics', metrics });
      return metrics;
    };

    emit({
      type: 'log',
      level: 'info',
      message: 'run starts',
      fields: { ...job, dimension, threads, stepSize, ...parameters },
    });
    let metrics = await record();
    let stop: StopReason | undefined = rules.afterEvaluation(metrics);
    await yieldToEventLoop();
    training = true;
    const secondsToFirstRound = (runtime.now() - calledAt) / 1000;
    if (stop === undefined) await server.start();
    let yielded = runtime.now();
    let told = yielded;
    while (stop === undefined) {
      await server.step();
      const now = runtime.now();
      if (now - yielded > YIELD_MS) {
        await yieldToEventLoop();
        yielded = now;
      }
      if (now - told > PROGRESS_MS) {
        told = now;
        const { round, seconds } = server;
        const { uplink: uplinkBytes, downlink: downlinkBytes } = ledger.frameBytes;
        emit({ type: 'progress', progress: { round, seconds, uplinkBytes, downlinkBytes } });
      }
      stop = aborted
        ? 'aborted'
        : rules.afterRound(server.round, server.seconds, ledger.frameBytes.uplink + ledger.frameBytes.downlink);
      if (stop !== undefined || server.round % options.evalEvery === 0) {
        metrics = await record();
        stop ??= rules.afterEvaluation(metrics);
      }
    }

    const finished = await request(fleet, { type: 'finish' }, 'finished', yieldToEventLoop);
    const summary: Summary = {
      method: options.method,
      problem: options.problem,
      data: job.data ?? null,
      workers: job.workers,
      threads,
      dimension,
      seed: job.seed,
      transport: options.transport,
      link: options.link ?? null,
      linkModel: options.linkModel ?? null,
      wire: job.wire,
      dense: options.dense,
      coins: options.coins,
      rounds: server.round,
      loss: metrics.loss,
      gradNormSq: metrics.gradNormSq,
      stepSize,
      parameters,
      wallSeconds: server.seconds,
      modelSeconds: metrics.modelSeconds ?? null,
      computeSeconds: finished.reduce((sum, host) => sum + host.computeSeconds, 0),
      gradientCalls: finished.reduce((sum, host) => sum + host.gradientCalls, 0),
      secondsToFirstRound,
      uplink: metrics.uplink,
      downlink: metrics.downlink,
      stopReason: stop,
      xHash: server.xHash(),
    };
    folder?.summary(summary);
    emit({ type: 'log', level: 'info', message: 'run ends', fields: summary });
    return summary;
  } finally {
    folder?.close();
    await (fleet ?? hosts).close();
  }
}

/** Does `work` while `look` looks for an abort: what it throws is the reason that ends the work. */
async function abortable<T>(
  work: (signal: AbortSignal) => Promise<T>,
  look: () => Promise<void>,
  runtime: Runtime,
): Promise<T> {
  const abort = new AbortController();
  const done = new AbortController();
  const watch = async () => {
    while (!done.signal.aborted) {
      await runtime.sleep(YIELD_MS, done.signal);
      if (!done.signal.aborted) await look().catch((reason) => abort.abort(reason));
    }
  };
  void watch();
  return work(abort.signal).finally(() => done.abort());
}
