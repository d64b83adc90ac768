// Thread entry: the problem made once more, from what was shared, and its oracles evaluated.
import { parentPort, workerData } from 'node:worker_threads';
import { problems } from '../problem/index.js';
import type { ProblemFamily } from '../problem/problem.js';
import { lookUp, type Registry, Spec } from '../spec.js';
import { type Evaluation, evaluateAll } from './evaluate-all.js';

export interface OracleTask extends Evaluation {
  /** Module whose default export is the family or has it among its `problems`, when it is no built-in one. */
  readonly module: string | undefined;
}

const task = workerData as OracleTask;
const { name } = Spec.parse('problem', task.spec);
const exported =
  task.module === undefined
    ? { problems }
    : ((await import(task.module)) as { default: { problems: Registry<ProblemFamily> } | ProblemFamily }).default;
const family = 'problems' in exported ? lookUp('problem', exported.problems, name) : exported;
parentPort?.postMessage(evaluateAll(family, task));
