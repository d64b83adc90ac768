// Long: one class, a round from plan to step, and the state that a run goes on from.
import type { CompressorEntry } from '@flotilla/compressors';
import {
  type Attendance,
  type Context,
  DivergedError,
  KeyedRandom,
  type Method,
  type MethodParameters,
  type Outgoing,
  type Plan,
  type Problem,
  type Registry,
  type ServerState,
  type State,
  type Vector,
} from '@flotilla/core';
import {
  checkState,
  createContext,
  isFiniteVector,
  messageDimension,
  restoreState,
  SharedDraws,
  viewState,
} from '@flotilla/core/internal';
import {
  type Boundary,
  FrameKind,
  HEADER_BYTES,
  type Job,
  Ledger,
  openBoundaries,
  ProtocolError,
  type StateSource,
  type Tally,
} from '@flotilla/protocol';
import { Answers, type AnswersOptions, unlessAway } from './answers.js';
import { type Coins, createToss } from './coins.js';
import { type Evaluated, Evaluation } from './evaluation.js';
import { Mean } from './mean.js';
import { takeFinite } from './non-finite.js';
import { WorkerStates } from './worker-states.js';

/** A round whose f and ∇f are known. Counters are sums over all workers and all rounds so far. */
export interface EvaluatedRound extends Evaluated {
  readonly round: number;
  /** Seconds of rounds so far, evaluation left out. */
  readonly seconds: number;
  readonly uplink: Tally;
  readonly downlink: Tally;
}

/** A server between two rounds: vectors and numbers. */
export interface ServerSide {
  readonly round: number;
  readonly seconds: number;
  /** The server's half of the method. */
  readonly method: State;
  readonly ledger: State;
  /** Who is away; undefined where nobody is. */
  readonly attendance: Attended | undefined;
}

/** Who was away when a state was taken. */
export type Attended = {
  /** 1 for a worker that was, by worker: its state is another's. */
  readonly away: Int32Array;
  /** 1 when it was not so in the round before: g is then of others. */
  readonly changed: 0 | 1;
};

export interface ParameterServerOptions extends AnswersOptions {
  readonly job: Job;
  readonly method: Method;
  readonly problem: Pick<Problem, 'dimension' | 'start' | 'metrics'>;
  /** The compressors that the job may name. */
  readonly compressors: Registry<CompressorEntry>;
  /** γ */
  readonly stepSize: number;
  /** The method's own parameters. */
  readonly parameters: MethodParameters;
  readonly coins: Coins;
  /** Bytes that the transport puts behind each frame; none when left out. */
  readonly checksumBytes?: number;
  /** Memory of what is drawn once with the workers' threads; drawn here when left out. */
  readonly draws?: SharedArrayBuffer | undefined;
  /** x⁰, for a job that starts from a given point. */
  readonly start?: Float64Array | undefined;
  /** Who is there, where workers may be away; all are when left out. */
  readonly attendance?: Attending | undefined;
  /** Called where the round clock starts, for a round and for the initial gradients, and where it stops. */
  readonly onRoundBegin?: (() => void) | undefined;
  readonly onRoundEnd?: (() => void) | undefined;
}

/** Who is there, as a server looks at it. */
interface Attending {
  /** How often somebody has come or gone. */
  readonly changes: number;
  /** Workers that are there. */
  readonly present: number;
  isAway(worker: number): boolean;
  /** The round that a worker takes part from. */
  since(worker: number): number;
  /** Lets in who is ready, from this round on. */
  settle(round: number): void;
}

/**
 * The server of a star of workers. A round, in order: plan (the method moves x and tosses its coins), downlink (one
 * frame for all, or one for each worker), uplink (folded in worker order, whatever order it arrives in), step.
 */
export class ParameterServer {
  readonly ledger: Ledger;
  round = 0;
  /** Seconds of rounds so far, evaluation left out. */
  seconds = 0;
  readonly #context: Context;
  readonly #state: ServerState;
  readonly #downlink: Boundary;
  readonly #uplink: Boundary;
  readonly #mean: Mean;
  readonly #answers: Answers;
  readonly #evaluation: Evaluation;
  readonly #workerStates: WorkerStates;
  readonly #coin: (p: number, index: number) => boolean;
  readonly #everyone: readonly number[];
  /** The attendance's changes when a round was planned last. */
  #changes = 0;
  /** Who was away when the state was taken from which this goes on, until the next round is planned. */
  #restored: Attended | undefined;

