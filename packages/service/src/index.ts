export { type Dashboard, type DashboardOptions, openDashboard } from './dashboard.js';
export type { DashboardRun } from './folder-run.js';
export { RunFeed } from './run-feed.js';
export type { RunControls, RunState, RunView } from './run-view.js';
