import type { RunRecord, Target } from './run-record.js';
import type { Sweep } from './sweep.js';

/** A method with its compressors on a problem, over seeds. */
export interface Trial {
  /** Options of `train` without seed and step size. */
  readonly options: Readonly<Record<string, string | number | undefined>>;
  /** γ before it is multiplied: a number, or the method's theory when left out. */
  readonly base?: number;
  readonly seeds: readonly string[];
  readonly targets: readonly Target[];
  /** Rounds after which a run has failed. */
  readonly rounds: number;
}

/** A trial at one step size. */
export interface Outcome {
  /** Of the base. */
  readonly factor: number;
  readonly records: readonly RunRecord[];
}

/** Runs a trial at `factor` times its base step size. */
export async function runTrial(sweep: Sweep, trial: Trial, factor: number): Promise<Outcome> {
  const { options, base, seeds, targets, rounds } = trial;
  const stepSize = base === undefined ? `theory*${factor}` : base * factor;
  const runs = seeds.map((seed) => sweep.run({ options: { ...options, seed, stepSize, rounds }, targets }));
  return { factor, records: await Promise.all(runs) };
}

/** A multiple is tried in this range of powers of two. */
const POWERS = { from: -10, to: 12 };
/** Seeds that a step size is chosen by. */
const TUNING_SEEDS = 2;

/**
 * The power of two times the base step size that needs the fewest rounds to the trial's target number `goal`, by the mean
 * over the first two seeds (or comes closest to it); then all seeds with it. Goes up from 1 until a factor is worse, or down
 * when 1 diverges; each factor gets one and a half times the rounds of the best so far.
 */
export async function tune(sweep: Sweep, trial: Trial, goal: number): Promise<Outcome> {
  const some = { ...trial, seeds: trial.seeds.slice(0, TUNING_SEEDS) };
  let best = { power: 0, score: Number.POSITIVE_INFINITY };
  const attempt = async (power: number): Promise<boolean> => {
    const most = best.score < trial.rounds ? Math.ceil(1.5 * best.score) + 10 : trial.rounds;
    const { records } = await runTrial(sweep, { ...some, rounds: Math.min(trial.rounds, most) }, 2 ** power);
    const scores = records.map((record) => score(record, goal, trial.rounds));
    const mean = scores.reduce((sum, value) => sum + value, 0) / scores.length;
    const better = mean < best.score;
    if (better) best = { power, score: mean };
    return better;
  };
  const step = (await attempt(0)) ? 1 : -1;
  for (let power = step; power >= POWERS.from && power <= POWERS.to; power += step) {
    // downwards the first factors may diverge as well
    if (!(await attempt(power)) && Number.isFinite(best.score)) break;
  }
  return runTrial(sweep, trial, 2 ** best.power);
}

/** Rounds to the goal; when it was not reached, the rounds given and more, the farther from it the more. */
function score({ hits, rows, diverged }: RunRecord, goal: number, rounds: number): number {
  const hit = hits[goal];
  if (hit !== null && hit !== undefined) return hit.round;
  const [start, end] = [rows[0]?.gradNormSq ?? Number.NaN, rows.at(-1)?.gradNormSq ?? Number.NaN];
  return diverged === null && end < start ? rounds * (1 + end / start) : Number.POSITIVE_INFINITY;
}
