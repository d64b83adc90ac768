export { type HostInput, WorkerHost } from './host.js';
export { BUILT_IN, loadPlugins, modulesOf, type Plugin, type Registries } from './plugins.js';
export type { ThreadTask } from './thread.js';
