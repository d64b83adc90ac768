import type { Incoming, Outgoing, Remembered } from '../message.js';
import type { Smoothness } from '../problem/problem.js';
import type { KeyedRandom } from '../random.js';
import type { Spec } from '../spec.js';
import type { StateShape } from '../state.js';
import type { Precision, Vector } from '../vector.js';
import type { Bound, BoundInput } from './bound.js';
import type { CommonPoint } from './common-point.js';
import type { MethodParameters, ParametersShape } from './parameters.js';
import type { TrackedPoint } from './tracked-point.js';

/** What theory knows of the compressor on one link. */
export interface LinkTheory {
  /** Variance: E‖C(x) − x‖² ≤ ω‖x‖² for unbiased C. Infinite when C is biased. */
  readonly omega: number;
  /** θ of the collection over workers: E‖(1/n)ΣC_i(x) − x‖² ≤ θ‖x‖². */
  readonly theta: number;
  /**
   * A and B of the collection [Szlendak, Tyurin, Richtárik 2021]: E‖(1/n)ΣC_i(a_i) − ā‖² ≤ A (1/n)Σ‖a_i‖² − B‖ā‖² for
   * vectors a_i of mean ā. ω/n and 0 when the workers draw independently; more or other where they share what they draw.
   */
  readonly A: number;
  readonly B: number;
  /** α: E‖C(x) − x‖² ≤ (1 − α)‖x‖²; 0 when C is not contractive. */
  readonly alpha: number;
  /** ζ: expected number of non-zeros of C(x). */
  readonly density: number;
}

/** What a method's parameters and step size are made of, beside the problem's smoothness. */
export interface Theory {
  /** n */
  readonly workers: number;
  /** d */
  readonly dimension: number;
  /** m, samples of a worker (the most that any has), when its function is a finite sum. */
  readonly samples: number | undefined;
  /** B and its like for dense rounds, as the run's options `batch` and `batchDense` say; undefined when they are left out. */
  readonly batch?: number | undefined;
  readonly batchDense?: number | undefined;
  readonly uplink: LinkTheory;
  readonly downlink: LinkTheory;
}

/** Everything a half may read besides its state: the same on the server and on every worker. */
export interface Context<P extends object = MethodParameters> {
  /** n */
  readonly workers: number;
  /** d */
  readonly dimension: number;
  /** γ */
  readonly stepSize: number;
  /** The method's own parameters, as {@link Method.parameters} settled them. */
  readonly parameters: P;
  /** Of the run: what its vectors are, on both sides. */
  readonly precision: Precision;
  /** x⁰, in that precision; copy it. */
  readonly start: Vector;
  /** d zeros, or `length` of them, in that precision: what a half keeps its vectors in. */
  zeros(length?: number): Vector;
  /**
   * d values of work space that all workers of a thread share: what a method leaves here to be sent is read before the next
   * worker's turn.
   */
  readonly scratch: Vector;
  /** A point that starts at x⁰: one for all workers of a thread, for those who move it alike. */
  common(): CommonPoint;
  /** The run's randomness, which both sides share: what is drawn from it need not be sent. */
  readonly random: KeyedRandom;
  /** Rounds a vector to what a dense message carries of it, for state that the other side gets to know later. */
  toWire(vector: Vector): void;
}

/** What the server decides at the start of a round. */
export interface Plan {
  /** The round's coins, sent in every frame's header. */
  readonly coins: number;
  /** One message for all workers or a way to send each its own; a worker whose form is `none` gets no frame. */
  readonly downlink: Outgoing | ((worker: number) => Outgoing);
  /** Whether a worker answers this round; every worker when left out. Both halves must agree. */
  readonly answers?: (worker: number) => boolean;
}

/** Who takes part in a round, where hosts of workers may come and go. */
export interface Attendance {
  /** Whether it is another set than in the round before: differences to what the others have said are then of another mean. */
  readonly changed: boolean;
  isAway(worker: number): boolean;
  /** Whether whoever has a worker's place now had it not in the round before: it knows x⁰ alone. */
  isNew(worker: number): boolean;
}

// The functions below are properties, not methods: TypeScript then infers S, W and P only from the functions that return them,
// and checks all others against those.

/**
 * The state of a server half: a plain object of vectors and numbers, so that it can be stored without asking the method
 * (`snapshotState`). Allocated in `init`, changed in place.
 */
export interface ServerState {
  /** The iterate x. */
  readonly x: Vector;
}

