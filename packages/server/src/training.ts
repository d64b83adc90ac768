// Long: one class, a training from its options to its last round, with what opens it.
import {
  DivergedError,
  FlotillaError,
  KeyedRandom,
  type MeasuredSmoothness,
  type Runtime,
  type Smoothness,
  type State,
  smoothnessFrom,
  systemRuntime,
  type Vector,
} from '@flotilla/core';
import { asFlotillaError, copyState, createContext, inPrecision, measureSmoothness } from '@flotilla/core/internal';
import {
  CHECKSUM_BYTES,
  checksumServerEnd,
  encodeState,
  type Ledger,
  type ModelledServerEnd,
  modelLinks,
  type ServerEnd,
  type StateSource,
  unpackState,
  WIRE_VERSION,
} from '@flotilla/protocol';
import { introductionOf } from './hosts/attendance.js';
import { Balance } from './hosts/balance.js';
import type { Fleet, Hosts } from './hosts/fleet.js';
import { startHosts } from './hosts/registry.js';
import { request } from './hosts/request.js';
import { type FlatModel, flatModelOf, hashOf, type Model, modelOf } from './model/model.js';
import { Answers } from './round/answers.js';
import { WorkerDerivatives } from './round/derivatives.js';
import type { Meter } from './round/meter.js';
import { ParameterServer } from './round/parameter-server.js';
import { Stragglers } from './round/stragglers.js';
import type { Metrics, StopReason } from './run/metrics.js';
import type { Options } from './run/options.js';
import { Output } from './run/output.js';
import { planRun, type RunPlan } from './run/plan.js';
import { constantsRead, resolveStepSize } from './run/step-size.js';
import { StoppingCriteria } from './run/stopping.js';
import { aboutValidation, Validation } from './run/validation.js';
import {
  checkOwnState,
  checkTrainingState,
  configurationOf,
  type OwnState,
  type StateSink,
  type TrainingState,
} from './training-state.js';

/** What a training is opened with beside its options. */
export interface TrainingSetup {
  /** The options resolved; planned anew when left out. */
  readonly plan?: RunPlan;
  /** What `startHosts` has started for these options; started now when left out. */
  readonly hosts?: Hosts;
  /** The machine's own time when left out. */
  readonly runtime?: Runtime;
  /** Lets the event loop run, a few times a second; throws when the training must end. */
  readonly yieldToEventLoop?: () => Promise<void>;
  /** How often its workers have been started before: 0 when left out. */
  readonly attempt?: number;
  /** Measure smoothness constants although the step size is not made of them: all, or those that the method's formula reads. */
  readonly measure?: 'all' | 'read' | undefined;
  /** Who was late, where a run has opened a training before; nobody when left out, and nobody is told. */
  readonly stragglers?: Stragglers;
  /** Times rounds and workers; nobody when left out. */
  readonly meter?: Meter | undefined;
}

/** Who follows {@link Training.run}. */
export interface Observer {
  /** An evaluated round, that of x⁰ first. */
  onMetrics?(metrics: Metrics): void;
  /** The first round is about to begin. */
  onBegin?(): void;
  /** Workers have moved to other threads, so that rounds take less time. */
  onMove?(hosts: readonly number[]): void;
  /** A round has ended. Whether the run shall end with it. */
  onRound?(): boolean | Promise<boolean>;
  /** The last round is known to be the last; where no evaluation had to say so, it has not been evaluated yet. */
  onStop?(stopReason: StopReason): Promise<void>;
}

/** How often the event loop gets to run while rounds are short, in milliseconds. */
const YIELD_MS = 50;

/**
 * One training from its options to its last round: the server, the workers wherever they are, and the one loop over rounds.
 * Whoever trains, measures or tests goes through it, and closes it.
 *
 * @example
 * const training = await Training.open(parseOptions({ method: 'm3', workers: 4 }));
 * try {
 *   for (let k = 0; k < 100; k++) await training.round();
 *   const { loss } = await training.evaluate();
 * } finally {
 *   await training.close();
 * }
 */
