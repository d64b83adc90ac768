import { type Precision, type Registry, Spec, UsageError } from '@flotilla/core';
import { lookUp, parseDecimal, printed, printedWord } from '@flotilla/core/internal';
import { bernoulli } from './bernoulli.js';
import { checkConstants } from './check-constants.js';
import type { Compressor, ExplicitSelector, Selector, ValueCodec, Wire } from './compressor.js';
import { CoreSketch } from './core-sketch.js';
import { dithered } from './dithering.js';
import { identity } from './identity.js';
import { l2Quantization } from './l2-quantization.js';
import { natural } from './natural.js';
import { naturalDithering } from './natural-dithering.js';
import { packed } from './packed.js';
import { permK } from './perm-k.js';
import { Pipeline } from './pipeline.js';
import { plain } from './plain.js';
import { qsgd } from './qsgd.js';
import { randK } from './rand-k.js';
import { Scaled } from './scaled.js';
import { topK } from './top-k.js';
import { takesF32, Widened } from './widened.js';

/** What a stage of a compressor is made for. */
export interface Environment {
  /** Coordinates the stage chooses from. */
  readonly dimension: number;
  readonly workers: number;
  readonly wire: Wire;
  /** Of the run's vectors. */
  readonly precision: Precision;
  /** Position in the pipeline; stages of one pipeline draw from different streams. */
  readonly stage: number;
}

/**
 * How a name of the registry becomes a part of a compressor: it selects coordinates, or quantizes the values that are left, or
 * is a compressor on its own, or wraps another, written `name(inner)`. Reads its parameters from `spec`.
 * @throws UsageError
 */
export type CompressorEntry =
  | { readonly selector: (spec: Spec, env: Environment) => Selector | ExplicitSelector }
  | { readonly quantizer: (spec: Spec, env: Environment) => ValueCodec }
  | { readonly standalone: (spec: Spec, env: Environment, text: string) => Compressor }
  | { readonly wrapper: (inner: Compressor, text: string, env: Environment) => Compressor };

/** Levels are packed in at most 24 bits with their sign. */
const MAX_LEVELS = 2 ** 22;
/** Projections of one message. */
const MAX_PROJECTIONS = 2 ** 20;

/** The built-in compressors. */
export const compressors: Registry<CompressorEntry> = Object.freeze({
  identity: { selector: (_spec, env) => identity(env.dimension) },
  'rand-k': {
    selector: (spec, env) => randK(env.dimension, keptCoordinates(spec, env), env.workers, false, env.stage),
  },
  'same-rand-k': {
    selector: (spec, env) => randK(env.dimension, keptCoordinates(spec, env), env.workers, true, env.stage),
  },
  'perm-k': { selector: (_spec, env) => permK(env.dimension, env.workers, env.stage) },
  'top-k': { selector: (spec, env) => topK(env.dimension, keptCoordinates(spec, env)) },
  bernoulli: { selector: (spec, env) => bernoulli(env.dimension, probability(spec), env.workers, env.stage) },
  packed: { quantizer: (_spec, env) => packed(env.wire, env.dimension) },
  natural: { quantizer: (_spec, env) => natural(env.wire, env.stage) },
  qsgd: {
    quantizer: (spec, env) => dithered(qsgd(env.dimension, whole(spec, 'levels', MAX_LEVELS)), env.wire, env.stage),
  },
  'l2-quantization': {
    quantizer: (_spec, env) => dithered(l2Quantization(env.dimension, env.wire), env.wire, env.stage),
  },
  'natural-dithering': {
    quantizer: (spec, env) =>
      dithered(naturalDithering(env.dimension, whole(spec, 'levels', 1000), normOf(spec)), env.wire, env.stage),
  },
  core: {
    standalone: (spec, env, text) =>
      new CoreSketch(text, env.dimension, whole(spec, 'm', MAX_PROJECTIONS), env.wire, env.stage, env.precision),
  },
  scaled: { wrapper: (inner, text, env) => new Scaled(text, inner, env.precision) },
});

/**
 * Builds the compressor of a spec such as `rand-k:k=250`, `rand-k:k=1%`, `rand-k:k=d/n`, `perm-k+natural`,
 * `scaled(rand-k:k=5)`.
 * @param env f64 where it has no precision
 * @param registry the compressors that the spec may name, in parentheses too
 * @throws UsageError when a name or parameter is unknown or impossible for this dimension and number of workers.
 */
