import type { Dataset } from '../data/dataset.js';
import { dataSource } from '../data/load.js';
import { checkSplit, largestShard, type Shards, split } from '../data/split.js';
import type { ProblemFamily } from './problem.js';

/** What `fromSamples` shares: the samples, and who has which. */
export interface SampleData {
  readonly data: Dataset;
  readonly shards: Shards;
}

/** The data set when none is asked for. */
const USUAL = 'mnist';

/**
 * The data of families whose f_i are means over samples: a data set by name or path (`mnist` when none is asked for) and its
 * partition, by the data set's usual split when none is asked for. Spread it into a family.
 */
export const fromSamples = {
  data: 'samples',
  checkData({ data, split: asked, format }) {
    dataSource(data ?? USUAL, format);
    if (asked !== undefined) checkSplit(asked);
  },
  async load(_spec, { data: asked, split: askedSplit, format, workers, random, signal, note }) {
    const source = asked ?? USUAL;
    const { load, split: usual } = dataSource(source, format);
    const used = askedSplit ?? usual;
    const data = await load({ signal, note });
    const shards = split(used, data, workers, random);
    return { shared: { data, shards }, source, split: used, samples: largestShard(shards) };
  },
} satisfies Pick<ProblemFamily<SampleData>, 'data' | 'checkData' | 'load'>;
