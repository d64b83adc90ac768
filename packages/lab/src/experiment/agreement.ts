import { spread } from '../report/statistics.js';
import { grouped } from '../terminal/format.js';

/** A mean over runs of an independent program. */
export interface Reference {
  readonly mean: number;
  /** Left out where it is not known: then it is taken to be ours. */
  readonly sd?: number;
  readonly runs: number;
  /** Standard deviation of one run where it is known, and a handful of runs would misjudge it. */
  readonly knownSd?: number;
}

/** Whether our mean lies within three standard errors plus 2 % of a reference, and both in words. */
export function agreement(values: readonly number[], reference: Reference): { agrees: boolean; text: string } {
  const { mean, sd } = spread(values);
  const { knownSd = 0, runs } = reference;
  const ours = Math.max(sd, knownSd) ** 2 / Math.max(1, values.length);
  const theirs = Math.max(reference.sd ?? sd, knownSd) ** 2 / runs;
  const allowed = 3 * Math.sqrt(ours + theirs) + 0.02 * Math.abs(reference.mean);
  const agrees = values.length > 0 && Math.abs(mean - reference.mean) <= allowed;
  const text = `${grouped(mean)} ± ${grouped(sd)} (${values.length} runs), reference ${grouped(reference.mean)} ${reference.sd === undefined ? '' : `± ${grouped(reference.sd)} `}(${runs}); allowed difference ${grouped(allowed)}`;
  return { agrees, text };
}
