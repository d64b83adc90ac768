// The second door, for the packages beside this one: what they need to look at a run from within. Not under semantic versioning.
export { hasCheckpoint } from './checkpoint/checkpoint-folder.js';
export { readStoredRun, type StoredRun } from './checkpoint/stored-run.js';
export type { Fleet } from './hosts/fleet.js';
export { POOL_ENTRY, type ThreadPool, threadPool } from './hosts/pool.js';
export { offeredOptions } from './nats/offer.js';
export { ParameterServer } from './round/parameter-server.js';
export { brokerOf } from './run/broker.js';
export { formatOf } from './run/data-request.js';
export {
  describeOptions,
  mergeOptions,
  type NumberRange,
  type OptionDescription,
  OTHER_NAMES,
  optionsSchema,
} from './run/options.js';
export { planRun, type RunPlan } from './run/plan.js';
export { RUN_FILES } from './run/run-folder.js';
export { StoppingCriteria } from './run/stopping.js';
export type { RunEvent } from './server-messages.js';
export { default as serve } from './server-thread.js';
export { aboutRun, summarize } from './summary.js';
export { type Observer, Training, type TrainingSetup } from './training.js';
