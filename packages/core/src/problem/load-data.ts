import { fingerprint } from '../data/shared-memory.js';
import { checkSplit } from '../data/split.js';
import { UsageError } from '../errors.js';
import type { Spec } from '../spec.js';
import { fromInstance, type InstanceData } from './from-instance.js';
import { fromSamples, type SampleData } from './from-samples.js';
import type { DataRequest, LoadInput, ProblemData, ProblemFamily } from './problem.js';

/** What a family that does not load for itself finds in the input of `create`: of these, what its kind of data has. */
export interface UsualData {
  readonly data: SampleData['data'] | undefined;
  readonly shards: SampleData['shards'] | undefined;
  readonly instance: InstanceData['instance'];
}

/** Refuses data that a family cannot have, before anything is read or downloaded. @throws UsageError */
export function checkData(family: ProblemFamily, asked: DataRequest): void {
  const { indexBase, labelColumn, header } = asked.format ?? {};
  if (family.data !== 'samples' && [indexBase, labelColumn, header].some((option) => option !== undefined)) {
    throw new UsageError(`problem ${family.name} reads no samples; leave out how they are read`);
  }
  if (family.checkData !== undefined) family.checkData(asked);
  else if (family.load === undefined) usualLoading(family).checkData(asked);
}

/**
 * Loads the data of a problem, by the family's own `load` or as its kind of data usually is: then its `shared` is
 * {@link UsualData}.
 * @throws UsageError for data that is not as it must be, FlotillaError `io` when it cannot be read
 */
export async function loadData(family: ProblemFamily, spec: Spec, input: LoadInput): Promise<ProblemData> {
  if (family.load !== undefined) {
    const loaded = await family.load(spec, input);
    if (typeof input.data !== 'object' || loaded.source !== undefined) return loaded;
    return { ...loaded, source: `memory:sha256=${fingerprint(input.data)}` };
  }
  const { shared, ...rest } = await usualLoading(family).load(spec, input);
  const nothing: UsualData = { data: undefined, shards: undefined, instance: undefined };
  return { ...rest, shared: { ...nothing, ...shared } };
}

type Loading = Required<Pick<ProblemFamily<Partial<UsualData>>, 'checkData' | 'load'>>;

/** Checking and loading of a kind of data. */
function usualLoading({ name, data: kind }: ProblemFamily): Loading {
  if (kind === 'samples') return fromSamples;
  if (kind === 'instance') return fromInstance;
  return {
    checkData({ data, split }) {
      if (data !== undefined)
        throw new UsageError(
          `problem ${name} takes no data; leave out data${typeof data === 'string' ? `=${data}` : ''}`,
        );
      if (split !== undefined) checkSplit(split);
    },
    // a split is of no use here, and has always been let through and recorded
    load: async (_spec, { split }) => ({ shared: {}, split }),
  };
}
