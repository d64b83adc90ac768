// Thread entry: the problem made once more, from what was shared, and its oracles evaluated.
import { parentPort, workerData } from 'node:worker_threads';
import { problems } from '../problem/index.js';
import type { ProblemFamily } from '../problem/problem.js';
import { lookUp, type Registry, Spec } from '../spec.js';
import { type Evaluation, evaluateAll } from './evaluate-all.js';

export interface OracleTask extends Evaluation {
  /** Module whose default export has the family among its `problems`, when it is no built-in one. */
  readonly module: string | undefined;
}

const task = workerData as OracleTask;
const plugin =
  task.module === undefined
    ? undefined
    : ((await import(task.module)) as { default: { problems: Registry<ProblemFamily> } });
const family = lookUp('problem', plugin?.default.problems ?? problems, Spec.parse('problem', task.spec).name);
parentPort?.postMessage(evaluateAll(family, task));
