import { instanceFrom, type QuadraticInstance } from '../data/instance.js';
import { fingerprint } from '../data/shared-memory.js';
import { checkSplit } from '../data/split.js';
import type { ProblemFamily } from './problem.js';

/** What `fromInstance` shares. */
export interface InstanceData {
  /** Undefined when no file was asked for: the family then makes its functions from its parameters. */
  readonly instance: QuadraticInstance | undefined;
}

/** The data of families that a fixed instance, from a JSON file or in memory, may take the place of. Spread it into a family. */
export const fromInstance = {
  data: 'instance',
  checkData({ data, split }) {
    if (typeof data === 'object') instanceFrom(data, 'in memory');
    if (split !== undefined) checkSplit(split);
  },
  async load(_spec, { data, split, signal }) {
    if (typeof data !== 'object') {
      if (data === undefined) return { shared: { instance: undefined }, source: data, split };
      // readers are loaded when they are needed: worker threads never read files
      const { loadInstance } = await import('../data/load-instance.js');
      const instance = await loadInstance(data, signal);
      return { shared: { instance }, source: data, split };
    }
    const instance = instanceFrom(data, 'in memory');
    return { shared: { instance }, source: `memory:sha256=${fingerprint(instance)}`, split };
  },
} satisfies Pick<ProblemFamily<InstanceData>, 'data' | 'checkData' | 'load'>;