/** The server's half: plan a round, apply what was sent, end the round with what came back. */
export interface ServerHalf<S extends ServerState, P extends object = MethodParameters> {
  readonly init: (context: Context<P>) => S;
  /** Takes the workers' mean initial gradient g⁰. Present exactly when the workers send one before round 1. */
  readonly start?: (state: S, context: Context<P>, mean: Vector) => void;
  /**
   * Starts round `round`, from 1. `coin(p, k)` is true with probability p; k numbers the round's coins from 0. `attendance` is there
   * for an `elastic` method whose workers may be away: those must get no frame and give no answer.
   */
  readonly plan: (
    state: S,
    context: Context<P>,
    coin: (p: number, k: number) => boolean,
    round: number,
    attendance?: Attendance,
  ) => Plan;
  /** Applies what the downlink carried, when it was the same for every worker. */
  readonly sent?: (state: S, context: Context<P>, carried: Incoming) => void;
  /** Applies what the downlink carried to one worker, when each worker's message was written for itself, in worker order. */
  readonly sentTo?: (state: S, context: Context<P>, worker: number, carried: Incoming) => void;
  /**
   * Ends a round with (1/n) Σ of what the workers sent, folded in worker order; a worker that did not answer adds 0. Where some
   * are away, n is the number of those that are not. `support`: the coordinates outside which that is 0, ascending, where they
   * are few; left out where they are not. A `step` that takes it may write to `mean` at those alone.
   */
  readonly step: (state: S, context: Context<P>, plan: Plan, mean: Vector, support?: Int32Array) => void;
}

/** A worker's own function f_i. Calls are counted and timed. */
export interface LocalFunction {
  /** i */
  readonly worker: number;
  /** The round under way; 0 before the first. */
  readonly round: number;
  /** m_i, when f_i is the mean of m_i functions f_ij. */
  readonly samples: number | undefined;
  /** Whether `gradient` is of this round's batch: then ∇f_i of the round before is of other samples than this round's. */
  readonly stochastic: boolean;
  /**
   * Writes ∇f_i(x) to `out` and returns f_i(x). When the run has a `batch` of B samples, it is the mean over B of the f_ij,
   * drawn without replacement for this worker and round: the same B in every call of a round.
   */
  gradient(x: Vector, out: Vector): number;
  /** The same for a dense round: over all samples or, when the run has a `batchDense`, over so many drawn for this round. */
  denseGradient(x: Vector, out: Vector): number;
  /** Writes (1/b) Σ ∇f_ij(x) over the b samples of `batch` to `out` and returns the mean of the f_ij(x). */
  batchGradient(x: Vector, batch: Int32Array, out: Vector): number;
  /** A point that starts at a copy of `start`, for functions whose gradient is cheaper at a point that moves in small steps. */
  track(start: Vector): TrackedPoint;
  /**
   * This round's sample numbers: a uniform subset of at most `size`, or `size` independent draws. Valid until the next call.
   */
  drawBatch(size: number, how: 'subset' | 'independent'): Int32Array;
  /**
   * Notes of a vector what the compressor of this round's uplink will look at: to be what that is `minus`, where the vector itself is
   * written anew.
   */
  remember(vector: Vector): Remembered;
}

/** A worker's half. Its state is a plain object of vectors, numbers and tracked points (`snapshotState`). */
export interface WorkerHalf<W extends object, P extends object = MethodParameters> {
  readonly init: (context: Context<P>, local: LocalFunction) => W;
  /** The uplink before round 1; present exactly when the server half has `start`. */
  readonly start?: (state: W, context: Context<P>, local: LocalFunction) => Outgoing;
  /** One round: takes the downlink and returns the uplink, or undefined when the plan has no answer from this worker. */
  readonly round: (state: W, context: Context<P>, incoming: Incoming, local: LocalFunction) => Outgoing | undefined;
  /** Applies what an uplink carried, for state that must agree with the server's. */
  readonly sent?: (state: W, context: Context<P>, carried: Incoming) => void;
}

/** Messages a worker and round on one link, on average. */
export interface Traffic {
  readonly dense?: number;
  readonly compressed?: number;
}

