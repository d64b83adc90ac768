import {
  DivergedError,
  FlotillaError,
  Kernels,
  KeyedRandom,
  type Method,
  type Problem,
  Rng,
  type Runtime,
  Spec,
  UsageError,
} from '@flotilla/core';
import { asFlotillaError, lookUp } from '@flotilla/core/internal';
import {
  type Control,
  FrameKind,
  HEADER_BYTES,
  type Header,
  type HostEnd,
  type Job,
  ProtocolError,
  packControl,
  readHeader,
  unpackControl,
  WIRE_VERSION,
  writeHeader,
} from '@flotilla/protocol';
import { CountedOracle } from './counted-oracle.js';
import type { Registries } from './plugins.js';
import { type Settled, share, Worker } from './worker.js';

/** What there is once a host knows its job. */
interface Configured {
  readonly job: Job;
  readonly method: Method;
  readonly problem: Problem;
  readonly random: KeyedRandom;
  readonly workers: ReadonlyMap<number, Worker>;
}

/**
 * One host of workers: hands what has arrived at its end of the transport to them, and says why there is no answer where there
 * is none. Its workers share its thread, kernels, compressors and work space, and nothing else. Knows messages, not threads; a
 * thread, a process or the loopback transport calls {@link WorkerHost.step} when there may be something to do.
 */
export class WorkerHost {
  #configured: Configured | undefined;
  readonly #header: Header = { kind: FrameKind.start, form: 'none', coins: 0, extra: 0, round: 0 };

  constructor(
    private readonly end: HostEnd,
    /** What the problem has loaded, for its `create` alone. */
    private readonly problemData: object,
    private readonly registries: Registries,
    private readonly runtime: Runtime,
  ) {}

  /** The state of a hosted worker's half of the method. */
  state(worker: number): object {
    return this.#worker(worker).state;
  }

  /** Handles everything that has arrived. */
  step(): void {
    for (let message = this.end.takeControl(); message !== undefined; message = this.end.takeControl()) {
      this.end.sendControl(packControl(this.#control(message)));
    }
    for (const worker of this.end.workers) {
      for (let frame = this.end.take(worker); frame !== undefined; frame = this.end.take(worker)) {
        this.#answer(worker, frame);
      }
    }
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
        case 'finish':
          return { type: 'finished', ...this.#spent() };
        default:
          throw new ProtocolError(`a host cannot answer a control message of type ${message.type}`);
      }
    } catch (thrown) {
      const { code, message } = asFlotillaError(thrown);
      return { type: 'failed', code, message };
    }
  }

  /** Loads the shards. L_i and max_j L_ij of each hosted worker, null where there is none. */
  #configure(job: Job): { smoothness: (number | null)[]; sampleSmoothness: (number | null)[] } {
    const random = new KeyedRandom(job.seed);
    const spec = Spec.parse('problem', job.problem);
    const family = lookUp('problem', this.registries.problems, spec.name);
    const problem = family.create(spec, { workers: job.workers, random, ...this.problemData });
    const kernels = new Kernels();
    const rng = new Rng();
    const evaluated = new Float64Array(1 + problem.dimension);
    const oracles = this.end.workers.map((index) => problem.oracle(index, kernels));
    for (const [k, { smoothness = 0, sampleSmoothness = 0 }] of oracles.entries()) {
      if (Number.isFinite(smoothness + sampleSmoothness)) continue;
      throw new UsageError(
        `the smoothness constant of worker ${this.end.workers[k]} is ${smoothness + sampleSmoothness}: the numbers of ${job.data === undefined ? '' : `${job.data} or of `}${job.problem} are too large; scale them`,
      );
    }
    const workers = this.end.workers.map((index, k): [number, Worker] => {
      const oracle = oracles[k] as (typeof oracles)[number];
      const local = new CountedOracle(index, oracle, random, rng, this.runtime);
      return [index, new Worker(index, oracle, local, evaluated, this.end)];
    });
    const method = lookUp('method', this.registries.methods, Spec.parse('method', job.method).name);
    this.#configured = { job, method, problem, random, workers: new Map(workers) };
    return {
      smoothness: oracles.map((oracle) => oracle.smoothness ?? null),
      sampleSmoothness: oracles.map((oracle) => oracle.sampleSmoothness ?? null),
    };
  }

  #begin(settled: Settled): void {
    const { job, method, problem, random, workers } = this.#known();
    const shared = share(job, method, problem, settled, this.registries.compressors, random);
    for (const worker of workers.values()) worker.begin(shared);
  }

  /** What the workers' gradients came to, evaluations left out. */
  #spent(): { computeSeconds: number; gradientCalls: number } {
    let computeSeconds = 0;
    let gradientCalls = 0;
    for (const { spent } of this.#known().workers.values()) {
      computeSeconds += spent.seconds;
      gradientCalls += spent.calls;
    }
    return { computeSeconds, gradientCalls };
  }

  /** Has a frame answered; what goes wrong is the answer. */
  #answer(index: number, frame: Uint8Array): void {
    try {
      const worker = this.#worker(index);
      worker.answer(frame, readHeader(frame, this.#header));
    } catch (thrown) {
      this.#fail(index, thrown);
    }
    this.end.release(index);
  }

  #fail(worker: number, thrown: unknown): void {
    const error = asFlotillaError(thrown);
    const { kind, round } = this.#header;
    const ofRound = kind === FrameKind.snapshot || kind === FrameKind.restore ? '' : `, round ${round}`;
    const who = error instanceof DivergedError ? '' : `worker ${worker}${ofRound}: `;
    const reason = packControl({ type: 'failed', code: error.code, message: `${who}${error.message}` });
    const room = this.end.claim(worker, HEADER_BYTES + reason.length);
    writeHeader({ kind: FrameKind.failure, form: 'none', coins: 0, extra: 0, round }, room);
    room.set(reason, HEADER_BYTES);
    this.end.commit(worker, HEADER_BYTES + reason.length);
  }

  #worker(index: number): Worker {
    const worker = this.#known().workers.get(index);
    if (worker === undefined) throw new ProtocolError(`worker ${index} is not hosted here`);
    return worker;
  }

  #known(): Configured {
    if (this.#configured === undefined) throw new FlotillaError('protocol', 'a message came before the configuration');
    return this.#configured;
  }
}
