import {
  FlotillaError,
  Kernels,
  KeyedRandom,
  type Method,
  type Oracle,
  type Problem,
  Rng,
  type Runtime,
  Spec,
  UsageError,
} from '@flotilla/core';
import {
  asFlotillaError,
  attempt,
  errorRecord,
  lookUp,
  lookUpProblem,
  parseProblem,
  SharedDraws,
} from '@flotilla/core/internal';
import {
  type Control,
  FIRST_EXCHANGE,
  FrameKind,
  HEADER_BYTES,
  type Header,
  type HostEnd,
  type Job,
  NO_ROUND,
  ProtocolError,
  packControl,
  readHeader,
  unpackControl,
  WIRE_VERSION,
  writeHeader,
} from '@flotilla/protocol';
import { Clock } from './clock.js';
import { CountedOracle } from './counted-oracle.js';
import type { Registries } from './plugins.js';
import { WidenedOracle, type WideSpace } from './widened-oracle.js';
import { type Settled, type Shared, share, Worker } from './worker.js';

/** What a host is given beside its job: in shared memory, or by copy. */
export interface HostInput {
  /** What the problem has loaded, for its `create` alone. */
  readonly problemData: object;
  /** x⁰, for a job that starts from a given point. */
  readonly start: Float64Array | undefined;
  /** Where each worker of the run, hosted here or not, shows its seconds in gradients; nowhere when left out. */
  readonly computeSeconds?: Float64Array | undefined;
  /** Memory of what the threads of the process draw once for all of them; each for itself when left out. */
  readonly draws?: SharedArrayBuffer | undefined;
}

/** What there is once a host knows its job. */
interface Configured {
  readonly job: Job;
  readonly method: Method;
  readonly problem: Problem;
  readonly random: KeyedRandom;
  /** A hosted worker, made anew. */
  readonly build: (index: number, oracle: Oracle) => Worker;
  readonly oracle: (index: number) => Oracle;
  /** Those that are hosted here, and those that have been: they may come back. */
  readonly workers: (Worker | undefined)[];
  /** What the workers share in rounds; undefined before the run's constants are known. */
  shared: Shared | undefined;
}

const FROM_THE_FIRST = { at: 0, before: undefined };

/**
 * One host of workers: hands what has arrived at its end of the transport to them, and says why there is no answer where there
 * is none. Its workers share its thread, kernels, compressors and work space, and nothing else. Knows messages, not threads; a
 * thread, a process or the loopback transport calls {@link WorkerHost.step} when there may be something to do.
 */
export class WorkerHost {
  #configured: Configured | undefined;
  readonly #header: Header = { kind: FrameKind.start, form: 'none', coins: 0, extra: 0, round: 0 };
  readonly #clock: Clock;
  /** Where among its workers it goes on, and the frame for all that it has read and not all have released. */
  #stopped: { readonly at: number; readonly before: Uint8Array | undefined } = FROM_THE_FIRST;

  constructor(
    private readonly end: HostEnd,
    private readonly input: HostInput,
    private readonly registries: Registries,
    runtime: Runtime,
  ) {
    this.#clock = new Clock(runtime);
  }

  /** The state of a hosted worker's half of the method. */
  state(worker: number): object {
    return this.#worker(worker).state;
  }

