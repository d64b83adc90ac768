import { FlotillaError } from '@flotilla/core';
import { asFlotillaError } from '@flotilla/core/internal';
import { modulesOf } from '@flotilla/worker';
import type { ThreadPool } from './hosts/pool.js';
import { ownFile } from './own-files.js';
import type { Options } from './run/options.js';
import type { RunOutcome, RunTask } from './server-messages.js';

/** Whether nothing of a run's server is imported: a module's own imports must be the modules that the thread runs. */
function isWhole(options: Options): boolean {
  return modulesOf(options).length === 0 && options.transport !== 'nats';
}

/** Runs the server thread to its end. Undefined when it had to be terminated. */
export async function runServerThread(task: RunTask, overdue: Promise<void>): Promise<RunOutcome | undefined> {
  let pool: ThreadPool<RunTask, RunOutcome> | undefined;
  try {
    const entry = ownFile(isWhole(task.options) ? 'server-thread-bundle.cjs' : 'server-thread.js');
    // whoever imports this package to look at options need not load a thread pool
    const { threadPool } = await import('./hosts/pool.js');
    pool = threadPool(entry, 1);
    const outcome = await Promise.race([pool.run(task, task.port), overdue.then(() => undefined)]);
    // a thread in which `null` is thrown out of turn ends without an error
    if (outcome === null) throw new Error('nobody knows why');
    return outcome;
  } catch (cause) {
    const error = asFlotillaError(cause);
    if (error.code !== 'internal') throw error;
    throw new FlotillaError('internal', `the server thread ended: ${error.message}`, { cause });
  } finally {
    await pool?.close();
  }
}