/** A method's theory in words, for `--explain` and docs/methods.md. */
export interface Description {
  readonly paper: string;
  readonly algorithm: string;
  readonly theorem: string;
  /** What travels in a round. */
  readonly downlink: string;
  readonly uplink: string;
  /** γ by theory, and under the Polyak–Łojasiewicz condition when the method knows that. */
  readonly stepSize: string;
  readonly stepSizePL?: string;
  /** The same two where workers share what their uplink's compressors draw, when the formula is another then. */
  readonly correlated?: { readonly stepSize: string; readonly stepSizePL?: string; readonly theorem: string };
  /** Each of the method's parameters: what it is and what theory sets it to. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * A method: two halves over explicit state, and the theory that sets its parameters and step size.
 *
 * S is the state of the server half, W that of the worker half, P the method's own parameters: numbers, choices and flags
 * under camelCase names. Without type arguments it is any method, as registries hold it: parameters come out of
 * `parameters` and go into everything else, and nobody on the way knows what they are.
 */
export interface Method<
  S extends ServerState = ServerState,
  W extends object = object,
  P extends object = MethodParameters,
> {
  readonly name: string;
  readonly summary: string;
  readonly description: Description;
  /** The link's compressor when none is asked for; undefined when the method never compresses that link. */
  readonly uplink: string | undefined;
  readonly downlink: string | undefined;
  /** Who a compressed downlink message is for: a message of its own for each worker (the default), or one for all. */
  readonly downlinkTo?: 'each' | 'all';
  /**
   * The links with error feedback: their compressors must be contractive (α > 0) and may be biased. Every other compressor must
   * be unbiased.
   */
  readonly contractive?: 'uplink' | 'downlink' | 'both';
  /** Whether the workers need a finite sum: batches of samples. */
  readonly batches?: boolean;
  /**
   * What the run's option `batch` means to the method, which is refused with `batch` when it leaves this out.
   *
   * - `gradients`: {@link LocalFunction.gradient} is taken on a batch, and that is all.
   * - `differences`: it also sends differences of gradients, both of one round and hence of the same samples, and takes what
   *   they add up from by {@link LocalFunction.denseGradient}.
   * - `parameter`: it has batches of its own, whose size `parameters` reads from the theory; other gradients stay exact.
   */
  readonly stochastic?: 'gradients' | 'differences' | 'parameter';
  /** Coins of a round, the lowest bits of `Plan.coins`: a worker refuses a frame that has others. All eight when left out. */
  readonly coins?: number;
  /**
   * Whether workers may be left out of a round's downlink, so that a worker's rounds have gaps; with what returns false, and
   * without it, a worker refuses a round when it has not had the one before.
   */
  readonly gaps?: (parameters: P) => boolean;
  /**
   * Whether rounds go on without workers that are away, and who comes (back) needs to be sent nothing but its next downlink: `plan`
   * looks at the attendance then, and `gaps` must hold. Without it every round has all workers.
   */
  readonly elastic?: (parameters: P) => boolean;
  /**
   * The method's own parameters (probabilities, momentum, …): those of `spec`, the rest from theory. What is not set is left
   * out, because they travel to the workers as a map.
   * @throws UsageError
   */
  readonly parameters: (spec: Spec, theory: Theory) => P;
  /**
   * The parameters as summaries and explanations show them, in that order: numbers under the names of specs. To be defined
   * where one of them is a choice; else the numbers are taken as they are (`reportedParameters`).
   */
  readonly report?: (parameters: P) => Readonly<Record<string, number>>;
  /** Length of the vectors that cross the links, when it is not d. */
  readonly messageDimension?: (parameters: P) => number;
  /** Messages on each link, on average. */
  readonly traffic: (parameters: P, workers: number) => { readonly uplink: Traffic; readonly downlink: Traffic };
  /**
   * Why theory has no step size for these compressors and parameters, such as an uplink whose messages are not independent or
   * shifts that move further than its proof allows.
   */
  readonly uncovered?: (theory: Theory, parameters: P) => string | undefined;
  /** What whoever runs it with these compressors and parameters should know, such as that it hardly ever compresses. */
  readonly warning?: (theory: Theory, parameters: P) => string | undefined;
  /** γ by theory; asked for where `uncovered` has nothing to say. */
  readonly stepSize: (theory: Theory, smoothness: Smoothness, parameters: P) => number;
  /**
   * Rounds until E‖∇f‖² ≤ ε by the method's theorem, asked for with exact gradients and a γ of at most `stepSize`. Undefined, or left
   * out, where no theorem has a number of rounds that hangs on δ⁰ alone.
   */
  readonly bound?: (input: BoundInput, smoothness: Smoothness, parameters: P, theory: Theory) => Bound | undefined;
  readonly server: ServerHalf<S, P>;
  readonly worker: WorkerHalf<W, P>;
}

/** Types the halves of a method against its own state and parameters, and hides both types from everybody else. */
export function defineMethod<
  S extends ServerState & StateShape<S>,
  W extends StateShape<W>,
  P extends ParametersShape<P>,
>(method: Method<S, W, P>): Method {
  return method as unknown as Method;
}
