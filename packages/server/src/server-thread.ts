import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { FlotillaError, type Runtime, systemRuntime } from '@flotilla/core';
import { asFlotillaError, reportedParameters } from '@flotilla/core/internal';
import { startHosts } from './hosts/registry.js';
import type { Metrics, Progress, Summary } from './run/metrics.js';
import type { Options } from './run/options.js';
import { planRun } from './run/plan.js';
import { RunFolder } from './run/run-folder.js';
import { summarize } from './summary.js';
import { Training } from './training.js';

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
/** How often the event loop gets to run while data is loaded. */
const WATCH_MS = 50;

/** Entry of the server thread: one run from options to summary. Run by piscina as one long task. */
export default async function serve(task: RunTask, runtime: Runtime = systemRuntime): Promise<RunOutcome> {
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
  let begun = false;
  const yieldToEventLoop = async () => {
    await runtime.yield();
    aborted ||= receiveMessageOnPort(port)?.message === 'abort';
    // a run that trains ends after a whole round; before that there is nothing to keep
    if (aborted && !begun) throw new FlotillaError('aborted', 'the run was aborted before its first round');
  };
  // the workers' threads load their code while the data is read
  const hosts = startHosts(options, runtime);
  let folder: RunFolder | undefined;
  let training: Training | undefined;
  try {
    // data may have to be downloaded
    const note = (message: string) => emit({ type: 'log', level: 'info', message, fields: { note: true } });
    const plan = await abortable((signal) => planRun(options, signal, note), yieldToEventLoop, runtime);
    const { job } = plan;
    // what is left behind must be writable before any worker is built
    if (options.out !== undefined) folder = new RunFolder(options.out, { ...options, ...job });
    const opened = await Training.open(options, { plan, hosts, runtime, yieldToEventLoop });
    training = opened;
    const { stepSize, fleet, ledger } = opened;
    const { dimension } = plan;
    const parameters = reportedParameters(plan.method, plan.parameters);
    const started = { ...job, dimension, threads: fleet.threads, stepSize, ...parameters };
    emit({ type: 'log', level: 'info', message: 'run starts', fields: started });
    let secondsToFirstRound = 0;
    let told = runtime.now();
    const { metrics, stopReason } = await opened.run({
      onMetrics(row) {
        folder?.metrics(row);
        emit({ type: 'metrics', metrics: row });
      },
      onBegin() {
        begun = true;
        secondsToFirstRound = (runtime.now() - calledAt) / 1000;
      },
      onRound() {
        const now = runtime.now();
        if (now - told > PROGRESS_MS) {
          told = now;
          const { uplink: uplinkBytes, downlink: downlinkBytes } = ledger.frameBytes;
          const progress = { round: opened.rounds, seconds: opened.seconds, uplinkBytes, downlinkBytes };
          emit({ type: 'progress', progress });
        }
        return aborted;
      },
    });
    const summary = await summarize(opened, metrics, stopReason, secondsToFirstRound);
    folder?.summary(summary);
    emit({ type: 'log', level: 'info', message: 'run ends', fields: summary });
    return summary;
  } finally {
    folder?.close();
    await (training ?? hosts).close();
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
      await runtime.sleep(WATCH_MS, done.signal);
      if (!done.signal.aborted) await look().catch((reason) => abort.abort(reason));
    }
  };
  void watch();
  return work(abort.signal).finally(() => done.abort());
}
