import { receiveMessageOnPort } from 'node:worker_threads';
import { FlotillaError, type Runtime } from '@flotilla/core';
import { asFlotillaError, errorRecord, reportedParameters } from '@flotilla/core/internal';
import { CheckpointFolder } from './checkpoint/checkpoint-folder.js';
import { Checkpoints } from './checkpoint/checkpoints.js';
import { identityOf } from './checkpoint/identity.js';
import { MemoryCheckpoints } from './checkpoint/memory-checkpoints.js';
import { Resumption } from './checkpoint/resumption.js';
import { parseCheckpointEvery } from './checkpoint/schedule.js';
import { checkStart, withoutStart } from './checkpoint/stored-run.js';
import type { Hosts } from './hosts/fleet.js';
import { type Machine, systemMachine } from './machine.js';
import type { FlatModel } from './model/model.js';
import { modelFile } from './model/safetensors.js';
import { Recovery } from './recovery/recovery.js';
import { Meter } from './round/meter.js';
import { Stragglers } from './round/stragglers.js';
import { Grace } from './run/grace.js';
import type { Note } from './run/happening.js';
import type { Summary } from './run/metrics.js';
import type { Options } from './run/options.js';
import { planRun, type RunPlan } from './run/plan.js';
import { RunFolder } from './run/run-folder.js';
import type { HostMessage, RunEvent, RunOutcome, RunTask } from './server-messages.js';
import { aboutRun, type RunFacts, summarize } from './summary.js';
import { type Observer, Training } from './training.js';

const PROGRESS_MS = 200;
const METERS_MS = 500;
/** How often the event loop gets to run while data is loaded. */
const WATCH_MS = 50;

