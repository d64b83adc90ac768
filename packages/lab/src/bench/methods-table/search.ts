/** What a run to the target cost. */
export interface Cost {
  /** Frame bytes of both links. */
  readonly bytes: number;
  readonly rounds: number;
}

/** How a run with one step size ended. */
export interface Trial {
  /** Null when it did not reach the target. */
  readonly cost: Cost | null;
  /** What it stood at over the target, when it was given up; infinite when it diverged. */
  readonly distance: number;
}

/** A power of two that the base step size was multiplied by, and the cost of the run that reached the target. */
export interface Tried {
  readonly power: number;
  readonly cost: Cost;
}

/** The powers that are looked at first. */
const UP = [3, 6, 9, 12, 15, 18];
const DOWN = [-3, -6, -9];
/** The first look upwards takes this share of the rounds that a run may have. */
const FIRST_LOOK = 0.2;
/** A run is given up after so many times the rounds of the cheapest so far. */
const PATIENCE = 1.5;

/**
 * Looks for the power of two times a base step size with the fewest bytes, ties by rounds. First 1; then 8, 64, …, for a fifth of
 * the rounds, up to the first that is no better, if one has arrived, or that diverges; when even 1 comes closer than those, 1/8,
 * 1/64, …; then, with all rounds, the best of them, or the closest where none has arrived, and the powers beside it as long as
 * they are better still.
 *
 * @param attempt One run, given up after so many rounds.
 * @param rounds Rounds of the run with the base step size itself.
 * @returns The powers that reached the target, cheapest first.
 */
export async function search(
  attempt: (power: number, rounds: number) => Promise<Trial>,
  rounds: number,
): Promise<Tried[]> {
  /** By power, with the rounds they were given. */
  const trials = new Map<number, Trial & { readonly limit: number }>();
  const reached = (): Tried[] =>
    [...trials]
      .flatMap(([power, { cost }]) => (cost === null ? [] : [{ power, cost }]))
      .sort((a, b) => a.cost.bytes - b.cost.bytes || a.cost.rounds - b.cost.rounds);
  /** The cheapest that has arrived, or else the closest. */
  const best = () => {
    const distance = (power: number) => trials.get(power)?.distance as number;
    return reached()[0]?.power ?? [...trials.keys()].reduce((a, b) => (distance(b) < distance(a) ? b : a), 0);
  };
  const limitNow = () => {
    const cheapest = reached()[0];
    return cheapest === undefined ? rounds : Math.min(rounds, Math.ceil(PATIENCE * cheapest.cost.rounds) + 10);
  };
  /** Whether `power` is the best so far. */
  const look = async (power: number, most = rounds): Promise<boolean> => {
    const limit = Math.min(most, limitNow());
    trials.set(power, { ...(await attempt(power, limit)), limit });
    return best() === power;
  };
  const diverged = (power: number) => trials.get(power)?.distance === Number.POSITIVE_INFINITY;
  /** Whether a longer run would say nothing new. */
  const settled = (power: number) => {
    const trial = trials.get(power);
    return trial !== undefined && (trial.cost !== null || diverged(power) || trial.limit >= limitNow());
  };

  await look(0);
  for (const power of UP) {
    const better = await look(power, Math.ceil(FIRST_LOOK * rounds));
    if (!better && (reached().length > 0 || diverged(power))) break;
  }
  if (best() === 0 && reached().length === 0) {
    for (const power of DOWN) if (!(await look(power)) && !diverged(power)) break;
  }
  if (!settled(best())) await look(best());
  for (const step of [1, -1]) {
    for (let power = best() + step; !settled(power) && (await look(power)); ) power += step;
  }
  return reached();
}