  /**
   * Handles everything that has arrived.
   * @param until Milliseconds of the runtime's clock: from then on it stops between two frames
   * @param enough Whether it is to stop between two frames, asked before each but the first
   * @returns false when it has stopped
   */
  step(until = Number.POSITIVE_INFINITY, enough?: () => boolean): boolean {
    // what is sent to all is one object where the transport has it so; once the last has released it, it may hold the next round's
    let { before } = this.#stopped;
    const first = this.#stopped.at;
    this.#stopped = FROM_THE_FIRST;
    for (let message = this.end.takeControl(); message !== undefined; message = this.end.takeControl()) {
      this.end.sendControl(packControl(this.#control(message)));
      before = undefined;
    }
    const { workers } = this.end;
    let isFirst = true;
    let time = this.#clock.latest;
    for (let k = 0; k < workers.length; k++) {
      const at = (first + k) % workers.length;
      const worker = workers[at] as number;
      for (let frame = this.#take(worker); frame !== undefined; frame = this.#take(worker)) {
        const isLate = !isFirst && until < Number.POSITIVE_INFINITY && this.#clock.since(time) >= until;
        if (isLate || (!isFirst && enough?.() === true)) {
          // that worker has not released it
          this.#stopped = { at, before: frame === before ? before : undefined };
          return false;
        }
        time = this.#clock.latest;
        this.#answer(worker, frame, frame === before);
        before = frame;
        isFirst = false;
      }
    }
    return true;
  }

  /** Answers a control message. */
  #control(bytes: Uint8Array): Control {
    try {
      const message = unpackControl(bytes);
      switch (message.type) {
        case 'configure':
          return { type: 'ready', wireVersion: WIRE_VERSION, ...this.#configure(message.job) };
        case 'begin':
          this.#begin(message);
          return { type: 'begun' };
        case 'move':
          this.#move();
          return { type: 'moved' };
        case 'finish':
          return { type: 'finished', ...this.#spent() };
        default:
          throw new ProtocolError(`a host cannot answer a control message of type ${message.type}`);
      }
    } catch (thrown) {
      return { type: 'failed', ...errorRecord(thrown) };
    }
  }

  /** Loads the shards. L_i and max_j L_ij of each hosted worker, null where there is none. */
  #configure(job: Job): { smoothness: (number | null)[]; sampleSmoothness: (number | null)[] } {
    const { draws } = this.input;
    const random = new KeyedRandom(job.seed, draws && new SharedDraws(draws));
    const reference = parseProblem(job.problem);
    const { spec } = reference;
    // a module is among them when the caller has named it: a message never has one imported
    const family = lookUpProblem(this.registries.problems, reference);
    const input = { workers: job.workers, random, ...this.input.problemData };
    const problem = attempt(`problem ${spec.name}, create`, () => family.create(spec, input));
    const kernels = new Kernels();
    const rng = new Rng();
    const { dimension, metrics = [] } = problem;
    const oracle = (index: number) => atWorker(index, () => problem.oracle(index, kernels));
    const oracles = this.end.workers.map(oracle);
    for (const [k, { smoothness = 0, sampleSmoothness = 0 }] of oracles.entries()) {
      if (Number.isFinite(smoothness + sampleSmoothness)) continue;
      throw new UsageError(
        `the smoothness constant of worker ${this.end.workers[k]} is ${smoothness + sampleSmoothness}: the numbers of ${job.data === undefined ? '' : `${job.data} or of `}${job.problem} are too large; scale them`,
      );
    }
    const wide = spaceFor(job, problem);
    const point = wide?.x ?? pointOf(problem);
    const build = (index: number, oracle: Oracle) => {
      const own = wide === undefined ? oracle : new WidenedOracle(oracle, wide);
      const local = new CountedOracle(index, own, random, rng, this.#clock, job, this.input.computeSeconds);
      return new Worker(index, oracle, local, dimension, metrics.length, this.end, point);
    };
    const workers = new Array<Worker | undefined>(job.workers).fill(undefined);
    for (const [k, index] of this.end.workers.entries()) workers[index] = build(index, oracles[k] as Oracle);
    const method = lookUp('method', this.registries.methods, Spec.parse('method', job.method).name);
    this.#configured = { job, method, problem, random, build, oracle, workers, shared: undefined };
    return {
      smoothness: oracles.map((oracle) => oracle.smoothness ?? null),
      sampleSmoothness: oracles.map((oracle) => oracle.sampleSmoothness ?? null),
    };
  }

  #begin(settled: Settled): void {
    const known = this.#known();
    const { job, method, problem, random } = known;
    const shared = share(job, method, problem, settled, this.registries.compressors, random, this.input.start);
    known.shared = shared;
    for (const index of this.end.workers) atWorker(index, () => this.#worker(index).begin(shared));
  }

  /** Builds workers that are hosted here now, unless they have been before; their states come after it. */
  #move(): void {
    const { workers, build, oracle, shared } = this.#known();
    if (shared === undefined)
      throw new ProtocolError('workers moved before the run has begun', { refusal: 'unexpected' });
    for (const index of this.end.workers) {
      if (workers[index] !== undefined) continue;
      const worker = build(index, oracle(index));
      atWorker(index, () => worker.begin(shared));
      workers[index] = worker;
    }
  }

  /** What the workers' gradients came to, evaluations left out. */
  #spent(): { computeSeconds: number; gradientCalls: number[] } {
    const spent = this.end.workers.map((index) => this.#worker(index).spent);
    const computeSeconds = spent.reduce((sum, { seconds }) => sum + seconds, 0);
    return { computeSeconds, gradientCalls: spent.map(({ calls }) => calls) };
  }

  /** A worker's next frame. What its end refuses, and has released, is answered here. */
  #take(index: number): Uint8Array | undefined {
    for (;;) {
      try {
        return this.end.take(index);
      } catch (thrown) {
        this.#fail(index, undefined, thrown);
      }
    }
  }

  /** Has a frame answered; what goes wrong is the answer. @param again Whether the worker before got the same. */
  #answer(index: number, frame: Uint8Array, again: boolean): void {
    let header: Readonly<Header> | undefined;
    try {
      header = readHeader(frame, this.#header);
      this.#worker(index).answer(frame, header, again);
    } catch (thrown) {
      this.#fail(index, header, thrown);
    }
    this.end.release(index);
  }

  /** @param header Of the frame that is answered; undefined when it cannot be read. */
  #fail(worker: number, header: Readonly<Header> | undefined, thrown: unknown): void {
    const round = header?.round ?? NO_ROUND;
    const known = asFlotillaError(thrown);
    const error =
      known.code === 'diverged' ? known : failureAt(worker, round < FIRST_EXCHANGE ? round : undefined, known, thrown);
    const reason = packControl({ type: 'failed', ...errorRecord(error) });
    const room = this.end.claim(worker, HEADER_BYTES + reason.length);
    writeHeader({ kind: FrameKind.failure, form: 'none', coins: 0, extra: 0, round }, room);
    room.set(reason, HEADER_BYTES);
    this.end.commit(worker, HEADER_BYTES + reason.length);
  }

