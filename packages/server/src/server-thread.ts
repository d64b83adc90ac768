import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { asFlotillaError, FlotillaError } from '@flotilla/core';
import { type Fleet, request, startThreads } from './hosts/fleet.js';
import { launch } from './launch.js';
import type { Metrics, Progress, StopReason, Summary } from './run/metrics.js';
import type { Options } from './run/options.js';
import { planRun } from './run/plan.js';
import { RunFolder } from './run/run-folder.js';
import { StoppingCriteria } from './run/stopping.js';

/** What the server thread is started with. */
export interface RunTask {
  readonly options: Options;
  /** When `train` was called, in milliseconds since the epoch. */
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
/** How often the event loop gets a turn while rounds are short. */
const TURN_MS = 50;

/** Entry of the server thread: one run from options to summary. Run by piscina as one long task. */
export default async function run(task: RunTask): Promise<RunOutcome> {
  try {
    return { ok: true, summary: await runInThread(task) };
  } catch (thrown) {
    const { code, message, stack } = asFlotillaError(thrown);
    return { ok: false, code, message, stack };
  } finally {
    task.port.close();
  }
}

async function runInThread({ options, calledAt, port }: RunTask): Promise<Summary> {
  const emit = (event: RunEvent) => port.postMessage(event);
  let aborted = false;
  let training = false;
  const turn = async () => {
    await new Promise(setImmediate);
    aborted ||= receiveMessageOnPort(port)?.message === 'abort';
    // a run that trains ends after a whole round; before that there is nothing to keep
    if (aborted && !training) throw new FlotillaError('aborted', 'the run was aborted before its first round');
  };
  // the workers' threads load their code while the data is read
  const pool = startThreads(options);
  let folder: RunFolder | undefined;
  let fleet: Fleet | undefined;
  try {
    // data may have to be downloaded
    const loading = new AbortController();
    const watch = setInterval(() => turn().catch((error) => loading.abort(error)), TURN_MS);
    const plan = await planRun(options, loading.signal).finally(() => clearInterval(watch));
    const { job, dimension, parameters } = plan;
    // what is left behind must be writable before any worker is built
    if (options.out !== undefined) folder = new RunFolder(options.out, { ...options, ...job });
    const launched = await launch(options, plan, turn, pool);
    const { server, stepSize } = launched;
    fleet = launched.fleet;
    const { threads } = fleet;
    const { ledger } = server;
    const rules = new StoppingCriteria(options);
    const record = async () => {
      const metrics = await server.evaluate();
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
    await turn();
    training = true;
    const secondsToFirstRound = (Date.now() - calledAt) / 1000;
    if (stop === undefined) await server.start();
    let turned = performance.now();
    let told = turned;
    while (stop === undefined) {
      await server.step();
      const now = performance.now();
      if (now - turned > TURN_MS) {
        await turn();
        turned = now;
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

    const finished = await request(fleet, { type: 'finish' }, 'finished', turn);
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
    await (fleet ?? pool)?.close();
  }
}
