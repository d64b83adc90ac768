import type { LinearImage, Smoothness } from '../problem/problem.js';
import type { KeyedRandom } from '../random.js';
import type { Spec } from '../spec.js';

/** How a vector travels: not at all, every coordinate, through the link's compressor, or as what differs from its delta base. */
export type Form = 'none' | 'dense' | 'compressed' | 'delta';

/** What one side hands to the boundary. The boundary compresses, frames and counts; a method never sees bytes. */
export interface Outgoing {
  readonly form: 'none' | 'dense' | 'compressed';
  /** The vector to send; ignored when `form` is `none`. Not changed. */
  readonly vector: Float64Array;
  /** Extra vectors of the same frame, at most 255: in the same form, each compressed with randomness of its own. */
  readonly extra?: readonly Float64Array[];
  /**
   * The delta base, with form `dense`: the vector that the receivers hold in the place of this one, as they got it. The boundary
   * then sends only the coordinates that differ from it, as form `delta`, when that takes fewer bytes.
   */
  readonly deltaBase?: Float64Array;
}

/**
 * What a message carried, as its receiver got it. A sender whose state must agree with the receiver's gets the same object
 * and applies it in the same way: both sides apply what the wire carried, never what it was made from.
 */
export interface Incoming {
  readonly form: Form;
  /** The server's coins of this round, bit 0 first. */
  readonly coins: number;
  /** Vectors in the frame. */
  readonly vectors: number;
  /** target ← vector k of the frame. In form `delta` the target must hold the sender's delta base. */
  copyTo(target: Float64Array, k?: number): void;
  /** target ← target + weight · the sum of the frame's vectors. */
  addTo(target: Float64Array, weight: number): void;
  /** The vector's kept coordinates, when the frame has one vector and its codec lists them. */
  readonly sparse?: Sparse | undefined;
}

/** A vector with values[k] at coordinate index[k], k < count, and zeros elsewhere. No coordinate twice. */
export interface Sparse {
  readonly index: Int32Array;
  readonly values: Float64Array;
  readonly count: number;
}

/** What theory knows of the compressor on one link. */
export interface LinkTheory {
  /** Variance: E‖C(x) − x‖² ≤ ω‖x‖² for unbiased C. Infinite when C is biased. */
  readonly omega: number;
  /** θ of the collection over workers: E‖(1/n)ΣC_i(x) − x‖² ≤ θ‖x‖². */
  readonly theta: number;
  /** α: E‖C(x) − x‖² ≤ (1 − α)‖x‖²; 0 when C is not contractive. */
  readonly alpha: number;
  /** ζ: expected number of non-zeros of C(x). */
  readonly density: number;
}

/** What a method's constants are made of. */
export interface Theory {
  /** n */
  readonly workers: number;
  /** d */
  readonly dimension: number;
  /** m, samples of a worker (the most that any has), when its function is a finite sum. */
  readonly samples: number | undefined;
  readonly uplink: LinkTheory;
  readonly downlink: LinkTheory;
}

/** A run's resolved numbers: step size and the method's own parameters, the same on both sides. */
export interface Constants {
  /** γ */
  readonly stepSize: number;
  readonly [parameter: string]: number;
}

