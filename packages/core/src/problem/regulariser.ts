import { UsageError } from '../errors.js';
import { printed } from '../printed.js';
import type { Spec } from '../spec.js';
import type { Facts } from './problem.js';

/**
 * Reads `lambda`, the λ of a term (λ/2)‖x‖²: a number, or a multiple of L = max_ij L_ij written `1e-6*L`. Where a model is used,
 * its facts have λ as a number, and that is it.
 * @param usual when none is given
 * @returns λ for L
 */
export function readLambda(spec: Spec, usual: string, facts: Facts | undefined): (L: number) => number {
  const text = spec.text('lambda') ?? usual;
  const match = /^([0-9.]+(?:e[+-]?[0-9]+)?)(\*L)?$/i.exec(text);
  const number = Number(match?.[1]);
  if (match === null || !Number.isFinite(number)) {
    throw spec.invalid('lambda', text, 'a number ≥ 0 or a multiple of L such as 1e-6*L');
  }
  if (facts === undefined) return match[2] === undefined ? () => number : (L) => number * L;
  const { lambda } = facts;
  if (typeof lambda === 'number' && lambda >= 0 && lambda < Number.POSITIVE_INFINITY) return () => lambda;
  throw new UsageError(`the facts of a model of ${spec.name} have lambda, a number ≥ 0, not ${printed(lambda)}`);
}
