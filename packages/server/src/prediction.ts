import type { Bound, Smoothness } from '@flotilla/core';
import { HEADER_BYTES } from '@flotilla/protocol';
import type { Metrics } from './run/metrics.js';
import type { Options } from './run/options.js';
import type { RunPlan } from './run/plan.js';

/** What theory says of the way to the target ‖∇f‖² ≤ ε of a run: a bound, no forecast. */
export interface Prediction {
  /** ε: the option `target`, or `targetRelative` times ‖∇f(x⁰)‖²; the larger of both, which is met first. */
  readonly target: number;
  /** f(x⁰) */
  readonly loss: number;
  /** What f is never below; undefined where the problem does not say. */
  readonly lowerBound: number | undefined;
  /** δ⁰ = f(x⁰) − lowerBound. */
  readonly delta: number | undefined;
  /** Undefined where `reason` says why there is none. */
  readonly bound: (Bound & { readonly uplinkBytes: number; readonly downlinkBytes: number }) | undefined;
  readonly reason: string | undefined;
}

/** Of a training and its theory, what its bound hangs on. */
export interface PredictionInput {
  readonly options: Options;
  readonly plan: RunPlan;
  /** γ of the run, and what theory says; undefined where there is none, and where it says nothing. */
  readonly stepSize: number | undefined;
  readonly theory: number | undefined;
  readonly smoothness: Smoothness | undefined;
  /** The row of x⁰. */
  readonly start: Metrics;
  /** Frame bytes of an initial gradient, where the method sends some. */
  readonly initialBytes: number;
  /** Expected frame bytes a worker and round. */
  readonly uplinkBytes: number;
  readonly downlinkBytes: number;
}

/** Whether the options have a target that theory can speak of. */
export function hasTarget({ target, targetRelative }: Options): boolean {
  return target !== undefined || targetRelative !== undefined;
}

/** @param input Of options that have a target: {@link hasTarget} */
export function predict(input: PredictionInput): Prediction {
  const { options, plan, start, uplinkBytes, downlinkBytes } = input;
  const target = Math.max(options.target ?? 0, (options.targetRelative ?? 0) * start.gradNormSq);
  const { lowerBound } = plan.problem;
  const delta = lowerBound === undefined ? undefined : Math.max(0, start.loss - lowerBound);
  const known = { target, loss: start.loss, lowerBound, delta };
  const found = boundOf(input, target, delta);
  if (typeof found === 'string') return { ...known, bound: undefined, reason: found };
  const { rounds } = found;
  const initial = plan.method.server.start === undefined ? 0 : 1;
  return {
    ...known,
    bound: {
      ...found,
      uplinkBytes: initial * input.initialBytes + rounds * uplinkBytes,
      downlinkBytes: initial * HEADER_BYTES + rounds * downlinkBytes,
    },
    reason: undefined,
  };
}

/** The bound, or why there is none. */
function boundOf(
  { options, plan, stepSize, theory, smoothness }: PredictionInput,
  target: number,
  delta: number | undefined,
): Bound | string {
  const { method, job, parameters } = plan;
  if (method.bound === undefined) return `no theorem for method ${method.name} that gives a number of rounds from δ⁰`;
  const uncovered = method.uncovered?.(plan.theory, parameters);
  if (uncovered !== undefined) return uncovered;
  if (job.batch !== undefined && method.stochastic !== 'parameter') {
    return 'the theorem is about exact gradients, not about a batch';
  }
  if (options.coins === 'even' && tossesCoins(plan)) return 'the theorem assumes independent coins, not even ones';
  if (smoothness === undefined) return 'the problem has no smoothness constant';
  if (theory === undefined || stepSize === undefined) return 'theory has no step size with these constants';
  const { mu } = parameters;
  const tooMuch = typeof mu === 'number' ? muBeyond(mu, smoothness) : undefined;
  if (tooMuch !== undefined) return tooMuch;
  if (delta === undefined) return `problem ${job.problem} states no lower bound of f`;
  // a product of the factor 1 may differ in its last bit
  if (stepSize > theory * (1 + 1e-12)) {
    const [most, own] = [theory, stepSize].map((value) => Number(value.toPrecision(5)));
    return `the theorem is about γ ≤ ${most}, and the run's is ${own}`;
  }
  if (!(target > 0)) return 'x⁰ is stationary: ‖∇f(x⁰)‖² = 0';
  const bound = method.bound({ stepSize, delta, target }, smoothness, parameters, plan.theory);
  return bound ?? `the theorem does not cover these parameters of method ${method.name}`;
}

/** Why f cannot have this μ; undefined where nothing is known against it. */
function muBeyond(mu: number, { f, mu: own, estimated = [] }: Smoothness): string | undefined {
  if (own !== undefined && !estimated.includes('mu') && mu > own * (1 + 1e-9)) {
    // so many digits that it can be given
    return `mu=${mu} is more than μ = ${Number(own.toPrecision(12))}, the largest that this f has`;
  }
  if (mu <= f * (1 + 1e-9)) return undefined;
  return `mu=${mu} is more than L_f = ${Number(f.toPrecision(5))}, and no f has a μ above its L_f`;
}

/** Whether some rounds of a link are dense, by a coin. */
function tossesCoins({ method, parameters, job }: RunPlan): boolean {
  const { uplink, downlink } = method.traffic(parameters, job.workers);
  return [uplink, downlink].some(({ dense = 0, compressed = 0 }) => dense > 0 && compressed > 0);
}