  constructor(private readonly options: ParameterServerOptions) {
    const { job, problem, method, compressors } = options;
    const { dimension } = problem;
    const random = new KeyedRandom(job.seed, options.draws && new SharedDraws(options.draws));
    const length = messageDimension(method, options.parameters, dimension);
    this.ledger = new Ledger(job.workers, options.checksumBytes);
    const { downlink, uplink } = openBoundaries(job, method, length, compressors, random);
    this.#everyone = Array.from({ length: job.workers }, (_, i) => i);
    this.#downlink = downlink;
    this.#uplink = uplink;
    this.#context = createContext(job, problem, options, random, options.start);
    this.#state = method.server.init(this.#context);
    const { attendance } = options;
    const isAway = attendance && ((worker: number) => attendance.isAway(worker));
    const since = attendance && ((worker: number) => attendance.since(worker));
    this.#answers = new Answers({ ...options, isAway, since }, (refusal) => this.ledger.refuse(refusal));
    this.#workerStates = new WorkerStates(options.transport, this.#answers, isAway);
    // between rounds the mean's memory is the evaluation's
    const gradient = new Float64Array(dimension);
    const mean = this.#context.precision === 'f64' ? gradient : new Float32Array(gradient.buffer, 0, dimension);
    this.#mean = new Mean(length === dimension ? mean : this.#context.zeros(length));
    const metrics = (problem.metrics ?? []).map(({ name }) => name);
    const { start } = this.#context;
    this.#evaluation = new Evaluation(options.transport, this.#answers, gradient, metrics, method.name, start, isAway);
    const toss = createToss(options.coins, random);
    this.#coin = (p, index) => toss(p, index, this.round);
  }

