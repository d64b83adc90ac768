import type { MeasuredSmoothness } from '@flotilla/core';
import { reportedParameters } from '@flotilla/core/internal';
import { hashOf } from './model/model.js';
import type { Metrics, Repeated, StopReason, Summary } from './run/metrics.js';
import type { Training } from './training.js';

/**
 * What a training came to that has ended.
 * @param metrics The row of its last round.
 * @param resumed How often it has gone on from a checkpoint.
 * @param repeated What was done twice.
 */
export async function summarize(
  training: Training,
  metrics: Metrics,
  stopReason: StopReason,
  secondsToFirstRound: number,
  resumed = 0,
  repeated?: Repeated,
): Promise<Summary> {
  const { options, plan, fleet, stepSize, measured } = training;
  const { job, method, dimension } = plan;
  const { output } = options;
  const at = await training.evaluateOutput(metrics);
  const { refused } = training.ledger;
  const { computeSeconds, gradientCalls } = await training.spent();
  return {
    method: options.method,
    problem: options.problem,
    data: job.data ?? null,
    workers: job.workers,
    threads: fleet.threads,
    dimension,
    seed: job.seed,
    transport: options.transport,
    ...(plan.checksumRun === undefined ? {} : { checksum: 'on' as const }),
    link: options.link ?? null,
    linkModel: options.linkModel ?? null,
    wire: job.wire,
    dense: options.dense,
    coins: options.coins,
    ...(options.batch === undefined ? {} : { batch: options.batch }),
    ...(options.batchDense === undefined ? {} : { batchDense: options.batchDense }),
    rounds: training.rounds,
    ...(output === 'last' ? {} : { output, outputRound: training.output.round }),
    loss: at.loss,
    gradNormSq: at.gradNormSq,
    metrics: at.metrics ?? null,
    validation: at.validation ?? null,
    stepSize,
    ...(measured === undefined ? {} : { measured: constantsOf(measured) }),
    parameters: reportedParameters(method, plan.parameters),
    wallSeconds: training.seconds,
    modelSeconds: metrics.modelSeconds ?? null,
    computeSeconds,
    gradientCalls,
    secondsToFirstRound,
    uplink: metrics.uplink,
    downlink: metrics.downlink,
    ...(Object.keys(refused).length === 0 ? {} : { refused: { ...refused } }),
    stopReason,
    ...(repeated === undefined ? {} : { repeated }),
    resumed,
    xHash: hashOf(training.output.x),
  };
}

/** The numbers that were measured, by name. */
function constantsOf(measured: MeasuredSmoothness): Record<string, number> {
  return Object.fromEntries(
    measured.measured.flatMap((name) => {
      const value = measured[name];
      return typeof value === 'number' ? [[name, value]] : [];
    }),
  );
}
