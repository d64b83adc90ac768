import { createCompressor } from '@flotilla/compressors';
import type { MeasuredSmoothness, Smoothness } from '@flotilla/core';
import { isIndependent, messageDimension, reportedParameters } from '@flotilla/core/internal';
import { CHECKSUM_BYTES, HEADER_BYTES } from '@flotilla/protocol';
import { hasTarget, type Prediction, predict } from './prediction.js';
import type { Coins } from './round/coins.js';
import type { Metrics } from './run/metrics.js';
import type { Options } from './run/options.js';
import { planRun } from './run/plan.js';
import { findStepSize, type StepSize } from './run/step-size.js';

/** One link: its compressor, the constants theory knows it by, and what a message is expected to cost. */
export interface ExplainedLink {
  /** Undefined when the method never compresses this link. */
  readonly compressor: string | undefined;
  readonly omega: number;
  readonly theta: number;
  /** Of the AB-inequality. */
  readonly A: number;
  readonly B: number;
  readonly alpha: number;
  /** ζ */
  readonly density: number;
  /** What travels in a round. */
  readonly carries: string;
  /** Expected frame bytes a worker and round. */
  readonly bytesPerRound: number;
}

/** What a run would be made of: constants found, formulas, and the values they give. */
export interface Explanation {
  readonly method: string;
  readonly paper: string;
  readonly algorithm: string;
  readonly theorem: string;
  readonly problem: string;
  readonly data: string | undefined;
  /** Of state and arithmetic, where that is f32. */
  readonly precision?: 'f32';
  /** n */
  readonly workers: number;
  /** d */
  readonly dimension: number;
  /** m, for finite sums. */
  readonly samples: number | undefined;
  /** Undefined when the problem has no smoothness constant. */
  readonly smoothness: Omit<Smoothness, 'perWorker'> | undefined;
  /**
   * The constants measured along a short run of gradient descent from x⁰: estimates from below of what they are there, and no
   * bounds. There when it was asked for; null where f has no curvature.
   */
  readonly measured?: Omit<MeasuredSmoothness, 'perWorker'> | null;
  readonly uplink: ExplainedLink;
  readonly downlink: ExplainedLink;
  readonly parameters: readonly {
    readonly name: string;
    readonly value: number | undefined;
    readonly meaning: string;
  }[];
  /** How dense rounds are drawn; the theorems assume independent coins. */
  readonly coins: Coins;
  /** Samples of gradients; undefined when gradients are exact, or batches the method's own, which its theorem covers. */
  readonly batch:
    | {
        /** B */
        readonly gradient: number;
        /** Of a dense round; undefined for all, or when there are none. */
        readonly dense: number | undefined;
        /** What the theorem has to say of it. */
        readonly theory: string;
      }
    | undefined;
  readonly stepSize: {
    /** γ of the run; undefined where theory has none, so that the run is refused until it gets a number. */
    readonly value: number | undefined;
    /** Why there is none, as the run's refusal says it of the option. Missing when there is one. */
    readonly refused?: string;
    readonly formula: string;
    /** What the formula gives; undefined when there is no smoothness constant, or `uncovered` says why there is none. */
    readonly theory: number | undefined;
    readonly uncovered: string | undefined;
    /** What the formula gives with the measured constants. */
    readonly measured?: number;
  };
  /** What whoever runs it should know, such as that it hardly ever compresses. */
  readonly warning: string | undefined;
  /** Expected frame bytes a worker and round of gradient descent, one link. */
  readonly denseBytes: number;
  /** What theory says of the way to the run's target; undefined without a target on ‖∇f‖². */
  readonly prediction: Prediction | undefined;
}

/**
 * Settles everything that a run with these options would start from, its step size included, and runs nothing. The
 * workers are built on the calling thread, because L_i is known only then; with a target on ‖∇f‖² they evaluate x⁰. Where theory has
 * no step size, what is known is explained all the same, and why it has none.
 * @param setup `measure`: measure the smoothness constants too, which takes some thousand gradients
 * @throws FlotillaError as `train` does before its first round, but for a step size that theory has not
 */
