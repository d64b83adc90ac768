import { type Dataset, labelsOf } from '../data/dataset.js';
import { dataSource } from '../data/load.js';
import { checkSplit, largestShard, type Shards, split } from '../data/split.js';
import { UsageError } from '../errors.js';
import type { Facts, ProblemFamily } from './problem.js';

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
  checkData({ data, split: asked }) {
    dataSource(data ?? USUAL);
    if (asked !== undefined) checkSplit(asked);
  },
  async load(_spec, { data: asked, split: askedSplit, workers, random, signal, facts }) {
    const source = asked ?? USUAL;
    const { load, split: usual } = dataSource(source);
    const used = askedSplit ?? usual;
    const data = withFeaturesOf(facts, await load({ signal }));
    const shards = split(used, data, workers, random);
    return { shared: { data, shards }, source, split: used, samples: largestShard(shards) };
  },
} satisfies Pick<ProblemFamily<SampleData>, 'data' | 'checkData' | 'load'>;

/**
 * The labels. Undefined where a model is used on samples that lack them.
 * @throws UsageError when samples that are to be trained on lack them
 */
export function labelsFor(facts: Facts | undefined, data: Dataset): Float64Array | undefined {
  const lacking = data.label.length !== data.samples || data.label.some(Number.isNaN);
  return facts !== undefined && lacking ? undefined : labelsOf(data);
}

/** The data with as many features as a model was trained on: a sparse file ends with its last non-zero one. */
function withFeaturesOf(facts: Facts | undefined, data: Dataset): Dataset {
  const features = facts?.features;
  if (features === undefined || features === data.features) return data;
  if (typeof features === 'number' && data.features < features) return { ...data, features };
  throw new UsageError(`data set ${data.name} has ${data.features} features; the model was trained on ${features}`);
}
