import type { Smoothness } from '../problem/problem.js';
import type { PolyakLojasiewicz } from './parameters.js';

/** What a theorem's bound on the number of rounds hangs on, beside the method. */
export interface BoundInput {
  /** γ of the run, at most what theory says. */
  readonly stepSize: number;
  /** δ⁰ = f(x⁰) − inf f, or anything larger. */
  readonly delta: number;
  /** ε, the value of ‖∇f‖² that is aimed at. MARINA's paper writes ε² for it. */
  readonly target: number;
}

/** The number of rounds after which a theorem has the mean of ‖∇f‖² at most ε: a worst case, no forecast. */
export interface Bound {
  /** T, a whole number ≥ 0; x⁰, …, x^T are the iterates. */
  readonly rounds: number;
  readonly formula: string;
  /** What is at most ε after them. */
  readonly quantity: string;
}

/**
 * T = ⌈2δ⁰/(γε)⌉, of all theorems that have E‖∇f(x̂)‖² ≤ 2δ⁰/(γT) for an x̂ drawn uniformly from x⁰, …, x^{T−1}. They sum
 *
 *   f(x^{k+1}) ≤ f(x^k) − γ/2 ‖∇f(x^k)‖² − (1/(2γ) − L/2)‖x^{k+1} − x^k‖² + γ/2 ‖g^k − ∇f(x^k)‖²  [PAGE, Lemma 2]
 *
 * over k with a bound E Σ‖g^k − ∇f(x^k)‖² ≤ C E Σ‖x^{k+1} − x^k‖², which starts from 0 because g⁰ = ∇f(x⁰); γ ≤ 1/(L + √C).
 */
export function uniformBound({ stepSize, delta, target }: BoundInput): Bound {
  return {
    rounds: wholeRounds((2 * delta) / (stepSize * target)),
    formula: '2δ⁰/(γε)',
    quantity: 'E‖∇f(x̂)‖² ≤ ε, x̂ drawn uniformly from the iterates before the last (--output uniform)',
  };
}

/**
 * Under the Polyak–Łojasiewicz condition, T = ⌈ln(2 L_f δ⁰/ε)/−ln(1 − γμ)⌉, of the theorems that have
 * E f(x^T) − inf f ≤ (1 − γμ)^T δ⁰: ‖∇f(x)‖² ≤ 2 L_f (f(x) − inf f) for every L_f-smooth f.
 */
function linearBound({ stepSize, delta, target }: BoundInput, { f }: Smoothness, mu: number): Bound {
  return {
    rounds: wholeRounds(Math.log((2 * f * delta) / target) / -Math.log1p(-stepSize * mu)),
    formula: 'ln(2 L_f δ⁰/ε)/−ln(1 − γμ)',
    quantity: 'E‖∇f(x)‖² ≤ 2 L_f E(f(x) − inf f) ≤ ε at the last iterate (--output last)',
  };
}

/** {@link uniformBound}, or where μ was given the bound under the Polyak–Łojasiewicz condition. */
export function boundWithMu(input: BoundInput, smoothness: Smoothness, { mu }: PolyakLojasiewicz): Bound {
  return mu === undefined ? uniformBound(input) : linearBound(input, smoothness, mu);
}

/** Upwards, but for what rounding has added to a whole number; at least 0. */
function wholeRounds(rounds: number): number {
  return Math.max(0, Math.ceil(rounds * (1 - 1e-12)));
}
