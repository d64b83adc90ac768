export { WorkerHost } from './host.js';
export { loadPlugins, type Plugin } from './plugins.js';
export type { ThreadTask } from './thread.js';
