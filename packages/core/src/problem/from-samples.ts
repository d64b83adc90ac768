import type { Dataset } from '../data/dataset.js';
import { dataSource, refuseFormat } from '../data/load.js';
import { type DataInput, datasetFrom } from '../data/memory-data.js';
import type { FormatOptions } from '../data/reading.js';
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
/** The splits of data in memory: those of the files that hold such, CSV and NumPy, and LIBSVM. */
const DENSE_SPLIT = 'shuffled';
const SPARSE_SPLIT = 'contiguous';

/**
 * The data of families whose f_i are means over samples: a data set by name or path (`mnist` when none is asked for) or in
 * memory, and its partition, by the data set's usual split when none is asked for. Spread it into a family.
 */
export const fromSamples = {
  data: 'samples',
  checkData({ data = USUAL, split: asked, format }) {
    sourceOf(data, format);
    if (asked !== undefined) checkSplit(asked);
  },
  async load(_spec, { data: asked = USUAL, split: askedSplit, format, workers, random, signal, note, facts }) {
    const { source, split: usual, load } = sourceOf(asked, format);
    const used = askedSplit ?? usual;
    const data = withFeaturesOf(facts, await load({ signal, note }));
    const shards = split(used, data, workers, random);
    return { shared: { data, shards }, source: source(data), split: used, samples: largestShard(shards) };
  },
} satisfies Pick<ProblemFamily<SampleData>, 'data' | 'checkData' | 'load'>;

/** Where the data comes from, and what it is called. @throws UsageError */
function sourceOf(asked: DataInput, format?: FormatOptions) {
  if (typeof asked === 'string') return { ...dataSource(asked, format), source: () => asked };
  refuseFormat('data in memory', format);
  const data = datasetFrom(asked);
  const split = data.rowStart === undefined ? DENSE_SPLIT : SPARSE_SPLIT;
  return { source: memoryName, split, load: async () => data };
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
