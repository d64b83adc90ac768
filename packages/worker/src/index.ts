export { WorkerHost } from './host.js';
export { BUILT_IN, loadPlugins, type Plugin, type Registries } from './plugins.js';
export type { ThreadTask } from './thread.js';
