import { UsageError } from '../errors.js';
import { EVERY_WORKER, type KeyedRandom, Rng } from '../random.js';
import { lookUp, Spec } from '../spec.js';
import { type Dataset, labelsOf, shared } from './dataset.js';
import { drawDirichlet } from './dirichlet.js';

/** The samples of each worker, in shared memory. */
export interface Shards {
  /** Worker i holds the samples `order[start[i]] … order[start[i + 1] - 1]`. */
  readonly order: Int32Array;
  readonly start: Int32Array;
  /** Samples in use, over all workers. */
  readonly samples: number;
}

/** The most samples that a worker has. */
export function largestShard({ start }: Shards): number {
  let largest = 0;
  for (let i = 1; i < start.length; i++) largest = Math.max(largest, start[i] - start[i - 1]);
  return largest;
}

/** The samples of a worker, a view. */
export function shardOf({ order, start }: Shards, worker: number): Int32Array {
  return order.subarray(start[worker], start[worker + 1]);
}

/** n m_i/N, which weighs the mean over a shard so that the mean over the n workers is that over all samples in use. */
export function shardWeight({ start, samples }: Shards, worker: number): number {
  return ((start.length - 1) / samples) * (start[worker + 1] - start[worker]);
}

type Partition = (data: Dataset, workers: number, random: KeyedRandom) => Shards;

/** Labels that `dirichlet` tells apart. */
const MAX_CLASSES = 1000;

/**
 * How samples are assigned to workers. Each entry reads its parameters and gives the partition. Heterogeneity is least with
 * `shuffled` and with `dirichlet` at large α, grows as α falls, and is greatest with `label` and at small α. `contiguous` is
 * as the file was written: anything between the two.
 *
 * - `contiguous`: blocks of ⌊N/n⌋ rows in file order; the last N − n⌊N/n⌋ rows are dropped (as in the MARINA paper).
 * - `shuffled`: a seeded shuffle, then blocks whose sizes differ by at most one; nothing is dropped.
 * - `label`: sorted by label, file order within a label, then blocks as in `shuffled`: as good as one label a worker.
 * - `dirichlet:alpha=0.3`: the samples of each label, in a seeded shuffle, are cut into n pieces in proportions drawn from
 *   Dirichlet(α, …, α). As α → ∞ all workers get 1/n of every label; as α → 0 each label goes to one worker. Nothing is
 *   dropped, sizes differ, and workers that would get nothing get a sample each from the largest shard.
 */
const splits: Readonly<Record<string, (spec: Spec) => Partition>> = {
  contiguous: () => (data, workers) => {
    const size = Math.floor(data.samples / workers);
    const order = Int32Array.from({ length: size * workers }, (_, s) => s);
    return { order, start: Int32Array.from({ length: workers + 1 }, (_, i) => i * size), samples: size * workers };
  },
  shuffled: () => (data, workers, random) => {
    const order = Int32Array.from({ length: data.samples }, (_, s) => s);
    random.stream(new Rng(), 'data/shuffle', 0, EVERY_WORKER).shuffle(order);
    return evenBlocks(order, workers);
  },
  label: () => (data, workers) => {
    const label = labelsOf(data);
    const order = Int32Array.from({ length: data.samples }, (_, s) => s);
    return evenBlocks(
      order.sort((a, b) => label[a] - label[b] || a - b),
      workers,
    );
  },
  dirichlet: (spec) => {
    const alpha = spec.number('alpha', 1e-3, 1e6) ?? 0.3;
    return (data, workers, random) => dirichlet(data, workers, random, alpha);
  },
};

/** Blocks whose sizes differ by at most one. */
function evenBlocks(order: Int32Array, workers: number): Shards {
  const start = Int32Array.from({ length: workers + 1 }, (_, i) => Math.floor((i * order.length) / workers));
  return { order, start, samples: order.length };
}

function dirichlet(data: Dataset, workers: number, random: KeyedRandom, alpha: number): Shards {
  const label = labelsOf(data);
  const classes = new Map<number, number[]>();
  for (let s = 0; s < data.samples; s++) {
    const members = classes.get(label[s]);
    if (members === undefined) classes.set(label[s], [s]);
    else members.push(s);
    if (classes.size > MAX_CLASSES) {
      throw new UsageError(`data set ${data.name} has more than ${MAX_CLASSES} labels; split dirichlet takes no more`);
    }
  }
  const rng = new Rng();
  const shares = new Float64Array(workers);
  const shards: number[][] = Array.from({ length: workers }, () => []);
  [...classes.keys()]
    .sort((a, b) => a - b)
    .forEach((value, c) => {
      const members = Int32Array.from(classes.get(value) as number[]);
      random.stream(rng, 'data/shuffle', c, EVERY_WORKER).shuffle(members);
      drawDirichlet(random.stream(rng, 'data/dirichlet', c, EVERY_WORKER), alpha, shares);
      let share = 0;
      let from = 0;
      for (let i = 0; i < workers; i++) {
        share += shares[i];
        const to = i === workers - 1 ? members.length : Math.min(members.length, Math.round(share * members.length));
        for (; from < to; from++) shards[i].push(members[from]);
      }
    });
  for (const shard of shards) {
    if (shard.length > 0) continue;
    const largest = shards.reduce((most, other) => (other.length > most.length ? other : most));
    shard.push(largest.pop() as number);
  }
  const start = new Int32Array(workers + 1);
  shards.forEach((shard, i) => {
    start[i + 1] = start[i] + shard.length;
  });
  return { order: Int32Array.from(shards.flat()), start, samples: data.samples };
}

/** The partition that a spec asks for. @throws UsageError */
function parseSplit(text: string): Partition {
  const spec = Spec.parse('split', text);
  const partition = lookUp('split', splits, spec.name)(spec);
  spec.rejectUnknown();
  return partition;
}

/** Checks a split spec without assigning anything. @throws UsageError */
export function checkSplit(text: string): void {
  parseSplit(text);
}

/** Assigns the samples of `data` to `workers` workers. @throws UsageError when a worker would get none. */
export function split(text: string, data: Dataset, workers: number, random: KeyedRandom): Shards {
  const partition = parseSplit(text);
  if (data.samples < workers) {
    throw new UsageError(`${workers} workers cannot share ${data.samples} samples: at most one worker a sample`);
  }
  const { order, start, samples } = partition(data, workers, random);
  const kept: Shards = { order: shared(Int32Array, order.length), start: shared(Int32Array, start.length), samples };
  kept.order.set(order);
  kept.start.set(start);
  return kept;
}
