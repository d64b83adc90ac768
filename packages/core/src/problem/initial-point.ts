import { parseDecimal } from '../decimal.js';
import { FlotillaError, optionError } from '../errors.js';
import { didYouMean } from '../near-miss.js';
import { printed } from '../printed.js';
import { EVERY_WORKER, type KeyedRandom, Rng } from '../random.js';
import { attempt } from '../thrown.js';
import type { Problem } from './problem.js';

const ALLOWED = 'reference, zeros or normal:SCALE (for example normal:0.01)';

/** Those of them that are words. */
const STARTS = ['reference', 'zeros'];

/** The init that stands for the problem's own starting point. */
const OWN = 'problem';

/** Before the hash of a starting point that was given as numbers. */
const GIVEN = 'given:';

/** What a job calls a starting point that was given as numbers. @param hash SHA-256 of its little-endian f64 */
export function givenInit(hash: string): string {
  return `${GIVEN}${hash}`;
}

/** The standard deviation of `normal:SCALE`, or undefined for the other starting points. @throws UsageError */
function scaleOf(text: string, hasOwn: boolean): number | undefined {
  if (text === 'reference' || text === 'zeros' || (text === OWN && hasOwn)) return undefined;
  const scale = parseDecimal(/^normal:(.*)$/s.exec(text)?.[1] ?? '');
  if (scale === undefined || scale <= 0) {
    throw optionError('init', `${printed(text)} is not known; allowed: ${ALLOWED}${didYouMean(text, STARTS)}`);
  }
  return scale;
}

/**
 * Checks an init spec. Only a problem that is made knows whether it has a starting point of its own: without one the word
 * `problem` passes.
 * @throws UsageError
 */
export function checkInit(text: string, problem?: Pick<Problem, 'start'>): void {
  scaleOf(text, problem === undefined || problem.start !== undefined);
}

/**
 * x⁰, the same on the server and on every worker without being sent.
 *
 * - `reference`: x⁰_j = (((7919 j + 104729) mod 2003) / 2003 − 0.5) · 0.2, a fixed point for exact comparisons.
 * - `zeros`.
 * - `normal:SCALE`: independent N(0, SCALE²), from the run's seed.
 * - `problem`: what the problem says, for one that has a starting point of its own.
 * - `given:HASH`, in a job alone: the point `given`.
 *
 * @param given x⁰, where somebody has it: what any of the others comes to, if it is given for them
 */
export function initialPoint(
  text: string,
  problem: Pick<Problem, 'dimension' | 'start'>,
  random: KeyedRandom,
  given?: Float64Array,
): Float64Array {
  const { dimension } = problem;
  if (given?.length === dimension) return given;
  if (text.startsWith(GIVEN)) {
    throw new FlotillaError('internal', `the starting point ${text} is not here`);
  }
  const scale = scaleOf(text, problem.start !== undefined);
  if (text === OWN && problem.start !== undefined) {
    const own = attempt("the problem's start", () => problem.start?.(random)) as unknown;
    if (!(own instanceof Float64Array)) {
      throw new FlotillaError(
        'internal',
        `the problem's start returned ${printed(own)}; it must return a Float64Array`,
      );
    }
    if (own.length === dimension) return own;
    throw new FlotillaError('internal', `the problem's starting point has ${own.length} coordinates, not ${dimension}`);
  }
  const x = new Float64Array(dimension);
  if (scale !== undefined) {
    const rng = random.stream(new Rng(), 'init', 0, EVERY_WORKER);
    for (let j = 0; j < dimension; j++) x[j] = scale * rng.normal();
  } else if (text === 'reference') {
    for (let j = 0; j < dimension; j++) x[j] = (((j * 7919 + 104729) % 2003) / 2003 - 0.5) * 0.2;
  }
  return x;
}
