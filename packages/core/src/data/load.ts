import { lookUp } from '../spec.js';
import type { Dataset } from './dataset.js';
import { loadMnist } from './mnist.js';

/** A data set that can be asked for by name. */
export interface DataSource {
  readonly load: () => Dataset;
  /** The split used when none is asked for. */
  readonly split: string;
}

const sources: Readonly<Record<string, DataSource>> = {
  mnist: { load: loadMnist, split: 'shuffled' },
};

/** The data set called `name`. @throws UsageError when there is none. */
export function dataSource(name: string): DataSource {
  return lookUp('data set', sources, name);
}