export class Training {
  #started = false;
  #closed = false;
  /** Why the training cannot go on: what was under way is half done. */
  #failure: FlotillaError | undefined;
  readonly #criteria: StoppingCriteria;
  readonly #validation: Validation | undefined;
  /** Finds which threads are best to host whom; undefined where workers cannot move. */
  readonly #balance: Balance | undefined;
  /** Told when they have. */
  #onMove: (hosts: readonly number[]) => void = () => undefined;
  /** What is given back; undefined where it is the last iterate. */
  readonly #output: Output | undefined;
  /** x after the last round that has ended, and that round's number: within a round the server's are on their way. */
  readonly #x: Vector;
  #rounds = 0;
  /** x of the last evaluated round that had not diverged, and its number; undefined where nobody looks. */
  readonly #good: { readonly x: Vector; round: number } | undefined;

  private constructor(
    readonly options: Options,
    readonly plan: RunPlan,
    /** γ */
    readonly stepSize: number,
    /** Undefined when the problem has no smoothness constant. */
    readonly smoothness: Smoothness | undefined,
    /** What was measured from x⁰ on, where it was asked for; undefined also where f has no curvature there. */
    readonly measured: MeasuredSmoothness | undefined,
    /** The workers, and the transport to them. */
    readonly fleet: Fleet,
    readonly server: ParameterServer,
    /** The clocks of the plan's modelled links; undefined when there are none. */
    readonly linkModel: ModelledServerEnd | undefined,
    private readonly runtime: Runtime,
    private readonly yieldToEventLoop: () => Promise<void>,
    /** Who was late. */
    readonly stragglers: Stragglers,
    buildMs: number,
  ) {
    this.#balance = fleet.movable && new Balance(fleet.movable, buildMs);
    this.#criteria = new StoppingCriteria(options);
    this.#validation = plan.validation && new Validation(plan.validation);
    this.#x = server.iterate();
    this.#good = options.divergedFactor === 0 ? undefined : { x: this.#x.slice(), round: 0 };
    if (options.output !== 'last') this.#output = new Output(options.output, this.#x, new KeyedRandom(plan.job.seed));
  }

  /**
   * Plans the run, starts its workers, lets them load their shards, and settles the step size from what they found. Nothing
   * is left running when this throws.
   * @throws FlotillaError
   */
  static async open(options: Options, setup: TrainingSetup = {}): Promise<Training> {
    const { runtime = systemRuntime, hosts = startHosts(options, runtime) } = setup;
    const { yieldToEventLoop = () => runtime.yield(), attempt = 0 } = setup;
    const { stragglers = new Stragglers(options, () => undefined) } = setup;
    let fleet: Fleet | undefined;
    try {
      const plan = setup.plan ?? (await planRun(options));
      const opened = await hosts.open(plan, attempt, setup.meter?.computeSeconds, yieldToEventLoop);
      fleet = opened;
      const watch = async () => {
        await yieldToEventLoop();
        const failure = opened.failure();
        if (failure !== undefined) throw failure;
      };
      const smoothness = await configure(opened, plan, stragglers, watch);
      const buildMs = buildTime(opened);
      const { attendance } = opened;
      const { job, method, problem, registries, parameters, theory } = plan;
      const { checksumRun } = plan;
      const sealed = (end: ServerEnd) =>
        checksumRun === undefined ? end : checksumServerEnd(end, checksumRun, attempt);
      const answering = {
        transport: sealed(opened.transport),
        runtime,
        yieldToEventLoop: watch,
        stragglers,
      };
      const byMeasure = 'timesMeasured' in plan.stepSize;
      const measured =
        byMeasure || setup.measure !== undefined
          ? await measure(new Answers(answering), answering, plan, smoothness, setup.measure === 'all', watch)
          : undefined;
      const constants = byMeasure ? measured : smoothness;
      const stepSize = resolveStepSize(plan.stepSize, method, theory, constants, parameters);
      await request(opened, { type: 'begin', stepSize, parameters }, 'begun', stragglers, watch);
      attendance?.admitWith(introductionOf(configuring(plan), { type: 'begin', stepSize, parameters }));
      const { linked } = opened;
      const model =
        linked !== undefined && plan.linkModels.length > 0
          ? modelLinks(linked, plan.linkModels, new KeyedRandom(job.seed), runtime)
          : undefined;
      const server = new ParameterServer({
        job,
        method,
        problem,
        compressors: registries.compressors,
        stepSize,
        parameters,
        coins: options.coins,
        start: plan.start,
        meter: setup.meter,
        attendance,
        draws: opened.draws,
        ...answering,
        transport: sealed(model ?? opened.transport),
        checksumBytes: checksumRun === undefined ? 0 : CHECKSUM_BYTES,
        onRoundBegin: model?.beginRound,
        onRoundEnd: model?.endRound,
      });
      return new Training(
        options,
        plan,
        stepSize,
        smoothness,
        measured,
        opened,
        server,
        model,
        runtime,
        watch,
        stragglers,
        buildMs,
      );
    } catch (error) {
      // hosts elsewhere stay for another try, where there may be one
      await (fleet ?? hosts).close(undefined, asFlotillaError(error).code !== 'worker-lost');
      throw error;
    }
  }

