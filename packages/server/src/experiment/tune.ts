import type { RunRecord, Sweep, Target } from './sweep.js';

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
 * over the first two seeds; then all seeds with it. Goes up from 1 until a factor is worse or diverges, or down when 1
 * does; each factor gets one and a half times the rounds of the best so far.
 */
export async function tune(sweep: Sweep, trial: Trial, goal: number): Promise<Outcome> {
  const some = { ...trial, seeds: trial.seeds.slice(0, TUNING_SEEDS) };
  let best = { power: 0, rounds: Number.POSITIVE_INFINITY };
  const attempt = async (power: number): Promise<'better' | 'worse' | 'diverged'> => {
    const most = Number.isFinite(best.rounds) ? Math.ceil(1.5 * best.rounds) + 10 : trial.rounds;
    const { records } = await runTrial(sweep, { ...some, rounds: Math.min(trial.rounds, most) }, 2 ** power);
    const mean = meanRounds(records, goal);
    if (mean < best.rounds) {
      best = { power, rounds: mean };
      return 'better';
    }
    return records.some(({ diverged }) => diverged !== null) ? 'diverged' : 'worse';
  };
  const first = await attempt(0);
  const step = first === 'diverged' ? -1 : 1;
  for (let power = step; power >= POWERS.from && power <= POWERS.to; power += step) {
    const found = Number.isFinite(best.rounds);
    const result = await attempt(power);
    // until something reaches the target, a step that is merely too small (or still too large) is no reason to stop
    if (result !== 'better' && (found || result === (step > 0 ? 'diverged' : 'worse'))) break;
  }
  return runTrial(sweep, trial, 2 ** best.power);
}

function meanRounds(records: readonly RunRecord[], goal: number): number {
  const rounds = records.map(({ hits }) => hits[goal]?.round ?? Number.POSITIVE_INFINITY);
  return rounds.reduce((sum, r) => sum + r, 0) / rounds.length;
}