/** Entry of the server thread: one run from options to summary. Run by piscina as one long task. */
export default async function serve(task: RunTask, machine: Machine = systemMachine): Promise<RunOutcome> {
  let model: FlatModel | undefined;
  try {
    const summary = await runInThread(task, machine, (last) => {
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
  { options, resume, isMetered, calledAt, port }: RunTask,
  { runtime, disk, startHosts }: Machine,
  leave: (model: FlatModel) => void,
): Promise<Summary> {
  const emit = (event: RunEvent) => port.postMessage(event);
  const grace = new Grace(1000 * options.grace, runtime, () => emit({ type: 'sign' }));
  let aborted = false;
  let begun = false;
  let modelsAsked = 0;
  let checkpointsAsked = 0;
  const yieldToEventLoop = async () => {
    await runtime.yield();
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
      const message = got.message as HostMessage;
      if (message === 'abort' || message === 'terminate') {
        aborted = true;
        if (message === 'abort') grace.begin();
        else grace.end();
      } else if (message === 'model') modelsAsked++;
      else checkpointsAsked++;
    }
    // a run that trains ends after a whole round; before that there is nothing to keep
    if (aborted && !begun) throw new FlotillaError('aborted', 'the run was aborted before its first round');
    grace.check();
  };
  const until = <T>(work: (signal: AbortSignal) => Promise<T>) => abortable(work, yieldToEventLoop, runtime);
  const note: Note = (message, happening = { type: 'note' }) => {
    emit({ type: 'log', level: 'info', message, fields: { note: true } });
    emit({ type: 'happens', event: { ...happening, message } });
  };
  // the workers' threads load their code while the data is read
  const hosts = startHosts(options, runtime, note);
  const { out } = options;
  const every = parseCheckpointEvery(options.checkpointEvery);
  let folder: RunFolder | undefined;
  let store: CheckpointFolder | undefined;
  let resumption: Resumption | undefined;
  let training: Training | undefined;
  /** From the first checkpoint on the folder stays, however the run ends. */
  let stays = resume !== undefined;
  let evaluated = false;
  const leaveModel = () => {
    if (training === undefined) return;
    const model = training.flatModel(true);
    leave(model);
    folder?.write('model.safetensors', modelFile(model));
  };
  try {
    // data may take long to read, and more to download
    if (out !== undefined && resume === undefined) RunFolder.checkFree(out, disk);
    emit({ type: 'phase', phase: 'loading' });
    if (out !== undefined && resume !== undefined) {
      const onWait = (message: string) => note(message, { type: 'waiting' });
      folder = await until((signal) => RunFolder.resume(out, signal, onWait, disk, runtime));
      store = new CheckpointFolder(folder.path, disk);
      resumption = new Resumption(folder, store, note);
      if (!resumption.isPossible) checkStart(options);
    }
    const planned = resumption?.isPossible === true ? withoutStart(options) : options;
    // data may have to be downloaded
    const plan = await until((signal) => planRun(planned, signal, note));
    const { job } = plan;
    // what is left behind must be writable before any worker is built
    if (out !== undefined) folder ??= RunFolder.create(out, disk, runtime);
    emit({ type: 'phase', phase: 'building' });
    const stragglers = new Stragglers(options, note);
    const { maxRestarts } = options;
    const meter = isMetered === true ? new Meter(job.workers) : undefined;
    const open = (given: Hosts, attempt?: number) =>
      Training.open(options, { plan, hosts: given, runtime, yieldToEventLoop, stragglers, attempt, meter });
    const onLoss = ({ message, worker, round }: FlotillaError) => {
      if (worker !== undefined) meter?.lost(worker);
      emit({ type: 'log', level: 'debug', message, fields: { lost: true, worker, round } });
    };
    const reopen = (attempt: number) => open(startHosts(options, runtime, note), attempt);
    const recovery = new Recovery(maxRestarts, reopen, note, onLoss);
    let opened = await recovery.opened(() => open(hosts));
    training = opened;
    let checkpoints: Checkpoints | undefined;
    let resumedAt: number | undefined;
    if (folder !== undefined) {
      const identity = await until((signal) => identityOf(options, signal));
      store ??= new CheckpointFolder(folder.path, disk);
      checkpoints = new Checkpoints(opened, folder, store, identity, every, runtime, {
        onWritten: () => grace.sign(),
        onTaken: ({ round, path }) =>
          emit({
            type: 'happens',
            event: { type: 'checkpoint', round, path, message: `checkpoint of round ${round}` },
          }),
      });
      if (resume === undefined) {
        await folder.begin(configOf(options, plan));
      } else {
        const from = await resumption?.restore(opened, identity, resume.force);
        begun = true;
        if (resume.config !== undefined) folder.config(resume.config);
        if (from !== undefined) checkpoints.resumed(from);
        resumedAt = from?.round;
      }
      if (every !== 'never') {
        await checkpoints.take();
        stays = true;
      }
    }
    const memory =
      every === 'never' || checkpoints === undefined
        ? new MemoryCheckpoints(opened, folder, every, runtime, checkpoints)
        : undefined;
    // at round 0 a training that is opened again needs none
    if (memory !== undefined && maxRestarts > 0 && opened.rounds > 0) await memory.take();
    recovery.goOnFrom(memory ?? (checkpoints as Checkpoints));
    const answerModels = () => {
      for (; modelsAsked > 0; modelsAsked--) emit({ type: 'model', model: opened.flatModel() });
    };
    const takeCheckpoint = async () => {
      const checkpoint = await checkpoints?.take();
      for (; checkpoint !== undefined && checkpointsAsked > 0; checkpointsAsked--)
        emit({ type: 'checkpoint', checkpoint });
    };
    const { stepSize, fleet } = opened;
    const { dimension } = plan;
    const parameters = reportedParameters(plan.method, plan.parameters);
    const started = { ...job, dimension, threads: fleet.threads, stepSize, ...parameters };
    emit({ type: 'log', level: 'info', message: 'run starts', fields: started });
    const { secondsToFirstRound: _, ...about } = aboutRun(opened, 0, folder?.resumed);
    emit({ type: 'opened', about: { ...about, folder: folder?.path, round: opened.rounds } });
    if (opened.rounds === 0) emit({ type: 'phase', phase: 'evaluating' });
    let facts: RunFacts | undefined;
    let told = runtime.now();
    let metered = told;
    const emitMeters = () => {
      if (meter === undefined) return;
      const at = { round: opened.rounds, seconds: opened.seconds, restarts: recovery.repeated?.restarts ?? 0 };
      emit({ type: 'meters', meters: meter.read(at, opened.ledger) });
    };
    let lastRow = -1;
    const observer: Observer = {
      onMetrics(row) {
        folder?.metrics(row);
        // rounds that are run again have been heard of
        if (row.round <= lastRow) return;
        lastRow = row.round;
        // there is something to keep: from now on an abort waits for the end of a round
        begun = true;
        stays = true;
        evaluated = true;
        emit({ type: 'metrics', metrics: row });
        grace.sign();
        answerModels();
      },
      onBegin() {
        emit({ type: 'phase', phase: 'training' });
        answerModels();
        if (facts !== undefined) return;
        facts = aboutRun(opened, (runtime.now() - calledAt) / 1000, folder?.resumed);
        emit({ type: 'begins', facts, folder: folder?.path });
      },
      onMove(hosts) {
        const own = hosts.filter((host) => host === 0).length;
        const fields = { threads: opened.fleet.threads, own, round: opened.rounds };
        emit({ type: 'log', level: 'info', message: 'workers are on the threads that are fastest', fields });
      },
      onRound() {
        grace.sign();
        const now = runtime.now();
        if (now - told > PROGRESS_MS) {
          told = now;
          const { uplink: uplinkBytes, downlink: downlinkBytes } = opened.ledger.frameBytes;
          const progress = { round: opened.rounds, seconds: opened.seconds, uplinkBytes, downlinkBytes };
          emit({ type: 'progress', progress });
          if (now - metered > METERS_MS) {
            metered = now;
            emitMeters();
          }
        }
        answerModels();
        if (checkpointsAsked > 0 || (every !== 'never' && checkpoints?.isDue === true)) {
          return takeCheckpoint().then(() => aborted);
        }
        if (maxRestarts === 0 || memory?.isDue !== true) return aborted;
        return memory.take().then(() => aborted);
      },
      async onStop(reason) {
        if (opened.rounds === resumedAt && reason !== 'aborted') {
          note(`no round is added: by ${reason} the run is at its end after round ${resumedAt}`);
        }
        if (every === 'never' && checkpointsAsked === 0) return;
        try {
          await takeCheckpoint();
        } catch (thrown) {
          // what has come to its end needs none on a disk that takes none: it only cannot be made longer from here
          if (reason === 'aborted' || asFlotillaError(thrown).code !== 'io') throw thrown;
          note(asFlotillaError(thrown).message);
        }
      },
    };
    const run = async () => {
      for (;;) {
        try {
          const { metrics, stopReason } = await opened.run(observer);
          emitMeters();
          const { repeated } = recovery;
          return await summarize(opened, facts ?? aboutRun(opened, 0), metrics, stopReason, repeated);
        } catch (thrown) {
          meter?.drop();
          opened = await recovery.after(thrown, opened);
          training = opened;
        }
      }
    };
    const summary = await run();
    grace.sign();
    leaveModel();
    folder?.summary(summary);
    if (summary.stopReason !== 'aborted') checkpoints?.end();
    emit({ type: 'log', level: 'info', message: 'run ends', fields: summary });
    return summary;
  } catch (thrown) {
    grace.sign();
    // what failed at x⁰ by its nature fails again: nothing is left
    const isHopeless = !evaluated && !['aborted', 'worker-lost', 'io', 'limit'].includes(asFlotillaError(thrown).code);
    if (!stays || isHopeless) folder?.discard();
    // of two reasons the first one counts
    else if (begun) {
      try {
        leaveModel();
      } catch {}
    }
    throw thrown;
  } finally {
    resumption?.close();
    folder?.close();
    await (training ?? hosts).close(grace.isOver ? 0 : undefined);
  }
}

/** Every option as it was resolved: enough to repeat the run. */
function configOf(options: Options, { job, validationSource }: RunPlan): object {
  // a starting point has the path that it was given by, else the hash of its numbers
  const init = typeof options.init === 'string' ? options.init : job.init;
  // validation data likewise
  const validation = typeof options.validation === 'string' ? options.validation : validationSource;
  return { ...options, ...job, init, validation };
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
