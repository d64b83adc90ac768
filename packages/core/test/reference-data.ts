import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Path of a file among the fixtures (see their README). */
export const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

/** A folder with whole data sets, for the long suite: beside the repository, or where FLOTILLA_REFERENCE_DATA says. */
export const wholeSets =
  process.env.FLOTILLA_REFERENCE_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));

/** Whether the whole sets are there; says so when they are not. */
export function haveWholeSets(): boolean {
  const present = existsSync(join(wholeSets, 'a9a.xz'));
  if (!present) console.warn(`skipped: the data sets of ${wholeSets}, which is not there`);
  return present;
}

/** Gradient descent with step size 1/L on an excerpt, from x⁰ = 0. */
export interface DescentReference {
  readonly file: string;
  readonly problem: 'nonconvex-logistic' | 'logistic';
  readonly workers: number;
  readonly samples: number;
  readonly dimension: number;
  readonly smoothness: { readonly perWorker: readonly number[]; readonly f: number; readonly rms: number };
  readonly steps: number;
  /** f at x⁰ and after all steps. */
  readonly loss: readonly [number, number];
  /** ‖∇f‖² at x⁰ and after all steps. */
  readonly gradNormSq: readonly [number, number];
  /** Values of ‖∇f‖², and the first round at which it is at most that. */
  readonly targets: readonly number[];
  readonly rounds: readonly number[];
}

/** Mean and standard deviation over seeds. */
export interface Spread {
  readonly mean: number;
  readonly sd: number;
}

/** A method with RandK uplinks and theory's step size on an excerpt. */
export interface StochasticReference {
  readonly method: 'marina' | 'diana';
  readonly file: string;
  readonly workers: number;
  readonly k: number;
  readonly stepSize: number;
  readonly seeds: number;
  /** Values of ‖∇f‖²; for each the rounds and a worker's uplink bits until it is at most that. */
  readonly targets: readonly number[];
  readonly rounds: readonly Spread[];
  readonly bits: readonly Spread[];
}

/** What fixtures/reference.py has written. */
export const reference: {
  readonly gradientDescent: readonly DescentReference[];
  readonly stochastic: readonly StochasticReference[];
} = JSON.parse(readFileSync(fixture('reference.json'), 'utf8'));

/**
 * How far the mean of `values` may be from that of a reference over `runs` seeds: three standard errors of the difference
 * and two per cent.
 */
export function offReference(values: readonly number[], { mean, sd }: Spread, runs: number) {
  const own = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - own) ** 2, 0) / (values.length - 1);
  const standardError = Math.sqrt(variance / values.length + sd ** 2 / runs);
  return { mean: own, off: Math.abs(own - mean), allowed: 3 * standardError + 0.02 * mean };
}
