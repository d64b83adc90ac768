import { UsageError } from '../errors.js';
import { EVERY_WORKER, type KeyedRandom, Rng } from '../random.js';
import { lookUp, Spec } from '../spec.js';

/** The samples of each worker. */
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

type Split = (samples: number, workers: number, random: KeyedRandom) => Shards;

/**
 * How samples are dealt to workers.
 *
 * - `contiguous`: blocks of ⌊N/n⌋ rows in file order; the last N − n⌊N/n⌋ rows are dropped (as in the MARINA paper).
 * - `shuffled`: a seeded shuffle, then blocks whose sizes differ by at most one; nothing is dropped.
 */
const splits: Readonly<Record<string, Split>> = {
  contiguous: (samples, workers) => {
    const size = Math.floor(samples / workers);
    const order = Int32Array.from({ length: size * workers }, (_, s) => s);
    return { order, start: Int32Array.from({ length: workers + 1 }, (_, i) => i * size), samples: size * workers };
  },
  shuffled: (samples, workers, random) => {
    const order = Int32Array.from({ length: samples }, (_, s) => s);
    random.stream(new Rng(), 'data/shuffle', 0, EVERY_WORKER).shuffle(order);
    const start = Int32Array.from({ length: workers + 1 }, (_, i) => Math.floor((i * samples) / workers));
    return { order, start, samples };
  },
};

/** Checks a split spec without dealing anything. @throws UsageError */
export function checkSplit(text: string): void {
  const spec = Spec.parse('split', text);
  lookUp('split', splits, spec.name);
  spec.done();
}

/** Deals `samples` samples to `workers` workers. @throws UsageError when a worker would get none. */
export function split(text: string, samples: number, workers: number, random: KeyedRandom): Shards {
  checkSplit(text);
  if (samples < workers) {
    throw new UsageError(`${workers} workers cannot share ${samples} samples: at most one worker a sample`);
  }
  return lookUp('split', splits, Spec.parse('split', text).name)(samples, workers, random);
}
