import type { CommonDraw, KeyedRandom, Precision, Purpose, Rng, Sparse, Vector } from '@flotilla/core';
import { EVERY_WORKER } from '@flotilla/core';

/** Width of a dense coordinate on the wire. */
export type Wire = 'f32' | 'f64';

export type Direction = 'uplink' | 'downlink';

/**
 * The address of one compression's randomness. Both ends of a link hold an equal key, so whatever is drawn from it needs no
 * bytes. Reused from message to message.
 */
export class MessageKey {
  round = 0;
  worker = 0;
  draw = 0;

  constructor(
    private readonly random: KeyedRandom,
    readonly direction: Direction,
    readonly workers: number,
  ) {}

  /**
   * Moves the key to the message of `worker` in `round`; `draw` numbers the independent compressions that one message may
   * hold.
   */
  at(round: number, worker: number, draw = 0): this {
    this.round = round;
    this.worker = worker;
    this.draw = draw;
    return this;
  }

  /** Starts `rng` on this message's own stream. */
  own(rng: Rng, what: 'support' | 'rounding', stage: number): Rng {
    return this.random.stream(rng, purpose(this.direction, what, stage), this.round, this.worker, this.draw);
  }

  /** Starts `rng` on the stream that the messages of all workers share in this round. */
  common(rng: Rng, what: 'support' | 'rounding', stage: number): Rng {
    return this.random.stream(rng, purpose(this.direction, what, stage), this.round, EVERY_WORKER, this.draw);
  }

  /**
   * Draws from that stream, unless another thread of the process has: then values[from … to) of it are copied. Whether all
   * values are there.
   */
  shared(rng: Rng, stage: number, draw: CommonDraw, from: number, to: number): boolean {
    return this.random.common(rng, purpose(this.direction, 'support', stage), this.round, this.draw, draw, from, to);
  }
}

function purpose(direction: Direction, what: 'support' | 'rounding', stage: number): Purpose {
  return stage === 0 ? PURPOSES[direction][what] : `${direction}/${what}/${stage}`;
}

const PURPOSES = {
  uplink: { support: 'uplink/support', rounding: 'uplink/rounding' },
  downlink: { support: 'downlink/support', rounding: 'downlink/rounding' },
} as const;

/**
 * The coordinates that a {@link Selector} keeps of one message: `index[0 … count)`, any order, no repeats; no index means
 * all of them in order. The kept values are scaled by `scale`. Valid until the selector's next call.
 */
export interface Support {
  index: Int32Array | undefined;
  count: number;
  scale: number;
}

/** What theory and the boundary know of an operator that keeps some coordinates. */
interface SelectorConstants {
  /** Number of coordinates to choose from, at most. */
  readonly dimension: number;
  /** Most coordinates ever kept. */
  readonly maxKept: number;
  /** ω of the operator. */
  readonly omega: number;
  /** θ of the collection of all workers' operators. */
  readonly theta: number;
  /** A and B of the collection, as in {@link CompressorConstants}; ω and 0 when left out. */
  readonly A?: number;
  readonly B?: number;
  /** α: E‖C(x) − x‖² ≤ (1 − α)‖x‖². 0 when no such bound below ‖x‖² holds. */
  readonly alpha: number;
  /** ζ: expected number of coordinates kept. */
  readonly density: number;
  /** Whether every worker gets the same support, so that one message can serve all. */
  readonly same: boolean;
}

/**
 * Keeps some coordinates, chosen from shared randomness alone: the receiver derives the same support, so indices cost no
 * bytes.
 */
export interface Selector extends SelectorConstants {
  /** The support of a message whose vector has `length` ≤ dimension coordinates. */
  select(key: MessageKey, length: number): Support;
}

/** Keeps coordinates that depend on the values, so that their indices have to travel, before the values. */
export interface ExplicitSelector extends SelectorConstants {
  /** Of the vectors that `choose` takes; f64 alone when left out: of a run in f32 it gets copies. */
  readonly precisions?: readonly Precision[];
  /** Upper bound of the support's bytes. */
  readonly maxIndexBytes: number;
  /** The support last chosen or read. */
  readonly support: Support;
  /** Chooses the support of x[0 … length). @throws FlotillaError `compressor` for NaN or an infinity */
  choose(x: Float64Array, length: number): Support;
  /** Writes the support last chosen among `length` coordinates and returns the number of bytes. */
  writeIndex(length: number, out: Uint8Array, at: number): number;
  /** Reads a support from `bytes[at … end)` and returns the number of bytes it takes. @throws ProtocolError */
  readIndex(bytes: Uint8Array, at: number, end: number, length: number): number;
}

