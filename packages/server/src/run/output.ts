import { EVERY_WORKER, type KeyedRandom, Rng, type State, type Vector } from '@flotilla/core';
import { restoreState, snapshotState } from '@flotilla/core/internal';

/** The names of the rules by which a run gives back a point: {@link Output}. */
export const OUTPUTS = ['last', 'uniform', 'best'] as const;
export type OutputName = (typeof OUTPUTS)[number];

/**
 * x̂, the point that a run of T rounds gives back, where that is not its last iterate x^T.
 *
 * - `uniform`: drawn uniformly from x⁰, …, x^{T−1}, the x̂ that the theorems bound E‖∇f(x̂)‖² of [MARINA, Theorem 2.1 and the
 *   others; MARINA-P, Theorems D.1 and E.1]. T need not be known: after round t the point of that pool that has just been added,
 *   x^{t−1}, takes the place with probability 1/t [reservoir sampling: J. S. Vitter, ACM TOMS 11 (1985)]. The draws are the
 *   run's, by round, and no iterate depends on them: whatever rule ends the run, every point is equally likely.
 * - `best`: the point with the least ‖∇f‖² of those that were evaluated, the earliest of equal ones.
 *
 * Costs one vector of d values; how it stands is vectors and numbers, so that it can be stored with a training.
 */
export class Output {
  readonly #kept: { readonly x: Vector; round: number; gradNormSq: number };
  readonly #rng = new Rng();

  /** @param start x⁰; copied */
  constructor(
    readonly name: Exclude<OutputName, 'last'>,
    start: Vector,
    private readonly random: KeyedRandom,
  ) {
    this.#kept = { x: start.slice(), round: 0, gradNormSq: Number.POSITIVE_INFINITY };
  }

  /** x̂ of the rounds so far. To be copied. */
  get x(): Vector {
    return this.#kept.x;
  }

  /** k of x̂ = x^k. */
  get round(): number {
    return this.#kept.round;
  }

  /** Round `round`, from 1, has ended. @param before The iterate that it began with */
  afterRound(round: number, before: Vector): void {
    if (this.name !== 'uniform') return;
    if (this.random.stream(this.#rng, 'output', round, EVERY_WORKER).below(round) === 0) this.#keep(before, round - 1);
  }

  /** ‖∇f(x)‖² is known. @param round The number of rounds after which x is the iterate */
  afterEvaluation(round: number, gradNormSq: number, x: Vector): void {
    if (this.name !== 'best' || gradNormSq >= this.#kept.gradNormSq) return;
    this.#kept.gradNormSq = gradNormSq;
    this.#keep(x, round);
  }

  snapshot(): State {
    return snapshotState(this.#kept);
  }

  /** @throws FlotillaError `protocol` for what is no state of an output; nothing has changed then */
  restore(state: State): void {
    restoreState(this.#kept, state);
  }

  #keep(x: Vector, round: number): void {
    this.#kept.x.set(x);
    this.#kept.round = round;
  }
}
