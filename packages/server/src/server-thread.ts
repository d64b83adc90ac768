import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { FlotillaError, type Runtime, systemRuntime } from '@flotilla/core';
import { asFlotillaError, type ErrorRecord, errorRecord, reportedParameters } from '@flotilla/core/internal';
import { startHosts } from './hosts/registry.js';
import type { FlatModel } from './model/model.js';
import { modelFile } from './model/safetensors.js';
import type { Metrics, Phase, Progress, Summary } from './run/metrics.js';
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
  /** Events to the host; {@link HostMessage}s from it. */
  readonly port: MessagePort;
}

/** What the host tells the server thread while it runs: to end after the current round, or to send its model after it. */
export type HostMessage = 'abort' | 'model';

/** What the server thread tells its host while it runs. */
export type RunEvent =
  | { readonly type: 'log'; readonly level: 'debug' | 'info'; readonly message: string; readonly fields: object }
  | { readonly type: 'metrics'; readonly metrics: Metrics }
  | { readonly type: 'phase'; readonly phase: Phase }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'model'; readonly model: FlatModel };

/** How the task ends. Errors are data here, because classes and codes do not survive the way between threads. */
export type RunOutcome = (
  | { readonly ok: true; readonly summary: Summary }
  | (ErrorRecord & { readonly ok: false; readonly stack: string | undefined })
) & {
  /** After the last round that has ended; undefined when the run has not come to x⁰. */
  readonly model: FlatModel | undefined;
};

const PROGRESS_MS = 200;
/** How often the event loop gets to run while data is loaded. */
const WATCH_MS = 50;

/** Entry of the server thread: one run from options to summary. Run by piscina as one long task. */
export default async function serve(task: RunTask, runtime: Runtime = systemRuntime): Promise<RunOutcome> {
  let model: FlatModel | undefined;
  try {
    const summary = await runInThread(task, runtime, (last) => {
      model = last;
    });
    return { ok: true, summary, model };
  } catch (thrown) {
    return { ok: false, ...errorRecord(thrown), stack: asFlotillaError(thrown).stack, model };
  } finally {
    task.port.close();
  }
}

/** @param leave Takes the model that the run leaves behind, however it ends. */
async function runInThread(
  { options, calledAt, port }: RunTask,
  runtime: Runtime,
  leave: (model: FlatModel) => void,
): Promise<Summary> {
  const emit = (event: RunEvent) => port.postMessage(event);
  let aborted = false;
  let begun = false;
  let modelsAsked = 0;
  const yieldToEventLoop = async () => {
    await runtime.yield();
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
      const message = got.message as HostMessage;
      if (message === 'abort') aborted = true;
      else modelsAsked++;
    }
    // a run that trains ends after a whole round; before that there is nothing to keep
    if (aborted && !begun) throw new FlotillaError('aborted', 'the run was aborted before its first round');
  };
  // the workers' threads load their code while the data is read
  const hosts = startHosts(options, runtime);
  let folder: RunFolder | undefined;
  let training: Training | undefined;
  const leaveModel = () => {
    if (training === undefined) return;
    const model = training.flatModel();
    leave(model);
    folder?.write('model.safetensors', modelFile(model));
  };
  try {
    emit({ type: 'phase', phase: 'loading' });
    // data may have to be downloaded
    const note = (message: string) => emit({ type: 'log', level: 'info', message, fields: { note: true } });
    const plan = await abortable((signal) => planRun(options, signal, note), yieldToEventLoop, runtime);
    const { job } = plan;
    // what is left behind must be writable before any worker is built
    if (options.out !== undefined) {
      // a starting point has the path that it was given by, else the hash of its numbers
      const init = typeof options.init === 'string' ? options.init : job.init;
      // validation data likewise
      const validation = typeof options.validation === 'string' ? options.validation : plan.validationSource;
      folder = new RunFolder(options.out, { ...options, ...job, init, validation });
    }
    emit({ type: 'phase', phase: 'building' });
    const opened = await Training.open(options, { plan, hosts, runtime, yieldToEventLoop });
    training = opened;
    const answerModels = () => {
      for (; modelsAsked > 0; modelsAsked--) emit({ type: 'model', model: opened.flatModel() });
    };
    const { stepSize, fleet, ledger } = opened;
    const { dimension } = plan;
    const parameters = reportedParameters(plan.method, plan.parameters);
    const started = { ...job, dimension, threads: fleet.threads, stepSize, ...parameters };
    emit({ type: 'log', level: 'info', message: 'run starts', fields: started });
    emit({ type: 'phase', phase: 'evaluating' });
    let secondsToFirstRound = 0;
    let told = runtime.now();
    const { metrics, stopReason } = await opened.run({
      onMetrics(row) {
        folder?.metrics(row);
        // there is something to keep: from now on an abort waits for the end of a round
        begun = true;
        emit({ type: 'metrics', metrics: row });
        answerModels();
      },
      onBegin() {
        emit({ type: 'phase', phase: 'training' });
        answerModels();
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
        answerModels();
        return aborted;
      },
    });
    const summary = await summarize(opened, metrics, stopReason, secondsToFirstRound);
    leaveModel();
    folder?.summary(summary);
    emit({ type: 'log', level: 'info', message: 'run ends', fields: summary });
    return summary;
  } catch (error) {
    if (!begun) folder?.discard();
    // of two reasons the first one counts
    else {
      try {
        leaveModel();
      } catch {}
    }
    throw error;
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
