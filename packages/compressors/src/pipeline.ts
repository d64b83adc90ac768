import { type Precision, type Sparse, subtract, type Vector } from '@flotilla/core';
import { isIndependent, zeros } from '@flotilla/core/internal';
import type {
  Compressor,
  CompressorConstants,
  ExplicitSelector,
  MessageKey,
  Selector,
  Support,
  ValueCodec,
} from './compressor.js';
import { ProtocolError } from './errors.js';
import { log2Binomial } from './index-code.js';
import { takesF32 } from './widened.js';

type Stage = Selector | ExplicitSelector;

const BITS = { f32: 32, f64: 64 } as const;

/**
 * A compressor made of parts: selectors, each choosing among the coordinates that the one before it kept, and a codec for
 * the values that are left. `rand-k:k=250+natural` is one selector and the codec `natural`; `perm-k` is one selector and
 * the plain codec. A payload is the supports of the explicit selectors, in order, and the values.
 */
export class Pipeline implements Compressor {
  readonly precisions: readonly Precision[];
  readonly dimension: number;
  readonly constants: CompressorConstants;
  readonly same: boolean;
  readonly maxBytes: number;
  readonly nominalBits: number;
  readonly remember: Compressor['remember'];
  readonly encodeRemembered: Compressor['encodeRemembered'];
  /** Memory for kept values; made when there are some to be put there. */
  #own: Float64Array | undefined;
  /** Most that there can be. */
  readonly #kept: number;
  /** Kept values of the current message, in that memory or where they came, and the coordinates they belong to. */
  #values: Float64Array = new Float64Array(0);
  /** Copies of f32 values, for selectors that take f64 alone; made when there is one. */
  #widened: Float64Array | undefined;
  #index: Int32Array | undefined;
  #count = 0;
  /** Factor of the kept values. */
  #scale = 1;

  constructor(
    readonly spec: string,
    private readonly selectors: readonly [Stage, ...Stage[]],
    private readonly codec: ValueCodec,
    workers: number,
    private readonly precision: Precision = 'f64',
  ) {
    this.precisions = [precision, 'f64'];
    const last = selectors.at(-1) as Stage;
    this.dimension = selectors[0].dimension;
    this.#kept = Math.max(...selectors.map((s) => s.maxKept));
    if (selectors.every((s) => !('choose' in s))) {
      this.remember = (y, key) => this.#remember(y, key);
      this.encodeRemembered = (x, key, out, at) => this.#encodeRemembered(x, key, out, at);
    }
    this.maxBytes =
      codec.maxBytes(last.maxKept) + selectors.reduce((sum, s) => sum + ('choose' in s ? s.maxIndexBytes : 0), 0);
    this.nominalBits = codec.nominalBits;
    this.same = servesAll(selectors);
    const product = selectors.reduce((p, s) => p * (1 + s.omega), 1 + codec.omega);
    this.constants = {
      omega: product - 1,
      theta: thetaOf(selectors, codec, workers),
      ...spreadOf(selectors, codec, product - 1, workers),
      alpha: selectors.reduce((p, s) => p * s.alpha, Math.max(0, 1 - codec.omega)),
      density: codec.density?.(last.density) ?? last.density,
      expectedBits: (codec.expectedBits?.(last.density) ?? codec.nominalBits * last.density) + indexBits(selectors),
    };
  }

  get coordinates(): number {
    return this.codec.coordinates ?? this.#count;
  }

