import {
  type Attached,
  type Constants,
  type Context,
  DivergedError,
  type Gradient,
  initialPoint,
  Kernels,
  KeyedRandom,
  lookUp,
  type Method,
  methods,
  type Oracle,
  type Outgoing,
  problems,
  Spec,
  split,
} from '@flotilla/core';
import { Boundary, FrameKind, HEADER_BYTES, type Job, ProtocolError, writeHeader } from '@flotilla/protocol';

/** One worker: its function, and its half of the method's state. */
interface LogicalWorker {
  readonly oracle: Oracle;
  readonly gradient: Gradient;
  state: unknown;
  /** The last round answered; −1 before any. */
  round: number;
}

/**
 * The workers of one host, which share its thread, kernels, compressors and scratch memory, and nothing else: each has
 * its own shard and state, and its own messages.
 */
export class LogicalWorkers {
  readonly dimension: number;
  readonly uplink: Boundary;
  /** L_i of each hosted worker, null where there is none. */
  readonly smoothness: (number | null)[];
  /** Seconds spent in gradients, evaluations left out. */
  computeSeconds = 0;
  readonly #downlink: Boundary;
  readonly #method: Method;
  readonly #workers = new Map<number, LogicalWorker>();
  readonly #start: Float64Array;
  /** The value, then the gradient. */
  readonly #evaluated: Float64Array;
  #context: Context | undefined;

  constructor(
    private readonly job: Job,
    hosted: readonly number[],
    { data, instance }: Attached,
  ) {
    const random = new KeyedRandom(job.seed);
    const spec = Spec.parse('problem', job.problem);
    const shards = data && split(job.split ?? 'contiguous', data.samples, job.workers, random);
    const problem = lookUp('problem', problems, spec.name).create(spec, {
      workers: job.workers,
      random,
      data,
      shards,
      instance,
    });
    const link = { dimension: problem.dimension, workers: job.workers, wire: job.wire, random };

    this.dimension = problem.dimension;
    this.#method = lookUp('method', methods, Spec.parse('method', job.method).name);
    const toAll = this.#method.downlinkTo === 'all';
    this.#downlink = new Boundary({ ...link, direction: 'downlink', compressor: job.downlink, toAll });
    this.uplink = new Boundary({ ...link, direction: 'uplink', compressor: job.uplink });
    this.#start = initialPoint(job.init, problem.dimension, random);
    this.#evaluated = new Float64Array(1 + problem.dimension);
    const kernels = new Kernels();
    for (const worker of hosted) {
      const oracle = problem.oracle(worker, kernels);
      const gradient: Gradient = (x, out) => {
        const from = performance.now();
        const value = oracle.gradient(x, out);
        this.computeSeconds += (performance.now() - from) / 1000;
        return value;
      };
      this.#workers.set(worker, { oracle, gradient, state: undefined, round: -1 });
    }
    this.smoothness = [...this.#workers.values()].map(({ oracle }) => oracle.smoothness ?? null);
  }

  /** Sets the run's constants and every worker's initial state. */
  begin(constants: Readonly<Record<string, number>>): void {
    const context = {
      workers: this.job.workers,
      dimension: this.dimension,
      constants: constants as Constants,
      start: this.#start,
    };
    this.#context = context;
    for (const worker of this.#workers.values()) worker.state = this.#method.worker.init(context);
  }

  /** The uplink before round 1. */
  start(index: number, frame: Uint8Array): Outgoing {
    const worker = this.#next(index, 0);
    this.#downlink.read(frame, FrameKind.start, 0, index);
    const start = this.#method.worker.start;
    if (start === undefined) throw new ProtocolError(`${this.#method.name} has no message before round 1`);
    return start(worker.state, this.#running(), worker.gradient);
  }

  /** Takes a round's downlink and returns the uplink. */
  round(index: number, frame: Uint8Array): Outgoing {
    const round = Math.max(0, this.#worker(index).round) + 1;
    const incoming = this.#downlink.read(frame, FrameKind.downlink, round, index);
    const worker = this.#next(index, round);
    return this.#method.worker.round(worker.state, this.#running(), incoming, worker.gradient);
  }

  /** Tells the method what the uplink it has just handed out carried. */
  sent(index: number, round: number, frame: Uint8Array): void {
    const { sent } = this.#method.worker;
    if (sent === undefined) return;
    const carried = this.uplink.read(frame, FrameKind.uplink, round, index);
    sent(this.#worker(index).state, this.#running(), carried);
  }

  /** Computes f_i(x) and ∇f_i(x), exact, for {@link LogicalWorkers.writeEvaluation}. Changes no worker's state. */
  evaluate(index: number, round: number, x: Float64Array): void {
    const value = this.#worker(index).oracle.gradient(x, this.#evaluated.subarray(1));
    if (!Number.isFinite(value)) throw new DivergedError(round, index, `the loss is ${value}`);
    this.#evaluated[0] = value;
  }

  /** Upper bound of an evaluation frame. */
  get evaluationBytes(): number {
    return HEADER_BYTES + this.#evaluated.byteLength;
  }

  /** Writes the last evaluation as a frame and returns its length. */
  writeEvaluation(round: number, frame: Uint8Array): number {
    writeHeader({ kind: FrameKind.evaluation, form: 'none', coins: 0, round }, frame);
    frame.set(new Uint8Array(this.#evaluated.buffer), HEADER_BYTES);
    return this.evaluationBytes;
  }

  #worker(index: number): LogicalWorker {
    const worker = this.#workers.get(index);
    if (worker === undefined) throw new ProtocolError(`worker ${index} is not hosted here`);
    return worker;
  }

  #next(index: number, round: number): LogicalWorker {
    const worker = this.#worker(index);
    worker.round = round;
    return worker;
  }

  #running(): Context {
    if (this.#context === undefined) throw new ProtocolError('a round came before its constants');
    return this.#context;
  }
}
