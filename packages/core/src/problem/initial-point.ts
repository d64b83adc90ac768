import { UsageError } from '../errors.js';
import { EVERY_WORKER, type KeyedRandom, Rng } from '../random.js';

const ALLOWED = 'reference, zeros or normal:SCALE (for example normal:0.01)';

/** The standard deviation of `normal:SCALE`, or undefined for the fixed starting points. @throws UsageError */
function scaleOf(text: string): number | undefined {
  if (text === 'reference' || text === 'zeros') return undefined;
  const scale = Number(/^normal:(\S+)$/.exec(text)?.[1]);
  if (!(scale > 0 && scale < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`init ${JSON.stringify(text)} is not known; allowed: ${ALLOWED}`);
  }
  return scale;
}

/** Checks an init spec. @throws UsageError */
export function checkInit(text: string): void {
  scaleOf(text);
}

/**
 * x⁰, the same on the server and on every worker without being sent.
 *
 * - `reference`: x⁰_j = (((7919 j + 104729) mod 2003) / 2003 − 0.5) · 0.2, a fixed point for exact comparisons.
 * - `zeros`.
 * - `normal:SCALE`: independent N(0, SCALE²), from the run's seed.
 */
export function initialPoint(text: string, dimension: number, random: KeyedRandom): Float64Array {
  const scale = scaleOf(text);
  const x = new Float64Array(dimension);
  if (scale !== undefined) {
    const rng = random.stream(new Rng(), 'init', 0, EVERY_WORKER);
    for (let j = 0; j < dimension; j++) x[j] = scale * rng.normal();
  } else if (text === 'reference') {
    for (let j = 0; j < dimension; j++) x[j] = (((j * 7919 + 104729) % 2003) / 2003 - 0.5) * 0.2;
  }
  return x;
}