  encode(x: Vector, key: MessageKey, out: Uint8Array, at: number): number {
    let to = at;
    this.#keepAll();
    for (const selector of this.selectors) {
      if (!('choose' in selector)) {
        this.#keep(selector.select(key, this.#count));
        continue;
      }
      const length = this.#count;
      const values = this.#index === undefined ? x : this.#gather(x, this.#index, 1);
      const support = selector.choose(this.#for(selector, values, length), length);
      to += selector.writeIndex(length, out, to);
      this.#keep(support);
    }
    const count = this.#count;
    const scale = this.#scale;
    if (this.#index !== undefined)
      return to - at + this.codec.write(this.#gather(x, this.#index, scale), count, key, out, to);
    if (scale === 1 && (x instanceof Float64Array || takesF32(this.codec)))
      return to - at + this.codec.write(x as Float64Array, count, key, out, to);
    const values = this.#ownValues();
    for (let k = 0; k < count; k++) values[k] = scale * x[k];
    return to - at + this.codec.write(values, count, key, out, to);
  }

  #remember(y: Vector, key: MessageKey): void {
    this.#keepAll();
    for (const selector of this.selectors) this.#keep((selector as Selector).select(key, this.#count));
    if (this.#index === undefined) this.#ownValues().set(y);
    else this.#gather(y, this.#index, 1);
  }

  #encodeRemembered(x: Vector, key: MessageKey, out: Uint8Array, at: number): number {
    const index = this.#index;
    const count = this.#count;
    const scale = this.#scale;
    const values = this.#ownValues();
    if (index === undefined) {
      subtract(x, values, values);
      // f64, for a codec that takes nothing else
      if (x instanceof Float32Array && values instanceof Float64Array)
        for (let k = 0; k < count; k++) values[k] = Math.fround(values[k]);
    } else if (x instanceof Float64Array) for (let k = 0; k < count; k++) values[k] = x[index[k]] - values[k];
    else for (let k = 0; k < count; k++) values[k] = Math.fround(x[index[k]] - values[k]);
    if (scale !== 1) for (let k = 0; k < count; k++) values[k] *= scale;
    return this.codec.write(values, count, key, out, at);
  }

  decode(bytes: Uint8Array, at: number, end: number, key: MessageKey): void {
    let from = at;
    this.#keepAll();
    for (const selector of this.selectors) {
      if ('choose' in selector) from += selector.readIndex(bytes, from, end, this.#count);
      this.#keep('choose' in selector ? selector.support : selector.select(key, this.#count));
    }
    try {
      // its width must be the vectors'
      const isAsWide = this.codec.nominalBits === BITS[this.precision];
      const held = isAsWide ? this.codec.view?.(bytes, from, end, this.#count) : undefined;
      if (held !== undefined) this.#values = held as Float64Array;
      else this.codec.read(bytes, from, end, this.#count, this.#ownValues());
    } catch (error) {
      throw error instanceof ProtocolError ? new ProtocolError(`${this.spec}: ${error.message}`) : error;
    }
  }

  addTo(target: Vector, weight: number): void {
    const index = this.#index;
    const values = this.#values;
    if (index === undefined) addWeighted(target, weight, values, this.#count);
    else for (let k = 0; k < this.#count; k++) target[index[k]] += weight * values[k];
  }

  copyTo(target: Vector): void {
    const index = this.#index;
    const values = this.#values;
    if (index === undefined && this.#count === target.length) {
      target.set(values);
      return;
    }
    target.fill(0);
    if (index === undefined) return;
    for (let k = 0; k < this.#count; k++) target[index[k]] = values[k];
  }

  get sparse(): Sparse | undefined {
    const index = this.#index;
    return index && { index, values: this.#values, count: this.#count };
  }

  /** Memory for kept values, which are there from now on. */
  #ownValues(): Float64Array {
    // what the codec takes, which is f32 where it says so
    this.#own ??= zeros(this.#kept, takesF32(this.codec) ? this.precision : 'f64') as Float64Array;
    this.#values = this.#own;
    return this.#own;
  }

  /** The first `length` values of x as a selector takes them. */
  #for(selector: ExplicitSelector, x: Vector, length: number): Float64Array {
    if (x instanceof Float64Array || takesF32(selector)) return x as Float64Array;
    this.#widened ??= new Float64Array(this.dimension);
    this.#widened.set(x.length === length ? x : x.subarray(0, length));
    return this.#widened;
  }

  /** The kept values of x, times `scale`. */
  #gather(x: Vector, index: Int32Array, scale: number): Float64Array {
    const values = this.#ownValues();
    const count = this.#count;
    for (let k = 0; k < count; k++) values[k] = scale * x[index[k]];
    return values;
  }

  /** A message begins with all coordinates. */
  #keepAll(): void {
    this.#index = undefined;
    this.#count = this.dimension;
    this.#scale = 1;
  }

  /** Keeps of the coordinates that are kept so far those that the next stage does. */
  #keep({ index, count, scale }: Support): void {
    const before = this.#index;
    if (before === undefined || index === undefined) this.#index = index ?? before;
    else this.#index = index.subarray(0, count).map((k) => before[k]);
    this.#count = count;
    this.#scale *= scale;
  }
}

/** target[k] += weight · values[k], k < count. Four at a time: a message for each worker is added, and this takes half the time. */
function addWeighted(target: Vector, weight: number, values: Vector, count: number): void {
  let k = 0;
  for (; k + 3 < count; k += 4) {
    target[k] += weight * values[k];
    target[k + 1] += weight * values[k + 1];
    target[k + 2] += weight * values[k + 2];
    target[k + 3] += weight * values[k + 3];
  }
  for (; k < count; k++) target[k] += weight * values[k];
}

/** log₂ C(length, kept) bits of each explicit support: what no code can go below on average. */
function indexBits(selectors: readonly Stage[]): number {
  return selectors.reduce((bits, s) => bits + ('choose' in s ? log2Binomial(s.dimension, s.maxKept) : 0), 0);
}

/** One message serves all workers when its support is the same for all; rounding needs no agreement. */
function servesAll(selectors: readonly Stage[]): boolean {
  const choosing = selectors.filter((s) => s.omega > 0);
  return choosing.length > 0 && choosing.every((s) => s.same);
}

/**
 * θ of the collection. After a first stage with its own θ, the later stages add their variance, independent over workers:
 * θ₁ + (1 + ω₁) ω_rest / n. A later stage that is the same for every worker correlates what the first kept apart, and one
 * message for all is not averaged at all: then ω bounds θ.
 */
function thetaOf(selectors: readonly [Stage, ...Stage[]], codec: ValueCodec, workers: number): number {
  const [first, ...rest] = selectors;
  const later = rest.reduce((p, s) => p * (1 + s.omega), 1 + codec.omega) - 1;
  if (servesAll(selectors) || rest.some((s) => s.same)) return (1 + first.omega) * (1 + later) - 1;
  return first.theta + ((1 + first.omega) * later) / workers;
}

/**
 * A and B of the collection. After a first stage with its own A₁ and B₁, stages that are independent over the workers add
 * their variance, ω_rest of what the first has let through: A₁ + (1 + ω₁) ω_rest/n and B₁. Where a later stage is shared, ω
 * and 0, which always hold (Jensen).
 */
function spreadOf(selectors: readonly [Stage, ...Stage[]], codec: ValueCodec, total: number, workers: number) {
  const [first, ...rest] = selectors;
  if (!Number.isFinite(total) || rest.some((s) => s.omega > 0 && !independent(s, workers))) return { A: total, B: 0 };
  if (independent(first, workers)) return { A: total / workers, B: 0 };
  const later = rest.reduce((p, s) => p * (1 + s.omega), 1 + codec.omega) - 1;
  return { A: (first.A ?? first.omega) + ((1 + first.omega) * later) / workers, B: first.B ?? 0 };
}

function independent({ omega, A = omega, B = 0 }: Stage, workers: number): boolean {
  return isIndependent({ omega, A, B }, workers);
}
