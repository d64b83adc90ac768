export { type ErrorCode, FlotillaError } from '@flotilla/core';
export type { Tally } from '@flotilla/protocol';
export { denseFrameBytes, type Metrics, type Progress, type StopReason, type Summary } from './metrics.js';
export { type Options, optionsSchema, parseOptions } from './options.js';
export { AbortedError, type Logger, MAX_KEPT, type Run, type TrainOptions, train } from './train.js';
