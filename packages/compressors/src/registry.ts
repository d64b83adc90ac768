import { lookUp, Spec, UsageError } from '@flotilla/core';
import type { Compressor, ExplicitSelector, Selector, ValueCodec, Wire } from './compressor.js';
import { identity } from './identity.js';
import { natural } from './natural.js';
import { permK } from './perm-k.js';
import { Pipeline } from './pipeline.js';
import { plain } from './plain.js';
import { randK } from './rand-k.js';
import { topK } from './top-k.js';

interface Environment {
  /** Coordinates the stage chooses from. */
  readonly dimension: number;
  readonly workers: number;
  readonly wire: Wire;
  /** Position in the pipeline; stages of one pipeline draw from different streams. */
  readonly stage: number;
}

type Entry =
  | { readonly select: (spec: Spec, env: Environment) => Selector | ExplicitSelector }
  | { readonly round: (spec: Spec, env: Environment) => ValueCodec };

/** Every compressor there is, by the name it has in a spec: those that select coordinates, and those that round values. */
export const compressors: Readonly<Record<string, Entry>> = {
  identity: { select: (_spec, env) => identity(env.dimension) },
  'rand-k': { select: (spec, env) => randK(env.dimension, keptCoordinates(spec, env), env.workers, false, env.stage) },
  'same-rand-k': {
    select: (spec, env) => randK(env.dimension, keptCoordinates(spec, env), env.workers, true, env.stage),
  },
  'perm-k': { select: (_spec, env) => permK(env.dimension, env.workers, env.stage) },
  'top-k': { select: (spec, env) => topK(env.dimension, keptCoordinates(spec, env)) },
  natural: { round: (_spec, env) => natural(env.wire, env.stage) },
};

/**
 * Builds the compressor of a spec such as `rand-k:k=250`, `rand-k:k=1%`, `rand-k:k=d/n`, `perm-k+natural`.
 * @throws UsageError when a name or parameter is unknown or impossible for this dimension and number of workers.
 */
export function createCompressor(text: string, env: { dimension: number; workers: number; wire: Wire }): Compressor {
  const selectors: (Selector | ExplicitSelector)[] = [];
  let codec: ValueCodec | undefined;
  let dimension = env.dimension;
  for (const [stage, part] of text.split('+').entries()) {
    const spec = Spec.parse('compressor', part);
    const entry = lookUp('compressor', compressors, spec.name);
    if (codec !== undefined) {
      throw new UsageError(
        `compressor ${JSON.stringify(text)}: ${part} cannot follow one that rounds every value; put it first`,
      );
    }
    const here = { dimension, workers: env.workers, wire: env.wire, stage };
    if ('select' in entry) {
      const selector = entry.select(spec, here);
      selectors.push(selector);
      dimension = selector.maxKept;
    } else {
      codec = entry.round(spec, here);
    }
    spec.done();
  }
  const [first = identity(env.dimension), ...rest] = selectors;
  return new Pipeline(text, [first, ...rest], codec ?? plain(env.wire, dimension), env.workers);
}

/** K of `k=250`, `k=1%` or `k=d/n`; fractions round down, to at least 1. */
function keptCoordinates(spec: Spec, { dimension, workers }: Environment): number {
  const text = spec.text('k');
  const allowed = `1 to ${dimension}, a percentage such as 1%, or d/n`;
  if (text === undefined) throw new UsageError(`compressor ${spec.name} needs k=: ${allowed}`);
  if (text === 'd/n') return Math.max(1, Math.floor(dimension / workers));
  const percent = /^([0-9.]+)%$/.exec(text);
  const share = Number(percent?.[1]);
  if (percent !== null && share > 0 && share <= 100) {
    // 0.57 % of 10,000 is 57, although the product in f64 is a little less
    return Math.max(1, Math.floor(Number(((dimension * share) / 100).toPrecision(12))));
  }
  const k = Number(text);
  if (percent !== null || !Number.isInteger(k) || k < 1 || k > dimension) throw spec.bad('k', text, allowed);
  return k;
}
