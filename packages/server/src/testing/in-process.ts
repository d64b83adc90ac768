import type { Runtime, Vector } from '@flotilla/core';
import { parseOptions } from '../run/options.js';
import type { TrainOptions } from '../train.js';
import { Training } from '../training.js';

/** Opens a training on the calling thread (loopback unless asked otherwise), to look at it round by round. Close it. */
export function openHere(options: TrainOptions, runtime?: Runtime): Promise<Training> {
  return Training.open(parseOptions({ transport: 'loopback', ...options }), runtime === undefined ? {} : { runtime });
}

/** The state of a worker's half, in a training on the calling thread. */
export function hosted({ host }: Training['fleet'], worker: number): object {
  if (host === undefined) throw new Error('this training has no host on the calling thread');
  return host.state(worker);
}

/** The iterates x¹ … x^rounds. */
export async function iterates(options: TrainOptions, rounds: number): Promise<Vector[]> {
  const training = await openHere(options);
  try {
    const list: Vector[] = [];
    for (let round = 0; round < rounds; round++) {
      await training.round();
      list.push(training.iterate());
    }
    return list;
  } finally {
    await training.close();
  }
}

/** max |a − b| / max |b| over all iterates. */
export function relativeDistance(a: readonly Vector[], b: readonly Vector[]): number {
  let distance = 0;
  let size = 0;
  for (const [k, vector] of b.entries()) {
    for (const [j, v] of vector.entries()) {
      distance = Math.max(distance, Math.abs(v - (a[k]?.[j] ?? Number.NaN)));
      size = Math.max(size, Math.abs(v));
    }
  }
  return distance / size;
}
