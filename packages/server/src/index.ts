export { type ErrorCode, FlotillaError } from '@flotilla/core';
export type { Tally } from '@flotilla/protocol';
export { type ExplainedLink, type Explanation, explain } from './explain.js';
export type { Coins } from './round/coins.js';
export type { EvaluatedRound } from './round/parameter-server.js';
export {
  denseFrameBytes,
  type Metrics,
  type Phase,
  type Progress,
  type StopReason,
  type Summary,
} from './run/metrics.js';
export { type Options, parseOptions } from './run/options.js';
export { MAX_KEPT } from './run/replay-buffer.js';
export { AbortedError, type Logger, type Run, type TrainOptions, train } from './train.js';
