import type { Dataset } from '../data/dataset.js';
import { dataSource } from '../data/load.js';
import { type DataInput, datasetFrom } from '../data/memory-data.js';
import { fingerprint } from '../data/shared-memory.js';
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
/** The split of data in memory, as of rows in a file: nothing is known of their order. */
const MEMORY_SPLIT = 'contiguous';

/**
 * The data of families whose f_i are means over samples: a data set by name or path (`mnist` when none is asked for) or in
 * memory, and its partition, by the data set's usual split when none is asked for. Spread it into a family.
 */
export const fromSamples = {
  data: 'samples',
  checkData({ data = USUAL, split: asked }) {
    if (typeof data === 'string') dataSource(data);
    else datasetFrom(data);
    if (asked !== undefined) checkSplit(asked);
  },
  async load(_spec, { data: asked = USUAL, split: askedSplit, workers, random, signal, facts }) {
    const { source, split: usual, load } = sourceOf(asked);
    const used = askedSplit ?? usual;
    const data = withFeaturesOf(facts, await load(signal));
    const shards = split(used, data, workers, random);
    return { shared: { data, shards }, source: source(data), split: used, samples: largestShard(shards) };
  },
} satisfies Pick<ProblemFamily<SampleData>, 'data' | 'checkData' | 'load'>;

function sourceOf(asked: DataInput) {
  if (typeof asked !== 'string') {
    return { source: memoryName, split: MEMORY_SPLIT, load: async () => datasetFrom(asked) };
  }
  const { load, split } = dataSource(asked);
  return { source: () => asked, split, load: (signal: AbortSignal | undefined) => load({ signal }) };
}

/** What data in memory is called in the records of a run: its shape, and a hash of its numbers, which are in none. */
function memoryName({ name: _, ...numbers }: Dataset): string {
  return `memory:shape=${numbers.samples}x${numbers.features},sha256=${fingerprint(numbers)}`;
}

/** The data with as many features as a model was trained on: a sparse file ends with its last non-zero one. */
function withFeaturesOf(facts: Facts | undefined, data: Dataset): Dataset {
  const features = facts?.features;
  if (features === undefined || features === data.features) return data;
  // only rows that are sparse may lack their last features
  if (typeof features === 'number' && data.features < features && data.rowStart !== undefined)
    return { ...data, features };
  throw new UsageError(`data set ${data.name} has ${data.features} features; the model was trained on ${features}`);
}
