export { type DataInput, type ErrorCode, FlotillaError, type MemoryData } from '@flotilla/core';
export type { Tally } from '@flotilla/protocol';
export type { Traffic } from '@flotilla/protocol/nats';
export { modulesOf } from '@flotilla/worker';
export type { TakenCheckpoint } from './checkpoint/checkpoints.js';
export { type ExplainedLink, type Explanation, explain } from './explain.js';
export type { BrokerTraffic } from './hosts/fleet.js';
export type { Model, ModelTensor } from './model/model.js';
export { readModel } from './model/read-model.js';
export { evaluate, predict, type UseOptions } from './model/use-model.js';
export { type JoinOptions, joinRun } from './nats/join-run.js';
export type { Prediction } from './prediction.js';
export type { Reporter } from './reporter.js';
export type { Coins } from './round/coins.js';
export type { EvaluatedRound } from './round/parameter-server.js';
export type { Late } from './round/stragglers.js';
export type { Happening, ReporterEvent } from './run/happening.js';
export { type LinkBytes, type Meters, ROUND_TIME_BOUNDS, type RoundShares, type WorkerMeters } from './run/meters.js';
export {
  denseFrameBytes,
  type Metrics,
  type Phase,
  type Progress,
  type Repeated,
  type StopReason,
  type Summary,
} from './run/metrics.js';
export { type Options, parseOptions } from './run/options.js';
export type { ProblemModule } from './run/problem-text.js';
export { MAX_KEPT } from './run/replay-buffer.js';
export type { ValidationMetrics } from './run/validation.js';
export type { RunAbout } from './run-about.js';
export type { RunResult } from './run-result.js';
export type { InterruptedSummary, RunFacts } from './summary.js';
export { AbortedError, type Logger, type Run, type TrainOptions, train } from './train.js';