  #worker(index: number): Worker {
    const worker = this.#known().workers[index];
    if (worker === undefined) throw new ProtocolError(`worker ${index} is not hosted here`);
    return worker;
  }

  #known(): Configured {
    if (this.#configured === undefined)
      throw new ProtocolError('a message came before the configuration', { refusal: 'unexpected' });
    return this.#configured;
  }
}

/** Work space for the gradients of a run in f32 whose problem knows f64 alone. */
function spaceFor({ precision }: Job, { precisions, dimension }: Problem): WideSpace | undefined {
  if (precision !== 'f32' || precisions?.includes('f32') === true) return undefined;
  return { x: new Float64Array(dimension), gradient: new Float64Array(dimension) };
}

/** Where points of evaluations are copied to, for a problem that may write to them as long as it works. All threads read what was sent. */
function pointOf({ precisions, dimension }: Problem): Float64Array | undefined {
  return precisions?.includes('f32') === true ? undefined : new Float64Array(dimension);
}

/** What was thrown at a worker, as an error that names both and keeps what was thrown. */
function failureAt(worker: number, round: number | undefined, known: FlotillaError, thrown: unknown): FlotillaError {
  const { code, message } = known;
  // what is refused and says no more is what a frame has carried
  const refusal = known.refusal ?? (code === 'protocol' ? 'payload' : undefined);
  const who = round === undefined ? `worker ${worker}` : `worker ${worker}, round ${round}`;
  return new FlotillaError(code, `${who}: ${message}`, { cause: thrown, worker, round, refusal });
}

/** Sets a worker up: an error that was not thrown on purpose names it. */
function atWorker<T>(worker: number, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const error = asFlotillaError(thrown);
    throw error === thrown ? error : failureAt(worker, undefined, error, thrown);
  }
}