export async function explain(options: Options, setup: { readonly measure?: boolean } = {}): Promise<Explanation> {
  const plan = await planRun(options, undefined, undefined, false);
  const { job, method, dimension, theory, parameters } = plan;
  const uncovered = method.uncovered?.(theory, parameters);
  const byMeasure = 'timesMeasured' in plan.stepSize;
  const measure = setup.measure === true ? 'all' : byMeasure && uncovered === undefined ? 'read' : undefined;
  // loaded when it is asked for, like the threads of `train`
  const { Training } = await import('./training.js');
  // no round is run, and there may be no γ: it is found below
  const unsettled = { ...plan, stepSize: { value: 1 } };
  const training = await Training.open({ ...options, transport: 'loopback' }, { plan: unsettled, measure });
  const { smoothness, measured } = training;
  const find = (asked: StepSize, constants: Smoothness | undefined) =>
    findStepSize(asked, method, theory, constants, parameters);
  const { stepSize, complaint } = find(plan.stepSize, byMeasure ? measured : smoothness);
  let start: Metrics | undefined;
  try {
    if (hasTarget(options)) start = await training.evaluate();
  } finally {
    await training.close();
  }
  const { description } = method;
  const reported = reportedParameters(method, parameters);
  const length = messageDimension(method, parameters, dimension);
  const fixedBytes = HEADER_BYTES + (plan.checksumRun === undefined ? 0 : CHECKSUM_BYTES);
  const traffic = method.traffic(parameters, job.workers);
  const env = { dimension: length, workers: job.workers, wire: job.wire, precision: options.precision };
  const bytes = (compressor: string) =>
    fixedBytes + createCompressor(compressor, env, plan.registries.compressors).constants.expectedBits / 8;
  const denseFrame = bytes(job.dense === 'packed' ? 'packed' : 'identity');
  const link = (direction: 'uplink' | 'downlink'): ExplainedLink => {
    const spec = job[direction];
    const { omega, theta, A, B, alpha, density } = theory[direction];
    const { dense = 0, compressed = 0 } = traffic[direction];
    return {
      compressor: spec,
      omega,
      theta,
      A,
      B,
      alpha,
      density,
      carries: description[direction],
      bytesPerRound: dense * denseFrame + (compressed === 0 || spec === undefined ? 0 : compressed * bytes(spec)),
    };
  };
  const [uplink, downlink] = [link('uplink'), link('downlink')];
  const byTheory = find({ timesTheory: 1 }, smoothness).stepSize;
  const covering =
    description.correlated !== undefined && !isIndependent(theory.uplink, job.workers)
      ? description.correlated
      : description;
  return {
    method: options.method,
    paper: description.paper,
    algorithm: description.algorithm,
    theorem: covering.theorem,
    problem: job.problem,
    data: job.data,
    ...(options.precision === 'f32' && { precision: options.precision }),
    workers: job.workers,
    dimension,
    samples: theory.samples,
    smoothness: smoothness && withoutList(smoothness),
    ...(measure !== undefined && { measured: measured === undefined ? null : withoutList(measured) }),
    uplink,
    downlink,
    parameters: Object.entries(description.parameters).map(([name, meaning]) => ({
      name,
      value: reported[name],
      meaning,
    })),
    coins: options.coins,
    batch: job.batch === undefined ? undefined : { gradient: job.batch, dense: job.batchDense, theory: NOT_COVERED },
    stepSize: {
      value: stepSize,
      ...(complaint !== undefined && { refused: complaint }),
      formula: (reported.mu === undefined ? undefined : covering.stepSizePL) ?? covering.stepSize,
      theory: byTheory,
      uncovered,
      ...(measured !== undefined &&
        uncovered === undefined && {
          measured: find({ timesMeasured: 1 }, measured).stepSize,
        }),
    },
    warning: plan.warning,
    denseBytes: fixedBytes + (job.wire === 'f32' ? 4 : 8) * dimension,
    prediction:
      start &&
      predict({
        options,
        plan,
        stepSize,
        theory: byTheory,
        smoothness,
        start,
        initialBytes: denseFrame,
        uplinkBytes: uplink.bytesPerRound,
        downlinkBytes: downlink.bytesPerRound,
      }),
  };
}

const NOT_COVERED = 'the theorem is about exact gradients: its constants and step size do not cover stochastic ones';

function withoutList<S extends Smoothness>({ perWorker: _, ...constants }: S): Omit<S, 'perWorker'> {
  return constants;
}