  /** Whether workers stay on the threads that they are on. */
  get isSettled(): boolean {
    return this.#balance?.isSettled !== false;
  }

  /** Rounds that have ended. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Seconds of rounds so far, evaluation left out. */
  get seconds(): number {
    return this.server.seconds;
  }

  get ledger(): Ledger {
    return this.server.ledger;
  }

  /** Round 0: the workers' initial gradients, for methods that begin with them. Done once; {@link Training.round} sees to it. */
  async start(): Promise<void> {
    if (this.#started) return;
    await this.#attempt(() => this.server.start());
    this.#started = true;
    this.#keepIterate();
  }

  /** One round. @throws DivergedError, or FlotillaError `worker-lost`, `protocol`, `aborted` */
  async round(): Promise<void> {
    if (!this.#started) await this.start();
    const balance = this.isSettled ? undefined : this.#balance;
    balance?.beforeRound(this.server.seconds);
    await this.#attempt(() => this.server.step());
    this.#output?.afterRound(this.server.round, this.#x);
    this.#keepIterate();
    const hosts = balance?.afterRound(this.server.seconds);
    if (hosts !== undefined) await this.place(hosts);
  }

  /**
   * Has each worker hosted by the thread of that number, 0 for the server's, where workers can move. Between two rounds; the
   * rounds to come are the same.
   */
  place(hosts: readonly number[]): Promise<void> {
    return this.#attempt(() => this.#place(hosts));
  }

  async #place(hosts: readonly number[]): Promise<void> {
    const { fleet, stragglers, yieldToEventLoop } = this;
    const { movable } = fleet;
    if (movable === undefined) return;
    const moving = hosts.flatMap((host, worker) => (movable.hostOf(worker) === host ? [] : [worker]));
    const ask = async <T extends 'finished' | 'moved'>(type: 'finish' | 'move', answer: T) =>
      request(fleet, { type }, answer, stragglers, yieldToEventLoop);
    await this.server.moveWorkers(moving, async () => {
      // a host that answers is through with every frame
      await ask('finish', 'finished');
      movable.place(hosts);
      await ask('move', 'moved');
    });
    this.#onMove(hosts);
  }

  /** f and ∇f at the current iterate, exact, by a pass over the workers that is counted nowhere. */
  async evaluate(): Promise<Metrics> {
    const metrics = await this.#evaluateAt(this.#x);
    this.#output?.afterEvaluation(this.#rounds, metrics.gradNormSq, this.#x);
    return metrics;
  }

  /** The same at x̂, what the training gives back. @param last The row of the last round, which has the answer where that is x̂ */
  async evaluateOutput(last: Metrics): Promise<Metrics> {
    const { x, round } = this.output;
    return round === last.round ? last : this.#evaluateAt(x);
  }

  async #evaluateAt(x: Vector): Promise<Metrics> {
    const { round, seconds, ...values } = await this.#attempt(() => this.server.evaluate(x));
    const modelSeconds = this.linkModel?.seconds[0];
    const validation = aboutValidation(() => this.#validation?.at(x));
    const { late } = this.stragglers;
    const { attendance } = this.fleet;
    const away = attendance === undefined ? 0 : this.options.workers - attendance.present;
    return {
      round,
      ...(modelSeconds === undefined ? { seconds } : { seconds, modelSeconds }),
      ...values,
      ...(validation === undefined ? {} : { validation }),
      ...(late === undefined ? {} : { late }),
      ...(away === 0 ? {} : { away }),
    };
  }

  /**
   * The loop: rounds, each `evalEvery`-th evaluated, until a criterion is met. The last round is always evaluated. What has been
   * restored goes on as if it had never stopped: with the evaluation of its last round, if that has one.
   */
  async run(observer: Observer = {}): Promise<{ readonly metrics: Metrics; readonly stopReason: StopReason }> {
    this.#onMove = (hosts) => observer.onMove?.(hosts);
    let ended = await this.#endRound(this.rounds > 0 ? this.#afterRound() : undefined, observer);
    await this.yieldToEventLoop();
    observer.onBegin?.();
    if (ended === undefined) await this.start();
    let yielded = this.runtime.now();
    while (ended === undefined) {
      await this.round();
      const now = this.runtime.now();
      if (now - yielded > YIELD_MS) {
        await this.yieldToEventLoop();
        yielded = now;
      }
      const asked = observer.onRound?.();
      const aborted = asked instanceof Promise ? await asked : asked;
      ended = await this.#endRound(aborted === true ? 'aborted' : this.#afterRound(), observer);
    }
    return ended;
  }

  /** Evaluates a round that is to be evaluated. What the run has come to, if that was its last round. */
  async #endRound(known: StopReason | undefined, observer: Observer) {
    if (known !== undefined) await observer.onStop?.(known);
    else if (this.rounds % this.options.evalEvery !== 0) return undefined;
    const metrics = await this.evaluate();
    observer.onMetrics?.(metrics);
    // at the start it remembers what the others are relative to
    const found = this.#criteria.afterEvaluation(metrics);
    this.#checkBounded(metrics);
    const stopReason = known ?? found;
    if (stopReason === undefined) return undefined;
    if (known === undefined) await observer.onStop?.(stopReason);
    return { metrics, stopReason };
  }

