import { loadInstance, type QuadraticInstance } from '../data/instance.js';
import { checkSplit } from '../data/split.js';
import type { ProblemFamily } from './problem.js';

/** What `fromInstance` shares. */
export interface InstanceData {
  /** Undefined when no file was asked for: the family then makes its functions from its parameters. */
  readonly instance: QuadraticInstance | undefined;
}

/** The data of families that a fixed instance from a JSON file may take the place of. Spread it into a family. */
export const fromInstance = {
  data: 'instance',
  checkData({ split }) {
    if (split !== undefined) checkSplit(split);
  },
  async load(_spec, { data, split }) {
    return { shared: { instance: data === undefined ? undefined : loadInstance(data) }, source: data, split };
  },
} satisfies Pick<ProblemFamily<InstanceData>, 'data' | 'checkData' | 'load'>;
