import type { RunRecord, Target } from './run-record.js';
import type { Sweep } from './sweep.js';

/** A method with its compressors on a problem, over seeds. */
export interface Trial {
  /** Options of `train` without seed and step size. */
  readonly options: Readonly<Record<string, string | number | undefined>>;
  /** γ before it is multiplied: a number, or the method's theory when left out. */
  readonly base?: number;
  /** The multiple of it that tuning tries first, a power of two; 1 when left out. */
  readonly from?: number;
  readonly seeds: readonly string[];
  readonly targets: readonly Target[];
  /** Rounds after which a run has failed. */
  readonly rounds: number;
}

/** A trial at one step size. */
export interface Outcome {
  /** Of the base. */
  readonly factor: number;
  /** Rounds between evaluations: hits lie on this grid. */
  readonly evalEvery: number;
  readonly records: readonly RunRecord[];
}

/** Runs a trial at `factor` times its base step size. */
export async function runTrial(sweep: Sweep, trial: Trial, factor: number): Promise<Outcome> {
  const { options, base, seeds, targets, rounds } = trial;
  const stepSize = base === undefined ? `theory*${factor}` : base * factor;
  const runs = seeds.map((seed) => sweep.run({ options: { ...options, seed, stepSize, rounds }, targets }));
  return { factor, evalEvery: Number(options.evalEvery ?? 1), records: await Promise.all(runs) };
}

/** A multiple is tried in this range of powers of two. */
const POWERS = { from: -10, to: 12 };
/** Seeds that a step size is chosen by. */
const TUNING_SEEDS = 2;
/** Evaluations, at least, up to the first target: a grid of 2 % of the rounds it takes. */
const EVALUATIONS = 50;

/**
 * The power of two times the base step size that needs the fewest rounds to the trial's target number `goal`, by the mean
 * over the first two seeds (or comes closest to it); then all seeds with it, evaluated often enough for the first target. Goes
 * up from the first factor until one is worse, or down when the next above it is; each factor gets one and a half times the
 * rounds of the best so far.
 */
export async function tune(sweep: Sweep, trial: Trial, goal: number): Promise<Outcome> {
  const some = { ...trial, seeds: trial.seeds.slice(0, TUNING_SEEDS) };
  const first = Math.log2(trial.from ?? 1);
  let best = { power: first, score: Number.POSITIVE_INFINITY, firstHit: 1 };
  const attempt = async (power: number): Promise<boolean> => {
    const most = best.score < trial.rounds ? Math.ceil(1.5 * best.score) + 10 : trial.rounds;
    const { records } = await runTrial(sweep, { ...some, rounds: Math.min(trial.rounds, most) }, 2 ** power);
    const scores = records.map((record) => score(record, goal, trial.rounds));
    const mean = scores.reduce((sum, value) => sum + value, 0) / scores.length;
    const better = mean < best.score;
    const hits = records.map(({ hits }) => hits[0]?.round ?? trial.rounds);
    if (better) best = { power, score: mean, firstHit: Math.min(...hits) };
    return better;
  };
  const converges = await attempt(first);
  for (let power = first + 1; converges && power <= POWERS.to; power++) if (!(await attempt(power))) break;
  for (let power = first - 1; best.power <= first && power >= POWERS.from; power--) {
    // downwards the first factors may diverge as well
    if (!(await attempt(power)) && Number.isFinite(best.score)) break;
  }
  const { evalEvery = 1 } = trial.options;
  const fine = Math.min(Number(evalEvery), Math.max(1, Math.floor(best.firstHit / EVALUATIONS)));
  return runTrial(sweep, { ...trial, options: { ...trial.options, evalEvery: fine } }, 2 ** best.power);
}

/** Rounds to the goal; when it was not reached, the rounds given and more, the farther from it the more. */
function score({ hits, rows, diverged }: RunRecord, goal: number, rounds: number): number {
  const hit = hits[goal];
  if (hit !== null && hit !== undefined) return hit.round;
  const [start, end] = [rows[0]?.gradNormSq ?? Number.NaN, rows.at(-1)?.gradNormSq ?? Number.NaN];
  return diverged === null && end < start ? rounds * (1 + end / start) : Number.POSITIVE_INFINITY;
}