  /** Keeps x where it is good; else goes back to the last one that was. @throws DivergedError */
  #checkBounded({ round, gradNormSq }: Metrics): void {
    const good = this.#good;
    if (good === undefined) return;
    if (gradNormSq <= this.#criteria.divergedAbove) {
      this.#keepGood();
      return;
    }
    const [found, bound] = [gradNormSq, this.#criteria.divergedAbove].map((value) => value.toExponential(3));
    const what = `‖∇f‖² = ${found} is above the bound ${bound}, and the model is that of round ${good.round}`;
    this.#failure = new DivergedError(round, 'server', what, this.plan.method.name);
    this.#x.set(good.x);
    this.#rounds = good.round;
    throw this.#failure;
  }

  #keepGood(): void {
    this.#good?.x.set(this.#x);
    if (this.#good !== undefined) this.#good.round = this.#rounds;
  }

  /** What the workers' gradients have come to, evaluations left out. */
  async spent(): Promise<{ computeSeconds: number; gradientCalls: number }> {
    const { fleet, stragglers, yieldToEventLoop } = this;
    const hosts = await request(fleet, { type: 'finish' }, 'finished', stragglers, yieldToEventLoop);
    return {
      computeSeconds: hosts.reduce((sum, host) => sum + host.computeSeconds, 0),
      gradientCalls: hosts.flatMap((host) => host.gradientCalls).reduce((sum, calls) => sum + calls, 0),
    };
  }