  /** The workers' initial gradients, for methods that start with one. Counts as round 0. */
  async start(): Promise<void> {
    const { method, transport, runtime, onRoundBegin, onRoundEnd } = this.options;
    if (method.server.start === undefined) return;
    const from = runtime.now();
    onRoundBegin?.();
    this.#attendance();
    const { workers } = this.#context;
    const length = this.#downlink.write(FrameKind.start, 0, 0, 0, NOTHING, transport.claimBroadcast(HEADER_BYTES));
    transport.commitBroadcast(length);
    for (let worker = 0; worker < workers; worker++)
      if (!this.#isAway(worker)) this.#count('downlink', worker, 'start');
    transport.flush();
    await this.#collect('start', undefined);
    method.server.start(this.#state, this.#context, this.#mean.vector);
    onRoundEnd?.();
    this.seconds += (runtime.now() - from) / 1000;
  }

  /** One round. @throws DivergedError, or FlotillaError `worker-lost`, `protocol`, `aborted` */
  async step(): Promise<void> {
    const { method, runtime, onRoundBegin, onRoundEnd, meter } = this.options;
    const from = runtime.now();
    meter?.begin(from);
    onRoundBegin?.();
    this.round++;
    const plan = method.server.plan(this.#state, this.#context, this.#coin, this.round, this.#attendance());
    this.#send(plan);
    meter?.lap('downlink', runtime.now());
    // those who need not answer may be behind, but not for ever
    if (plan.answers !== undefined) {
      await this.#answers.caughtUp(MAX_BEHIND_BYTES, this.round);
      meter?.lap('waiting', runtime.now());
    }
    await this.#collect(undefined, plan.answers);
    meter?.lap('uplink', runtime.now());
    method.server.step(this.#state, this.#context, plan, this.#mean.vector, this.#mean.support);
    // a method that knows of no support may have written beside it
    if (method.server.step.length <= SUPPORT) this.#mean.spoil();
    if (!isFiniteVector(this.#state.x)) throw this.#diverged('x');
    onRoundEnd?.();
    const now = runtime.now();
    meter?.end(now);
    this.seconds += (now - from) / 1000;
  }

  /** f and ∇f at the current iterate or another point, exact, by a pass over the workers that is counted nowhere. */
  async evaluate(x = this.#state.x): Promise<EvaluatedRound> {
    const { round, seconds, ledger } = this;
    this.#mean.spoil();
    const evaluated = await this.#evaluation.at(x, round);
    return { round, seconds, ...evaluated, uplink: ledger.total('uplink'), downlink: ledger.total('downlink') };
  }

  /** What the rounds to come depend on here; the vectors of the method are its own. To be looked at between two rounds. */
  view(): ServerSide {
    const { round, seconds } = this;
    const method = viewState(this.#state);
    return { round, seconds, method, ledger: this.ledger.snapshot(), attendance: this.#attended() };
  }

  /** The same of the workers, packed, one after the other: each until `take`, which says whether it wants more, returns. */
  eachWorkerState(take: (state: Uint8Array) => boolean): Promise<void> {
    return this.#workerStates.each(this.round, { x: this.#state.x, start: this.#context.start }, take);
  }

  /** Takes the states of some workers along while `move` has them hosted elsewhere. Between two rounds. */
  async moveWorkers(workers: readonly number[], move: () => Promise<void>): Promise<void> {
    const states: StateSource[] = [];
    const keep = (state: Uint8Array) => {
      const bytes = state.slice();
      states.push({ length: bytes.length, writeTo: (room) => room.set(bytes) });
      return true;
    };
    const { start } = this.#context;
    await this.#workerStates.each(this.round, { x: this.#state.x, start }, keep, workers);
    await move();
    await this.#workerStates.assign(states, workers);
  }

  /** Refuses a snapshot of another method, dimension or n, as far as the server can tell. Sets nothing. @throws FlotillaError `protocol` */
  check({ method, ledger, attendance }: ServerSide, workers: number): void {
    checkState(this.#state, method);
    this.ledger.check(ledger);
    if (attendance !== undefined && attendance.away.length !== workers) {
      throw new ProtocolError(`who of ${attendance.away.length} workers is away, of ${workers}`);
    }
    if (workers !== this.#context.workers) {
      throw new ProtocolError(`the states of ${workers} workers for ${this.#context.workers}`);
    }
  }

  /**
   * Goes on where the snapshot was taken.
   * @throws FlotillaError `protocol` when a worker cannot take its state; those before it have taken theirs then, and only
   *   another restore puts that right
   */
  async restore(
    { round, seconds, method, ledger, attendance }: ServerSide,
    workers: readonly StateSource[],
  ): Promise<void> {
    await this.#workerStates.assign(workers);
    restoreState(this.#state, method);
    this.ledger.restore(ledger);
    this.#restored = attendance ?? { away: new Int32Array(this.#context.workers), changed: 0 };
    this.round = round;
    this.seconds = seconds;
  }

  /** The state of the method's server half. */
  get state(): Readonly<ServerState> {
    return this.#state;
  }

  /** A copy of the iterate. */
  iterate(): Vector {
    return this.#state.x.slice();
  }

  /** Writes the round's downlink: once when all workers get the same, else one frame for each. */
  #send({ coins, downlink }: Plan): void {
    const { transport, method } = this.options;
    const { workers } = this.#context;
    const boundary = this.#downlink;
    const kind = FrameKind.downlink;
    if (typeof downlink !== 'function' && boundary.same(downlink.form)) {
      const room = transport.claimBroadcast(boundary.maxFrameBytes(downlink));
      const length = boundary.write(kind, this.round, coins, 0, downlink, room);
      for (let worker = 0; worker < workers; worker++) this.#count('downlink', worker, undefined);
      if (method.server.sent !== undefined) {
        method.server.sent(this.#state, this.#context, boundary.read(room.subarray(0, length), kind, this.round, 0));
      }
      transport.commitBroadcast(length);
    } else {
      const own = typeof downlink === 'function' ? downlink : () => downlink;
      for (let worker = 0; worker < workers; worker++) this.#sendTo(worker, coins, own(worker));
    }
    transport.flush();
  }

  #sendTo(worker: number, coins: number, outgoing: Outgoing): void {
    if (outgoing.form === 'none') return;
    const { transport, method } = this.options;
    const boundary = this.#downlink;
    const kind = FrameKind.downlink;
    const room = transport.claim(worker, boundary.maxFrameBytes(outgoing));
    const length = boundary.write(kind, this.round, coins, worker, outgoing, room);
    this.#count('downlink', worker, undefined);
    if (method.server.sentTo !== undefined) {
      const carried = boundary.read(room.subarray(0, length), kind, this.round, worker);
      method.server.sentTo(this.#state, this.#context, worker, carried);
    }
    transport.commit(worker, length);
  }

  readonly #isAway = (worker: number) => this.options.attendance?.isAway(worker) === true;

  /** Lets in who is ready, and says who is there; undefined where nobody may be away, nor was. */
  #attendance(): Attendance | undefined {
    const { attendance } = this.options;
    const { round } = this;
    const restored = this.#restored;
    this.#restored = undefined;
    if (attendance === undefined && restored?.away.includes(1) !== true && restored?.changed !== 1) return undefined;
    attendance?.settle(round);
    const isAway = this.#isAway;
    const changed = this.#hasChanged(restored);
    this.#changes = attendance?.changes ?? 0;
    const isNew = (worker: number) =>
      restored?.away[worker] === 1 || (round > 0 && attendance?.since(worker) === round);
    return { changed, isAway, isNew };
  }

  /** Whether others are there than in the round before, which may have been one before a state was taken. */
  #hasChanged(restored: Attended | undefined): boolean {
    if ((this.options.attendance?.changes ?? 0) !== this.#changes || restored?.changed === 1) return true;
    return this.#everyone.some(
      (worker) => restored !== undefined && this.#isAway(worker) !== (restored.away[worker] === 1),
    );
  }

  /** Who is away, for a state that is taken now; undefined where nobody is, and nobody has come or gone since the last round. */
  #attended(): Attended | undefined {
    const restored = this.#restored;
    const changed = this.#hasChanged(restored) ? 1 : 0;
    const away = Int32Array.from(this.#everyone, (k) => (this.#isAway(k) || restored?.away[k] === 1 ? 1 : 0));
    return changed === 1 || away.includes(1) ? { away, changed } : undefined;
  }

  /**
   * (1/n) Σ of the workers' uplinks, folded in worker order so that it does not depend on who was first. Where some are away, n is
   * the number of the others.
   */
  async #collect(kind: 'start' | undefined, answers: Plan['answers']): Promise<void> {
    const { round } = this;
    const { attendance } = this.options;
    const workers = attendance?.present ?? this.#context.workers;
    const uplink = this.#uplink;
    const mean = this.#mean;
    mean.begin();
    let lost = 0;
    const takeOne = (worker: number) =>
      this.#answers.take(worker, FrameKind.uplink, round, (frame, header) => {
        mean.add(uplink.read(frame, FrameKind.uplink, round, worker, undefined, header), 1 / workers);
        this.#count('uplink', worker, kind);
      });
    const takeOrLeave = async (worker: number) => {
      if (!(await unlessAway(takeOne(worker)))) lost++;
    };
    const take = attendance === undefined ? takeOne : takeOrLeave;
    const due = answers === undefined ? this.#everyone : this.#everyone.filter(answers);
    const answering = attendance === undefined ? due : due.filter((worker) => !attendance.isAway(worker));
    await takeFinite(answering, take, this.#state.x, this.#context.start);
    mean.end();
    if (lost > 0 && lost < workers) mean.scale(workers / (workers - lost));
    if (!mean.isFinite) throw this.#diverged('the mean of the uplinks');
  }

  /** Nothing goes on from a NaN or an infinity. */
  #diverged(what: string): DivergedError {
    return new DivergedError(this.round, 'server', `a coordinate of ${what} is not finite`, this.options.method.name);
  }

  #count(direction: 'uplink' | 'downlink', worker: number, kind: 'start' | undefined): void {
    const { message } = direction === 'uplink' ? this.#uplink : this.#downlink;
    this.ledger.record(direction, worker, kind ?? message.form, message);
  }
}

/** Bytes of frames that may wait for a worker that is not waited for. */
const MAX_BEHIND_BYTES = 64 << 20;

/** Place of the support among what a method's `step` is given. */
const SUPPORT = 4;

const NOTHING = { form: 'none', vector: new Float64Array(0) } as const;
