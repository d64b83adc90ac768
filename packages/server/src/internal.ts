// The second door, for the packages beside this one: what they need to look at a run from within. Not under semantic versioning.
export type { Fleet } from './hosts/fleet.js';
export { POOL_ENTRY, type ThreadPool, threadPool } from './hosts/pool.js';
export { request } from './hosts/request.js';
export { type LaunchedRun, launch } from './launch.js';
export { ParameterServer } from './round/parameter-server.js';
export { describeOptions, type OptionDescription, optionsSchema } from './run/options.js';
export { planRun, type RunPlan } from './run/plan.js';
export { StoppingCriteria } from './run/stopping.js';
export { default as serve, type RunEvent, type RunOutcome, type RunTask } from './server-thread.js';