  /** Everything that the rounds to come depend on. To be taken between two rounds; counted nowhere. */
  async snapshot(): Promise<TrainingState> {
    const own = this.#view();
    const copy = { ...own, method: copyState(own.method) };
    const workers: State[] = [];
    await this.save({ own: () => undefined, worker: (state) => workers.push(unpackState(state)) });
    return { ...copy, workers };
  }

  /** The same, part by part and uncopied. What the sink throws ends it and is thrown; the training can go on. */
  async save(sink: StateSink): Promise<void> {
    this.#checkUsable();
    sink.own(this.#view());
    let thrown: { readonly value: unknown } | undefined;
    const take = (state: Uint8Array) => {
      try {
        sink.worker(state);
      } catch (value) {
        thrown = { value };
      }
      return thrown === undefined;
    };
    await this.#attempt(() => this.server.eachWorkerState(take));
    if (thrown !== undefined) throw thrown.value;
  }

  #view(): OwnState {
    return {
      ...this.server.view(),
      configuration: this.configuration,
      started: this.#started,
      stopping: this.#criteria.snapshot(),
      links: this.linkModel?.snapshot(),
      output: this.#output?.snapshot(),
    };
  }

  /**
   * Goes on where the snapshot was taken, bit for bit, whoever took it: a training of the same configuration, on any transport
   * and any number of threads. Also after a round that has failed.
   * @throws FlotillaError `protocol` for what is no snapshot, or one of another configuration: nothing has changed then. When a
   *   worker cannot take its part, the training cannot go on until another snapshot has been restored.
   */
  async restore(state: TrainingState): Promise<void> {
    this.#checkOpen();
    checkTrainingState(state, this.configuration);
    const { workers, ...own } = state;
    await this.restoreParts(own, workers.map(encodeState));
  }

  /** The same with the workers' states packed, each of which is asked for when it is its worker's turn. */
  async restoreParts(state: OwnState, workers: readonly StateSource[]): Promise<void> {
    this.#checkOpen();
    checkOwnState(state, this.configuration);
    this.server.check(state, workers.length);
    const failure = this.#failure;
    this.#failure = undefined;
    try {
      await this.server.restore(state, workers);
      this.#criteria.restore(state.stopping);
      if (state.links !== undefined) this.linkModel?.restore(state.links);
      if (state.output !== undefined) this.#output?.restore(state.output);
    } catch (error) {
      this.#failure = failure ?? asFlotillaError(error);
      throw error;
    }
    this.#started = state.started;
    this.#keepIterate();
    this.#keepGood();
  }

  /**
   * x̂, what the training gives back of the rounds that have ended, and the round that it is the iterate of: the option
   * `output`. A view, until the next round or evaluation.
   */
  get output(): { readonly x: Vector; readonly round: number } {
    return this.#output ?? { x: this.#x, round: this.#rounds };
  }

  /** x̂ after the last round that has ended, also when one has failed since, under the names of its tensors. */
  model(): Model {
    return modelOf(this.flatModel());
  }

