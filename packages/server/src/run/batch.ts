import type { Method } from '@flotilla/core';
import { optionError } from '@flotilla/core/internal';
import type { Options } from './options.js';

type BatchOptions = Pick<Options, 'batch' | 'batchDense'>;

/** Refuses batches that the method has no use for. @throws UsageError */
export function checkBatchMethod({ batch, batchDense }: BatchOptions, { name, stochastic }: Method): void {
  if (batch === undefined) {
    if (batchDense === undefined) return;
    throw optionError('batchDense', `${batchDense} is for the dense rounds of a run with a batch; give that too`);
  }
  if (stochastic === undefined) {
    throw optionError(
      'batch',
      `${batch} must be left out: method ${name} does not say how it takes gradients on samples`,
    );
  }
  if (batchDense !== undefined && stochastic === 'gradients') {
    throw optionError('batchDense', `${batchDense} must be left out: method ${name} takes every gradient on the batch`);
  }
}

/** Refuses batches that there are no samples for: `samples` of the worker that has the most. @throws UsageError */
export function checkBatchSamples(options: BatchOptions, problem: string, samples: number | undefined): void {
  for (const name of ['batch', 'batchDense'] as const) {
    const size = options[name];
    if (size === undefined) continue;
    if (samples === undefined) {
      throw optionError(name, `${size} needs samples to draw from; problem ${problem} has none`);
    }
    if (size > samples) {
      throw optionError(name, `${size} is more than any worker has; allowed is 1 to ${samples} samples`);
    }
  }
}

/** What the workers are told: nothing when the batch is a parameter of the method, which they get as one. */
export function jobBatches({ batch, batchDense }: BatchOptions, { stochastic }: Method): BatchOptions {
  return stochastic === 'parameter' ? {} : { batch, batchDense };
}
