export { type Dashboard, type DashboardOptions, openDashboard } from './dashboard.js';
export type { ServiceErrorCode, ToldError } from './errors.js';
export type { DashboardRun } from './folder-run.js';
export type { RunLimits, ServiceLimits } from './limits.js';
export type { Allow, Offer } from './offers.js';
export { type FlotillaOptions, flotilla, type OptionOfService } from './plugin.js';
export type { MakeReport } from './reports.js';
export { RunFeed } from './run-feed.js';
export type { NewestOfRun, RunControls, RunNumbers, RunState, RunView } from './run-view.js';