export function createCompressor(
  text: string,
  env: { dimension: number; workers: number; wire: Wire; precision?: Precision | undefined },
  registry: Registry<CompressorEntry> = compressors,
): Compressor {
  const selectors: (Selector | ExplicitSelector)[] = [];
  let codec: ValueCodec | undefined;
  let dimension = env.dimension;
  const { precision = 'f64' } = env;
  const parts = split(text);
  for (const [stage, part] of parts.entries()) {
    const [, name, inner] = /^\s*([a-z0-9][a-z0-9-]*)\((.*)\)\s*$/s.exec(part) ?? [];
    const spec = Spec.parse('compressor', name ?? part);
    const entry = lookUp('compressor', registry, spec.name);
    if (codec !== undefined) {
      throw new UsageError(
        `compressor ${printed(text)}: ${part} cannot follow one that rounds every value; put it first`,
      );
    }
    if ('wrapper' in entry !== (inner !== undefined)) {
      throw new UsageError(
        'wrapper' in entry
          ? `compressor ${spec.name} takes another one in parentheses: ${spec.name}(rand-k:k=1%)`
          : `compressor ${spec.name} takes no other one in parentheses`,
      );
    }
    if ('wrapper' in entry || 'standalone' in entry) {
      if (parts.length > 1) {
        throw new UsageError(`compressor ${printed(text)}: ${part.trim()} cannot be a part of another one`);
      }
      const compressor =
        'wrapper' in entry
          ? entry.wrapper(createCompressor(inner as string, env, registry), text, { ...env, precision, stage })
          : entry.standalone(spec, { ...env, precision, stage }, text);
      if ('standalone' in entry) spec.rejectUnknown();
      checkConstants(spec.name, 'whole', compressor.constants);
      return precision === 'f64' || takesF32(compressor) ? compressor : new Widened(compressor);
    }
    const here = { dimension, workers: env.workers, wire: env.wire, precision, stage };
    if ('selector' in entry) {
      const selector = entry.selector(spec, here);
      checkConstants(spec.name, 'selector', selector);
      selectors.push(selector);
      dimension = selector.maxKept;
    } else {
      codec = entry.quantizer(spec, here);
      checkConstants(spec.name, 'quantizer', codec);
    }
    spec.rejectUnknown();
  }
  const [first = identity(env.dimension), ...rest] = selectors;
  return new Pipeline(text, [first, ...rest], codec ?? plain(env.wire), env.workers, precision);
}

/** The parts between the `+` that stand outside parentheses. */
function split(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const letter of text) {
    if (letter === '(') depth++;
    if (letter === ')' && --depth < 0) break;
    if (letter === '+' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  if (depth !== 0) throw new UsageError(`compressor ${printed(text)}: its parentheses do not match`);
  return parts;
}

/** A whole number that must be given. */
function whole(spec: Spec, key: string, most: number, allowed = `a whole number from 1 to ${most}`): number {
  const value = spec.integer(key, 1, most, allowed);
  if (value === undefined) throw missing(spec, key, allowed);
  return value;
}

function missing(spec: Spec, key: string, allowed: string): UsageError {
  const given = [...spec.parameters].map(([other, value]) => `${other}=${printedWord(value)}`);
  const instead = given.length === 0 ? '' : `, not ${given.join(',')}`;
  return new UsageError(`compressor ${spec.name} needs ${key}=: ${allowed}${instead}`);
}

function probability(spec: Spec): number {
  const p = spec.number('p', 0, 1, true);
  if (p === undefined) throw missing(spec, 'p', 'a probability in (0, 1]');
  return p;
}

/** p of `p=2` or `p=inf`, the default. */
function normOf(spec: Spec): number {
  const text = spec.text('p') ?? 'inf';
  const p = text === 'inf' ? Number.POSITIVE_INFINITY : parseDecimal(text);
  if (p === undefined || p < 1) throw spec.invalid('p', text, 'inf or a number from 1 on');
  return p;
}

/** K of `k=250`, `k=1%` or `k=d/n`; fractions round down, to at least 1. */
function keptCoordinates(spec: Spec, { dimension, workers }: Environment): number {
  const text = spec.text('k') ?? '';
  if (text === 'd/n') return Math.max(1, Math.floor(dimension / workers));
  const share = text.endsWith('%') ? parseDecimal(text.slice(0, -1)) : undefined;
  if (share !== undefined && share > 0 && share <= 100) {
    // 0.57 % of 10,000 is 57, although the product in f64 is a little less
    return Math.max(1, Math.floor(Number(((dimension * share) / 100).toPrecision(12))));
  }
  return whole(spec, 'k', dimension, `1 to ${dimension}, a percentage such as 1%, or d/n`);
}
