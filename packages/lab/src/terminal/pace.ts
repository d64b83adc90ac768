import type { Options, Progress } from '@flotilla/server';
import { StoppingCriteria } from '@flotilla/server/internal';

/** A place in a run, and when it was there by the clock on the wall. */
interface Place extends Progress {
  readonly at: number;
}

type Rules = ConstructorParameters<typeof StoppingCriteria>[0];

/** A speed is that of so long. */
const WINDOW_MS = 10_000;
const STEP_MS = 100;

/** How fast a run is, and how long it will take. */
export class Pace {
  readonly #places: Place[] = [];
  /** What ends the run that is known beforehand, and how far it is by it. */
  readonly #ends: readonly (readonly [total: number, of: (place: Progress) => number])[];
  /** Whether another rule may end it before. */
  readonly isAtMost: boolean;
  /** The last round; infinite when no rule names it. */
  readonly rounds: number;

  constructor(rules: Rules & Partial<Options>) {
    const { target, targetRelative, targetLoss, timeLimit = Infinity, maxBytes = Infinity } = rules;
    this.rounds = new StoppingCriteria(rules).rounds;
    const ends = [
      [this.rounds, ({ round }: Progress) => round],
      [timeLimit, ({ seconds }: Progress) => seconds],
      [maxBytes, ({ uplinkBytes, downlinkBytes }: Progress) => uplinkBytes + downlinkBytes],
    ] as const;
    this.#ends = ends.filter(([total]) => Number.isFinite(total));
    this.isAtMost = [target, targetRelative, targetLoss].some((rule) => rule !== undefined);
  }

  /** The run has come to this place. */
  reach(place: Progress, at: number): void {
    const places = this.#places;
    // the first one stays until it is old
    if (places.length > 1 && at - (places.at(-2) as Place).at < STEP_MS) places.pop();
    places.push({ ...place, at });
    while (places.length > 2 && at - (places[1] as Place).at >= WINDOW_MS) places.shift();
  }

  /** Rounds a second, evaluation left out; undefined before there are two places. */
  get roundsPerSecond(): number | undefined {
    const [first, last] = this.#span;
    if (first === undefined || last === undefined || last.seconds <= first.seconds) return undefined;
    return (last.round - first.round) / (last.seconds - first.seconds);
  }

  /** What of the run is done, 0 to 1; undefined when only a target ends it. */
  get fraction(): number | undefined {
    const last = this.#places.at(-1);
    if (this.#ends.length === 0) return undefined;
    return last === undefined ? 0 : Math.min(1, Math.max(...this.#ends.map(([total, of]) => of(last) / total)));
  }

  /** Seconds until the first rule that is known beforehand ends it, evaluations and all; undefined when that cannot be known. */
  secondsLeft(now: number): number | undefined {
    const [first, last] = this.#span;
    if (first === undefined || last === undefined) return undefined;
    const left = this.#ends.flatMap(([total, of]) => {
      const done = of(last) - of(first);
      return done > 0 ? [((total - of(last)) * (last.at - first.at)) / done] : [];
    });
    return left.length === 0 ? undefined : Math.max(0, Math.min(...left) - (now - last.at)) / 1000;
  }

  get #span(): [Place?, Place?] {
    const places = this.#places;
    return places.length < 2 ? [] : [places[0], places.at(-1)];
  }
}
