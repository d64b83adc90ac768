import type { MeasuredSmoothness } from '@flotilla/core';
import { reportedParameters } from '@flotilla/core/internal';
import { hashOf } from './model/model.js';
import type { Metrics, Repeated, StopReason, Summary } from './run/metrics.js';
import type { Training } from './training.js';

/** What a summary says of a run whose rounds have begun, whatever they come to. */
export type RunFacts = Omit<
  Summary,
  | 'rounds'
  | 'loss'
  | 'gradNormSq'
  | 'metrics'
  | 'validation'
  | 'wallSeconds'
  | 'modelSeconds'
  | 'uplink'
  | 'downlink'
  | 'late'
  | 'outputRound'
  | 'computeSeconds'
  | 'gradientCalls'
  | 'refused'
  | 'broker'
  | 'stopReason'
  | 'repeated'
  | 'xHash'
>;

/**
 * The summary of a run that was ended in the middle of a round: of its last evaluated round, at the iterate of that, and without
 * what only its threads could have said: `computeSeconds`, `gradientCalls`, `xHash`.
 */
export type InterruptedSummary = Omit<Summary, 'computeSeconds' | 'gradientCalls' | 'xHash'> &
  Partial<Pick<Summary, 'computeSeconds' | 'gradientCalls' | 'xHash'>>;

/** @param resumed How often the run has gone on from a checkpoint. */
export function aboutRun(training: Training, secondsToFirstRound: number, resumed = 0): RunFacts {
  const { options, plan, fleet, stepSize, measured } = training;
  const { job, method, dimension } = plan;
  const { output } = options;
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
    precision: options.precision,
    dense: options.dense,
    coins: options.coins,
    ...(options.batch === undefined ? {} : { batch: options.batch }),
    ...(options.batchDense === undefined ? {} : { batchDense: options.batchDense }),
    ...(output === 'last' ? {} : { output }),
    stepSize,
    ...(measured === undefined ? {} : { measured: constantsOf(measured) }),
    parameters: reportedParameters(method, plan.parameters),
    secondsToFirstRound,
    resumed,
  };
}

function outcomeOf(row: Metrics) {
  const { round, seconds, modelSeconds, loss, gradNormSq, metrics, validation, late, uplink, downlink } = row;
  return {
    rounds: round,
    loss,
    gradNormSq,
    metrics: metrics ?? null,
    validation: validation ?? null,
    wallSeconds: seconds,
    modelSeconds: modelSeconds ?? null,
    uplink,
    downlink,
    ...(late === undefined ? {} : { late }),
  };
}

/** @param last The row of the last evaluated round. */
export function summaryOfInterrupted(facts: RunFacts, last: Metrics): InterruptedSummary {
  const { output: _, ...rest } = facts;
  return { ...rest, ...outcomeOf(last), stopReason: 'aborted' };
}

/**
 * What a training came to that has ended.
 * @param last The row of its last round.
 * @param repeated What was done twice.
 */
export async function summarize(
  training: Training,
  facts: RunFacts,
  last: Metrics,
  stopReason: StopReason,
  repeated?: Repeated,
): Promise<Summary> {
  const { loss, gradNormSq, metrics = null, validation = null } = await training.evaluateOutput(last);
  const { x, round } = training.output;
  const { refused } = training.ledger;
  return {
    ...facts,
    threads: training.fleet.threads,
    ...outcomeOf(last),
    ...(facts.output === undefined ? {} : { outputRound: round }),
    loss,
    gradNormSq,
    metrics,
    validation,
    wallSeconds: training.seconds,
    ...(await training.spent()),
    ...(Object.keys(refused).length === 0 ? {} : { refused: { ...refused } }),
    ...(training.fleet.broker === undefined ? {} : { broker: training.fleet.broker() }),
    ...(training.fleet.attendance === undefined ? {} : { attendance: training.fleet.attendance.summary }),
    stopReason,
    ...(repeated === undefined ? {} : { repeated }),
    xHash: hashOf(x),
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