/** Everything a half may read besides its state. */
export interface Context {
  readonly workers: number;
  readonly dimension: number;
  readonly constants: Constants;
  /** x⁰; copy it. */
  readonly start: Float64Array;
  /**
   * d values of work space that all workers of a thread share: what a method leaves here to be sent is read before the next
   * worker's turn.
   */
  readonly scratch: Float64Array;
  /** The run's randomness, which both sides share: what is drawn from it need not be sent. */
  readonly random: KeyedRandom;
  /** Rounds a vector to what a dense message carries of it, for state that the other side gets to know later. */
  toWire(vector: Float64Array): void;
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

/** State is plain named vectors and numbers, so that it can be stored without asking the method. */
export interface ServerState {
  /** The iterate x. */
  readonly x: Float64Array;
  readonly [name: string]: Float64Array;
}

export interface ServerHalf<S extends ServerState> {
  init(context: Context): S;
  /** Takes the workers' mean initial gradient g⁰. Present exactly when the workers send one before round 1. */
  start?(state: S, context: Context, mean: Float64Array): void;
  /** Starts round `round`, from 1. `coin(p, k)` is true with probability p; k numbers the round's coins from 0. */
  plan(state: S, context: Context, coin: (p: number, k: number) => boolean, round: number): Plan;
  /** Applies what the downlink carried, when it was the same for every worker. */
  sent?(state: S, context: Context, carried: Incoming): void;
  /** Ends a round with (1/n) Σ of what the workers sent, folded in worker order; a worker that did not answer adds 0. */
  step(state: S, context: Context, plan: Plan, mean: Float64Array): void;
}

/** A worker's own function f_i. Calls are counted and timed. */
export interface LocalFunction {
  /** i */
  readonly worker: number;
  /** The round under way; 0 before the first. */
  readonly round: number;
  /** m_i, when f_i is the mean of m_i functions f_ij. */
  readonly samples: number | undefined;
  /** Writes ∇f_i(x) to `out` and returns f_i(x). */
  gradient(x: Float64Array, out: Float64Array): number;
  /** Writes (1/b) Σ ∇f_ij(x) over the b samples of `batch` to `out` and returns the mean of the f_ij(x). */
  batchGradient(x: Float64Array, batch: Int32Array, out: Float64Array): number;
  /** f_i's linear map, when following the image of a moving point pays. */
  readonly image?: LinearImage | undefined;
  /**
   * This round's sample numbers: a uniform subset of at most `size`, or `size` independent draws. Valid until the next call.
   */
  drawBatch(size: number, how: 'subset' | 'independent'): Int32Array;
}

export interface WorkerHalf<W> {
  init(context: Context, local: LocalFunction): W;
  /** The uplink before round 1; present exactly when the server half has `start`. */
  start?(state: W, context: Context, local: LocalFunction): Outgoing;
  /** One round: takes the downlink and returns the uplink, or undefined when the plan has no answer from this worker. */
  round(state: W, context: Context, incoming: Incoming, local: LocalFunction): Outgoing | undefined;
  /** Applies what an uplink carried, for state that must agree with the server's. */
  sent?(state: W, context: Context, carried: Incoming): void;
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
  /** Each of the method's parameters: what it is and what theory sets it to. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A method: two halves over explicit state, and the theory that sets its constants. */
export interface Method<S extends ServerState = ServerState, W = unknown> {
  readonly name: string;
  readonly summary: string;
  readonly description: Description;
  /** The link's compressor when none is asked for; undefined when the method never compresses that link. */
  readonly uplink: string | undefined;
  readonly downlink: string | undefined;
  /** Who a compressed downlink message is for: a message of its own for each worker (the default), or one for all. */
  readonly downlinkTo?: 'each' | 'all';
  /** Whether the workers need a finite sum: batches of samples. */
  readonly batches?: boolean;
  /** Whether workers may be left out of a round's downlink, so that a worker's rounds have gaps. */
  readonly gaps?: boolean;
  /** Length of the vectors that cross the links, when it is not d. */
  messageDimension?(parameters: Readonly<Record<string, number>>): number;
  /** Messages on each link, on average. */
  traffic(
    parameters: Readonly<Record<string, number>>,
    workers: number,
  ): { readonly uplink: Traffic; readonly downlink: Traffic };
  /**
   * The link with error feedback: its compressor must be contractive (α > 0) and may be biased. Every other compressor must
   * be unbiased.
   */
  readonly contractive?: 'uplink' | 'downlink';
  /** The method's own parameters (probabilities, momentum, …): those of `spec`, the rest from theory. @throws UsageError */
  parameters(spec: Spec, theory: Theory): Readonly<Record<string, number>>;
  /** γ by theory. */
  stepSize(theory: Theory, smoothness: Smoothness, parameters: Readonly<Record<string, number>>): number;
  readonly server: ServerHalf<S>;
  readonly worker: WorkerHalf<W>;
}

/** `mu`, μ of the Polyak–Łojasiewicz condition ‖∇f(x)‖² ≥ 2μ(f(x) − f*), for methods whose step size knows it. */
export function polyakLojasiewicz(spec: Spec): Readonly<Record<string, number>> {
  const mu = spec.number('mu', 0, Number.MAX_VALUE, true);
  return mu === undefined ? {} : { mu };
}

/** A number of samples, at most those there are unless they may repeat. @throws UsageError */
export function batchSize(spec: Spec, key: string, samples: number | undefined, repeats: boolean): number | undefined {
  const most = repeats ? 1e9 : (samples ?? 1);
  const size = spec.number(key, 1, most);
  if (size !== undefined && !Number.isInteger(size)) throw spec.invalid(key, String(size), 'a whole number');
  return size;
}

/** Types the halves of a method against its own state, and hides the state's type from everybody else. */
export function defineMethod<S extends ServerState, W>(method: Method<S, W>): Method {
  return method as unknown as Method;
}
