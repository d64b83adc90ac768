import { type Dataset, labelsOf } from '../data/dataset.js';
import { dataSource, refuseFormat, withoutTestPart } from '../data/load.js';
import { datasetFrom } from '../data/memory-data.js';
import { fingerprint } from '../data/shared-memory.js';
import { checkSplit, largestShard, type Shards, split } from '../data/split.js';
import { UsageError } from '../errors.js';
import { printed } from '../printed.js';
import type { DataRequest, Facts, ProblemFamily } from './problem.js';

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
  checkData({ split: asked, ...request }) {
    sourceOf(request);
    if (asked !== undefined) checkSplit(asked);
  },
  async load(_spec, { split: askedSplit, workers, random, facts, signal, note, ...request }) {
    const { source, split: usual, load } = sourceOf(request);
    const used = askedSplit ?? usual;
    const features = typeof facts?.features === 'number' ? facts.features : undefined;
    const data = withFeaturesOf(facts, await load({ signal, note, features }));
    const shards = split(used, data, workers, random);
    return { shared: { data, shards }, source: source(data), split: used, samples: largestShard(shards) };
  },
} satisfies Pick<ProblemFamily<SampleData>, 'data' | 'checkData' | 'load'>;

/** Where the data comes from, and what it is called. @throws UsageError */
function sourceOf({ data: asked = USUAL, part, format }: Pick<DataRequest, 'data' | 'part' | 'format'>) {
  if (typeof asked === 'string') return { ...dataSource(asked, { ...format, part }), source: () => asked };
  refuseFormat('in memory', format);
  const data = datasetFrom(asked);
  const split = data.rowStart === undefined ? DENSE_SPLIT : SPARSE_SPLIT;
  if (part !== undefined) throw withoutTestPart('data in memory');
  return { source: memoryName, split, load: async () => data };
}

/** What data in memory is called in the records of a run: its shape, and a hash of its numbers, which are in none. */
function memoryName({ name: _, ...numbers }: Dataset): string {
  return `memory:shape=${numbers.samples}x${numbers.features},sha256=${fingerprint(numbers)}`;
}

/**
 * The labels. Undefined where a model is used on samples that lack them.
 * @throws UsageError when samples that are to be trained on lack them
 */
export function labelsFor(facts: Facts | undefined, data: Dataset): Float64Array | undefined {
  const lacking = data.label.length !== data.samples || data.label.some(Number.isNaN);
  return facts !== undefined && lacking ? undefined : labelsOf(data);
}

/**
 * What is made of the labels: at once where they are trained on, else when it is asked for, so that a model predicts whatever the
 * labels are.
 * @returns Throws a UsageError where samples lack labels.
 */
export function fromLabels<T>(
  facts: Facts | undefined,
  labels: Float64Array | undefined,
  make: (labels: Float64Array) => T,
): () => T {
  let made: T | undefined;
  const get = () => {
    if (labels === undefined) throw new UsageError('these samples have no labels, or not all of them');
    made ??= make(labels);
    return made;
  };
  if (facts === undefined) get();
  return get;
}

/** The data with as many features as a model was trained on: a sparse file ends with its last non-zero one. */
function withFeaturesOf(facts: Facts | undefined, data: Dataset): Dataset {
  const features = facts?.features;
  if (features === undefined || features === data.features) return data;
  // only rows that are sparse may lack their last features
  if (typeof features === 'number' && data.features < features && data.rowStart !== undefined)
    return { ...data, features };
  if (typeof features !== 'number') throw new UsageError(`the facts of the model have features ${printed(features)}`);
  throw new UsageError(`data set ${data.name} has ${data.features} features; the model was trained on ${features}`);
}