/** Writes the kept values of a message, each with its own rounding. */
export interface ValueCodec {
  /** Of the values that it takes and gives; f64 alone when left out: of a run in f32 it gets copies. */
  readonly precisions?: readonly Precision[];
  /** ω of the rounding; 0 when only the wire's own rounding is left. */
  readonly omega: number;
  /** Bits that the papers count for one value, whatever is written for it. */
  readonly nominalBits: number;
  /** Expected number of values that are not rounded to zero, of `count` on average; all of them when left out. */
  density?(count: number): number;
  /** Expected bits of `count` values on average; `nominalBits` times `count` when left out. */
  expectedBits?(count: number): number;
  /** Values of the last message that were not rounded to zero; all of them when left out. */
  readonly coordinates?: number;
  /** Upper bound of the payload bytes of `count` values. */
  maxBytes(count: number): number;
  /**
   * Writes values[0 … count) to `out` from `at` and returns the number of bytes.
   * @throws FlotillaError `compressor` for a value that cannot be carried: NaN, ±Infinity or a magnitude out of range.
   */
  write(values: Float64Array, count: number, key: MessageKey, out: Uint8Array, at: number): number;
  /**
   * Reads `count` values from `payload[at … end)`, which must be all of it.
   * @throws ProtocolError when the bytes are not the encoding of `count` values.
   */
  read(payload: Uint8Array, at: number, end: number, count: number, values: Float64Array): void;
  /**
   * The same values as they lie in the payload, where they can be used there: valid as long as the payload is.
   * @throws ProtocolError as {@link ValueCodec.read} does
   */
  view?(payload: Uint8Array, at: number, end: number, count: number): Vector | undefined;
}

/** Bounds and costs of an operator, as theory states them. */
export interface CompressorConstants {
  /** E‖C(x) − x‖² ≤ ω‖x‖², E C(x) = x. Infinite when C is biased. */
  readonly omega: number;
  /** E‖(1/n) Σ C_i(x) − x‖² ≤ θ‖x‖² over the n workers' operators. */
  readonly theta: number;
  /**
   * The AB-inequality of n workers' messages [Szlendak, Tyurin, Richtárik 2021]: for vectors a_i of mean ā,
   * E‖(1/n) Σ C_i(a_i) − ā‖² ≤ A (1/n) Σ‖a_i‖² − B‖ā‖². ω/n and 0 where workers draw independently. When left out they
   * are ω and 0, which hold whatever the workers share.
   */
  readonly A?: number;
  readonly B?: number;
  /** E‖C(x) − x‖² ≤ (1 − α)‖x‖²; 0 when no such bound below ‖x‖² holds. */
  readonly alpha: number;
  /** ζ: expected number of coordinates kept. */
  readonly density: number;
  /**
   * Expected payload bits of a message, before its last byte is filled up. A support that travels counts log₂ C(d, K), the
   * least that any code needs.
   */
  readonly expectedBits: number;
}

/**
 * An operator on R^dimension together with its codec. One object serves all messages of one direction on one thread; the
 * key says which message. Its receiver decodes to exactly the vector that the sender, if its state depends on it, uses
 * from then on.
 */
export interface Compressor {
  /** The spec it was made from. */
  readonly spec: string;
  /** Of the vectors that it encodes and adds or copies to; f64 alone when left out: of a run in f32 it gets copies. */
  readonly precisions?: readonly Precision[];
  readonly dimension: number;
  readonly constants: CompressorConstants;
  /** Whether one downlink message serves every worker; otherwise each worker gets a message of its own. */
  readonly same: boolean;
  /** Upper bound of a message's payload in bytes. */
  readonly maxBytes: number;
  /** Bits that the papers count for one coordinate sent, whatever is written for it. */
  readonly nominalBits: number;
  /** Coordinates in the message that was last encoded or decoded. */
  readonly coordinates: number;
  /** Writes C(x) to `out` from `at` and returns the number of payload bytes. @throws FlotillaError `compressor` */
  encode(x: Float64Array, key: MessageKey, out: Uint8Array, at: number): number;
  /**
   * Notes what C under this key keeps of y, for one that chooses coordinates without looking at their values: for
   * {@link Compressor.encodeRemembered}.
   */
  readonly remember?: ((y: Float64Array, key: MessageKey) => void) | undefined;
  /** Writes C(x − y), each difference rounded to the precision of x, where what was remembered last is of y, under the same key. */
  readonly encodeRemembered?: ((x: Float64Array, key: MessageKey, out: Uint8Array, at: number) => number) | undefined;
  /** Reads the payload `bytes[at … end)`; the vector is then read by `addTo` or `copyTo`. @throws ProtocolError */
  decode(bytes: Uint8Array, at: number, end: number, key: MessageKey): void;
  /** target ← target + weight · (the decoded vector) */
  addTo(target: Float64Array, weight: number): void;
  /** target ← the decoded vector */
  copyTo(target: Float64Array): void;
  /** The decoded vector's kept coordinates, when they are listed. */
  readonly sparse?: Sparse | undefined;
}
