import type { Smoothness } from '../problem/problem.js';
import type { Spec } from '../spec.js';

/** How a vector travels: not at all, every coordinate, or through the link's compressor. */
export type Form = 'none' | 'dense' | 'compressed';

/** What one side hands to the boundary. The boundary compresses, frames and counts; a method never sees bytes. */
export interface Outgoing {
  readonly form: Form;
  /** The vector to send; ignored when `form` is `none`. Not changed. */
  readonly vector: Float64Array;
}

/**
 * What a message carried, as its receiver got it. A sender whose state must agree with the receiver's gets the same object
 * and applies it in the same way: both sides apply what the wire carried, never what it was made from.
 */
export interface Incoming {
  readonly form: Form;
  /** The server's coins of this round, bit 0 first. */
  readonly coins: number;
  /** target ← the vector. */
  copyTo(target: Float64Array): void;
  /** target ← target + weight · the vector. */
  addTo(target: Float64Array, weight: number): void;
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
}

/** What the server decides at the start of a round. */
export interface Plan {
  /** The round's coins, sent in every frame's header. */
  readonly coins: number;
  readonly downlink: Outgoing;
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
  /** Starts a round. `coin(p, k)` is true with probability p; k numbers the round's coins from 0. */
  plan(state: S, context: Context, coin: (p: number, k: number) => boolean): Plan;
  /** Applies what the downlink carried, when it was the same for every worker. */
  sent?(state: S, context: Context, carried: Incoming): void;
  /** Ends a round with the workers' mean, folded in worker order. */
  step(state: S, context: Context, plan: Plan, mean: Float64Array): void;
}

/** ∇f_i, counted and timed. Writes the gradient to `out` and returns f_i(x). */
export type Gradient = (x: Float64Array, out: Float64Array) => number;

export interface WorkerHalf<W> {
  init(context: Context): W;
  /** The uplink before round 1; present exactly when the server half has `start`. */
  start?(state: W, context: Context, gradient: Gradient): Outgoing;
  /** One round: takes the downlink, returns the uplink. */
  round(state: W, context: Context, incoming: Incoming, gradient: Gradient): Outgoing;
  /** Applies what an uplink carried, for state that must agree with the server's. */
  sent?(state: W, context: Context, carried: Incoming): void;
}

/** A method: two halves over explicit state, and the theory that sets its constants. */
export interface Method<S extends ServerState = ServerState, W = unknown> {
  readonly name: string;
  readonly summary: string;
  /** Paper, algorithm, theorem. */
  readonly reference: string;
  /** The link's compressor when none is asked for; undefined when the method never compresses that link. */
  readonly uplink: string | undefined;
  readonly downlink: string | undefined;
  /** Who a compressed downlink message is for: a message of its own for each worker (the default), or one for all. */
  readonly downlinkTo?: 'each' | 'all';
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

/** Types the halves of a method against its own state, and hides the state's type from everybody else. */
export function defineMethod<S extends ServerState, W>(method: Method<S, W>): Method {
  return method as unknown as Method;
}
