import { spread, spreadText } from '../report/statistics.js';
import { grouped, number } from '../terminal/format.js';

/** A mean over runs of an independent program. */
export interface Reference {
  readonly mean: number;
  /** Left out where it is not known: then it is taken to be ours. */
  readonly sd?: number;
  readonly runs: number;
  /** Standard deviation of one run where it is known, and a handful of runs would misjudge it. */
  readonly knownSd?: number;
}

/** What a comparison with a reference comes to. `not decided`: agreeing would mean nothing, so wide is what is allowed. */
export type Agreement = 'reproduced' | 'not reproduced' | 'not decided';

/** A comparison that allows more than this share of the reference cannot confirm it. */
const WIDEST = 0.2;

/**
 * Whether our mean lies within three standard errors, of both sides, plus 2 % of a reference, and both in words. Where that is
 * more than a fifth of the reference, lying within it decides nothing; lying outside it does.
 * @param grid Values are known from below only to within `step`, for they were looked at every `every` rounds.
 */
export function agreement(
  values: readonly number[],
  reference: Reference,
  grid: { readonly every: number; readonly step: number } = { every: 1, step: 0 },
): { verdict: Agreement; text: string } {
  const { mean, sd } = spread(values);
  const { knownSd = 0, runs } = reference;
  const ours = Math.max(sd, knownSd) ** 2 / Math.max(1, values.length);
  const theirs = Math.max(reference.sd ?? sd, knownSd) ** 2 / runs;
  const allowed = 3 * Math.sqrt(ours + theirs) + 0.02 * Math.abs(reference.mean) + grid.step;
  const within = values.length > 0 && Math.abs(mean - reference.mean) <= allowed;
  const share = allowed / Math.abs(reference.mean);
  const verdict = !within ? 'not reproduced' : share > WIDEST ? 'not decided' : 'reproduced';
  const own = `${spreadText(values, grouped)} (${counted(values.length)}${grid.every > 1 ? `, grid of ${grid.every} rounds` : ''})`;
  const other = `${grouped(reference.mean)} ${reference.sd === undefined ? '' : `± ${grouped(reference.sd)} `}(${counted(runs)})`;
  const percent = number(Number((100 * share).toPrecision(2)));
  const why = verdict === 'not decided' ? ': too wide to confirm anything' : '';
  return { verdict, text: `${own}, reference ${other}; allowed difference ${grouped(allowed)}, ${percent} %${why}` };
}

const counted = (runs: number) => (runs === 1 ? '1 run' : `${runs} runs`);
