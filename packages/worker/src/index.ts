export { WorkerHost } from './host.js';
export type { ThreadTask } from './thread.js';
