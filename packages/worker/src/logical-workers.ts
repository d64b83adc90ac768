import {
  type Constants,
  type Context,
  createContext,
  DivergedError,
  Kernels,
  KeyedRandom,
  lookUp,
  type Method,
  messageDimension,
  methods,
  type Oracle,
  type Outgoing,
  type ProblemData,
  problems,
  Rng,
  type Runtime,
  Spec,
} from '@flotilla/core';
import {
  Boundary,
  FrameKind,
  HEADER_BYTES,
  type Header,
  type Job,
  ProtocolError,
  writeHeader,
} from '@flotilla/protocol';
import { CountedOracle } from './counted-oracle.js';

/** One worker: its function, and its half of the method's state. */
interface LogicalWorker {
  readonly oracle: Oracle;
  readonly local: CountedOracle;
  state: unknown;
  /** The last round answered; −1 before any. */
  round: number;
}

/** What there is once the run's constants are known. */
interface Running {
  readonly context: Context;
  readonly downlink: Boundary;
  readonly uplink: Boundary;
}

/**
 * The workers of one host, which share its thread, kernels, compressors and scratch memory, and nothing else: each has
 * its own shard and state, and its own messages.
 */
export class LogicalWorkers {
  readonly dimension: number;
  readonly #method: Method;
  readonly #random: KeyedRandom;
  readonly #workers = new Map<number, LogicalWorker>();
  /** The value, then the gradient. */
  readonly #evaluated: Float64Array;
  #running: Running | undefined;

  constructor(
    private readonly job: Job,
    hosted: readonly number[],
    problemData: ProblemData,
    runtime: Runtime,
  ) {
    const random = new KeyedRandom(job.seed);
    const spec = Spec.parse('problem', job.problem);
    const problem = lookUp('problem', problems, spec.name).create(spec, {
      workers: job.workers,
      random,
      ...problemData,
    });
    this.#random = random;
    this.dimension = problem.dimension;
    this.#method = lookUp('method', methods, Spec.parse('method', job.method).name);
    this.#evaluated = new Float64Array(1 + problem.dimension);
    const kernels = new Kernels();
    const rng = new Rng();
    for (const worker of hosted) {
      const oracle = problem.oracle(worker, kernels);
      const local = new CountedOracle(worker, oracle, random, rng, runtime);
      this.#workers.set(worker, { oracle, local, state: undefined, round: -1 });
    }
  }

  /** L_i and max_j L_ij of each hosted worker, null where there is none. */
  get constants(): { smoothness: (number | null)[]; sampleSmoothness: (number | null)[] } {
    const oracles = [...this.#workers.values()].map(({ oracle }) => oracle);
    return {
      smoothness: oracles.map((oracle) => oracle.smoothness ?? null),
      sampleSmoothness: oracles.map((oracle) => oracle.sampleSmoothness ?? null),
    };
  }

  /** What the workers' gradients came to, evaluations left out. */
  get spent(): { computeSeconds: number; gradientCalls: number } {
    let computeSeconds = 0;
    let gradientCalls = 0;
    for (const { local } of this.#workers.values()) {
      computeSeconds += local.seconds;
      gradientCalls += local.calls;
    }
    return { computeSeconds, gradientCalls };
  }

  /** The boundary that uplinks cross. */
  get uplink(): Boundary {
    return this.#begun().uplink;
  }

  /** The state of a worker's half of the method. */
  state(index: number): unknown {
    return this.#worker(index).state;
  }

  /** Sets the run's constants and every worker's initial state. */
  begin(constants: Readonly<Record<string, number>>): void {
    const { job, dimension } = this;
    const method = this.#method;
    const context = createContext(job, dimension, constants as Constants, this.#random);
    const link = {
      dimension: messageDimension(method, constants, dimension),
      workers: job.workers,
      wire: job.wire,
      dense: job.dense,
      random: this.#random,
    };
    const toAll = method.downlinkTo === 'all';
    this.#running = {
      context,
      downlink: new Boundary({ ...link, direction: 'downlink', compressor: job.downlink, toAll }),
      uplink: new Boundary({ ...link, direction: 'uplink', compressor: job.uplink }),
    };
    for (const worker of this.#workers.values()) worker.state = method.worker.init(context, worker.local);
  }

  /** The uplink before round 1. */
  start(index: number, header: Readonly<Header>, frame: Uint8Array): Outgoing {
    const { context, downlink } = this.#begun();
    const worker = this.#worker(index);
    downlink.read(frame, FrameKind.start, 0, index, undefined, header);
    worker.round = 0;
    const start = this.#method.worker.start;
    if (start === undefined) throw new ProtocolError(`${this.#method.name} has no message before round 1`);
    return start(worker.state, context, worker.local);
  }

  /** Takes a round's downlink and returns the uplink, if there is one. */
  round(index: number, header: Readonly<Header>, frame: Uint8Array): Outgoing | undefined {
    const { context, downlink } = this.#begun();
    const worker = this.#worker(index);
    const last = Math.max(0, worker.round);
    const expected = this.#method.gaps ? undefined : last + 1;
    const incoming = downlink.read(frame, FrameKind.downlink, expected, index, last, header);
    worker.round = header.round;
    worker.local.round = header.round;
    return this.#method.worker.round(worker.state, context, incoming, worker.local);
  }

  /** Tells the method what the uplink it has just handed out carried. */
  sent(index: number, round: number, frame: Uint8Array): void {
    const { sent } = this.#method.worker;
    if (sent === undefined) return;
    const { context, uplink } = this.#begun();
    sent(this.#worker(index).state, context, uplink.read(frame, FrameKind.uplink, round, index));
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
    writeHeader({ kind: FrameKind.evaluation, form: 'none', coins: 0, extra: 0, round }, frame);
    frame.set(new Uint8Array(this.#evaluated.buffer), HEADER_BYTES);
    return this.evaluationBytes;
  }

  #worker(index: number): LogicalWorker {
    const worker = this.#workers.get(index);
    if (worker === undefined) throw new ProtocolError(`worker ${index} is not hosted here`);
    return worker;
  }

  #begun(): Running {
    if (this.#running === undefined) throw new ProtocolError('a round came before its constants');
    return this.#running;
  }
}
