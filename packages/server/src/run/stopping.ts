import type { State } from '@flotilla/core';
import { restoreState } from '@flotilla/core/internal';
import type { Metrics, StopReason } from './metrics.js';
import type { Options } from './options.js';

/** Rounds of a run that names no stop rule. */
const DEFAULT_ROUNDS = 500;

export type StopOptions = Pick<
  Options,
  'rounds' | 'target' | 'targetRelative' | 'targetLoss' | 'timeLimit' | 'maxBytes' | 'divergedFactor'
>;

/** When to stop; the first rule that holds gives the reason. */
export class StoppingCriteria {
  /** The last round, whatever else holds; infinite when only other rules were given. */
  readonly rounds: number;
  #initialGradNormSq: number | undefined;

  constructor(private readonly options: StopOptions) {
    const others = [options.target, options.targetRelative, options.targetLoss, options.timeLimit, options.maxBytes];
    const ends = others.some((rule) => rule !== undefined);
    this.rounds = options.rounds ?? (ends ? Number.POSITIVE_INFINITY : DEFAULT_ROUNDS);
  }

  /** What the criteria remember of the rounds so far. */
  snapshot(): State {
    return { initialGradNormSq: this.#initialGradNormSq ?? Number.NaN };
  }

  /** @throws FlotillaError `protocol` for what is no state of stopping criteria */
  restore(state: State): void {
    const own = { initialGradNormSq: 0 };
    restoreState(own, state);
    this.#initialGradNormSq = Number.isNaN(own.initialGradNormSq) ? undefined : own.initialGradNormSq;
  }

  /** Rules on what every round knows. */
  afterRound(round: number, seconds: number, frameBytes: number): StopReason | undefined {
    const { timeLimit, maxBytes } = this.options;
    if (maxBytes !== undefined && frameBytes >= maxBytes) return 'max-bytes';
    if (timeLimit !== undefined && seconds >= timeLimit) return 'time-limit';
    return round >= this.rounds ? 'rounds' : undefined;
  }

  /** What ‖∇f‖² of a run that has not diverged is at most: the option `divergedFactor` times max(its value at x⁰, 1). */
  get divergedAbove(): number {
    const { divergedFactor } = this.options;
    if (divergedFactor === 0) return Number.POSITIVE_INFINITY;
    return divergedFactor * Math.max(this.#initialGradNormSq ?? 0, 1);
  }

  /** Rules on exact values. The first call is x⁰'s. */
  afterEvaluation({ loss, gradNormSq }: Metrics): StopReason | undefined {
    const { target, targetRelative, targetLoss } = this.options;
    this.#initialGradNormSq ??= gradNormSq;
    if (target !== undefined && gradNormSq <= target) return 'target';
    if (targetRelative !== undefined && gradNormSq <= targetRelative * this.#initialGradNormSq)
      return 'target-relative';
    return targetLoss !== undefined && loss <= targetLoss ? 'target-loss' : undefined;
  }
}