  /** The same as it travels between threads. @param isLast Nothing of the training is to come: x̂ is its own. */
  flatModel(isLast = false): FlatModel {
    const { name } = this.#output ?? {};
    const { x, round } = this.output;
    return flatModelOf(this.plan, this.#rounds, isLast ? x : x.slice(), name && { name, round });
  }

  /** A copy of the iterate after the last round that has ended. */
  iterate(): Vector {
    return this.#x.slice();
  }

  /** SHA-256 of that iterate as little-endian f64, to which an f32 one is widened. */
  xHash(): string {
    return hashOf(this.#x);
  }

  /**
   * Ends the workers, whatever they are doing.
   * @param patienceMs What they have to end of themselves; the option `grace` when left out
   */
  close(patienceMs?: number, isLast?: boolean): Promise<void> {
    this.#closed = true;
    return this.fleet.close(patienceMs, isLast);
  }

  #afterRound(): StopReason | undefined {
    const { uplink, downlink } = this.ledger.frameBytes;
    return this.#criteria.afterRound(this.rounds, this.seconds, uplink + downlink);
  }

  #keepIterate(): void {
    this.#rounds = this.server.round;
    this.#x.set(this.server.state.x);
  }

  /** What the training is of, as text: another one cannot go on from its states. */
  get configuration(): string {
    return configurationOf(this.plan, this.stepSize, this.options);
  }

  /** Does what leaves the training half done when it fails. */
  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    this.#checkUsable();
    try {
      return await work();
    } catch (error) {
      this.#failure = asFlotillaError(error);
      throw error;
    }
  }

  #checkUsable(): void {
    this.#checkOpen();
    if (this.#failure === undefined) return;
    const { code, message } = this.#failure;
    throw new FlotillaError(code, `the training cannot go on from what failed before: ${message}`, {
      cause: this.#failure,
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw new FlotillaError('usage', 'the training is closed');
  }
}

const configuring = ({ job }: RunPlan) => ({ type: 'configure', wireVersion: WIRE_VERSION, job }) as const;

/** Hands the job to the hosts. The constants that the problem or their shards have; undefined when there are none. */
async function configure(
  fleet: Fleet,
  plan: RunPlan,
  stragglers: Stragglers,
  watch: () => Promise<void>,
): Promise<Smoothness | undefined> {
  const { job, smoothness } = plan;
  const hosts = await request(fleet, configuring(plan), 'ready', stragglers, watch);
  const found = hosts.flatMap((host) => host.smoothness);
  const ofSamples = hosts.flatMap((host) => host.sampleSmoothness);
  // of workers that are away nothing is known
  if (found.length < job.workers) return smoothness;
  const known = (list: (number | null)[]): list is number[] => list.every((L) => L !== null);
  return smoothness ?? (known(found) ? smoothnessFrom(found, known(ofSamples) ? ofSamples : undefined) : undefined);
}

/** Milliseconds that building a worker has taken on the server's thread: there it is known apart from the time that threads take to start. */
function buildTime({ movable }: Fleet): number {
  if (movable === undefined) return 0;
  const own = Array.from({ length: movable.workers }, (_, worker) => movable.hostOf(worker)).filter(
    (host) => host === 0,
  );
  return movable.times.working / Math.max(1, own.length);
}

/** Measures the constants along a short run from x⁰: all of them, or those that the method's formula reads. */
async function measure(
  answers: Answers,
  { transport, runtime }: Pick<Fleet, 'transport' | 'runtime'>,
  { job, method, problem, parameters, theory, start }: RunPlan,
  known: Smoothness | undefined,
  all: boolean,
  watch: () => Promise<void>,
): Promise<MeasuredSmoothness | undefined> {
  let yielded = runtime.now();
  const rest = async () => {
    if (runtime.now() - yielded <= YIELD_MS) return;
    await watch();
    yielded = runtime.now();
  };
  const random = new KeyedRandom(job.seed);
  const { dimension, metrics = [] } = problem;
  const derivatives = new WorkerDerivatives(transport, answers, dimension, metrics.length, rest);
  const { start: x0 } = createContext(job, problem, { stepSize: 0, parameters }, random, start);
  const need = all ? { LA: true, LPlusMinus: true } : constantsRead(method, theory, parameters);
  return measureSmoothness(derivatives, inPrecision(x0, 'f64'), random, known, need);
}
