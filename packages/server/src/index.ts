export { type ErrorCode, FlotillaError } from '@flotilla/core';
export type { Tally } from '@flotilla/protocol';
export type { Metrics, Progress, StopReason, Summary } from './metrics.js';
export { type Options, optionsSchema } from './options.js';
export { AbortedError, type Logger, MAX_UNREAD, type Run, type TrainOptions, train } from './train.js';
