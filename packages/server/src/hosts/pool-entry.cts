import threads = require('node:worker_threads');

/**
 * What piscina loads on its threads: CommonJS, because piscina calls `require` first, and Node 20 aborts the whole process
 * when a thread is terminated while `require` links an ECMAScript module (seen in this project's tests). A termination
 * during `import` merely ends it.
 */

/** Begun with the thread, before there is a task: a pool may be started while its task is still being made. */
const loading = import((threads.workerData as { module: string }).module) as Promise<{
  default: (task: unknown) => unknown;
}>;
// a failure is the task's to report
loading.catch(() => undefined);

export = async (task: unknown): Promise<unknown> => (await loading).default(task);
