// What a method and the boundary say to each other. A method hands out vectors and gets vectors back; how they were
// compressed, framed and counted in between is the boundary's affair.

import type { Vector } from './vector.js';

/**
 * How a message travels.
 *
 * - `none`: no vector at all
 * - `dense`: every coordinate, in the width of the wire
 * - `compressed`: through the link's compressor
 * - `delta`: the coordinates that differ from a vector that the receivers hold already. Nobody asks for this form: the
 *   boundary takes it in place of `dense` when the sender names such a vector and the message gets shorter.
 */
export type Form = 'none' | 'dense' | 'compressed' | 'delta';

/** What one side hands to the boundary, to be sent. The boundary reads it before it asks the method for anything else. */
export interface Outgoing {
  readonly form: Exclude<Form, 'delta'>;
  /** The vector to send, of the run's message dimension; ignored when `form` is `none`. Not changed. */
  readonly vector: Vector;
  /** Extra vectors of the same frame, at most 255, in the same form, each compressed with randomness of its own. */
  readonly extra?: readonly Vector[];
  /**
   * With form `dense`: the vector that the receivers hold in the place of this one, as they got it. The boundary then sends
   * only the coordinates that differ, as form `delta`, when that takes fewer bytes.
   */
  readonly deltaBase?: Vector;
  /**
   * What is sent is then `vector` less what was remembered, each coordinate rounded to the run's precision; a compressor that
   * keeps few coordinates computes no others. Not together with `extra` or `deltaBase`.
   */
  readonly minus?: Remembered;
}

/**
 * What was remembered of a vector for one message, so that the vector can be written anew: all that its compressor will look at
 * (`LocalFunction.remember`).
 */
export interface Remembered {
  readonly round: number;
  readonly worker: number;
}

/**
 * What a message carried, as its receiver got it. A sender whose state must agree with the receiver's gets the same object
 * and applies it in the same way: both sides apply what the wire carried, never what it was made from.
 *
 * Valid until the boundary's next message.
 */
export interface Incoming {
  readonly form: Form;
  /** The server's coins of this round, bit 0 first. */
  readonly coins: number;
  /** Vectors in the frame. */
  readonly vectors: number;
  /** target ← vector k of the frame. In form `delta` the target must hold what the sender said the receivers hold. */
  copyTo(target: Vector, k?: number): void;
  /**
   * target ← target + weight · the sum of the frame's vectors.
   * @throws FlotillaError `internal` in form `delta`, which has no meaning as a sum
   */
  addTo(target: Vector, weight: number): void;
  /** The vector's kept coordinates, when the frame has one vector and its codec lists them. */
  readonly sparse?: Sparse | undefined;
}

/** A vector with values[k] at coordinate index[k], k < count, and zeros elsewhere. No coordinate twice. */
export interface Sparse {
  readonly index: Int32Array;
  readonly values: Vector;
  readonly count: number;
}
